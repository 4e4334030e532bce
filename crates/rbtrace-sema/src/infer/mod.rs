//! Types of all expressions, variables and maps: rounds over the whole program until nothing widens any more, then one round that reports.
//!
//! Map types flow between probes, so a later assignment may widen an earlier one (SPEC §3.3). Widening only goes up and types are bounded, so
//! the rounds end.

mod access;
mod c_calls;
mod c_macros;
mod cast;
mod comptime;
mod cx;
mod declared;
mod expr;
mod functions;
mod keys;
mod maps;
mod operators;
mod stmt;
mod unify;
mod values;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use rbtrace_diag::{Sink, Span};
use rbtrace_lang::Place;
use rbtrace_lang::compile::Constant;
use rbtrace_lang::row::Planned;
use rbtrace_syntax::ast::{ExprId, Probe, Program};
use rbtrace_types::{Struct, Type};

use crate::attach_points::{Body, Leaves, Unit};
use crate::c_types::Seen;
use crate::functions::Definition;
use crate::names::Names;
use crate::shared::Shared;
pub(crate) use expr::packed;
use functions::FunctionState;
pub(crate) use maps::{aggregation_call, aggregation_prelude};
pub(crate) use operators::{Class, class};
pub(crate) use unify::{Ty, join};

/// More rounds than any program needs: every round widens something, and integers widen three times.
const ROUNDS: usize = 64;

/// What is known of a map.
#[derive(Clone, Debug)]
pub(crate) struct MapState {
    /// Unknown, scalar, or keyed.
    pub key: Option<Option<Ty>>,
    /// Type of its value; `Void` while unknown.
    pub value: Ty,
    /// First use.
    pub first: Span,
    /// `let @m = kind(n)`: kind and entries.
    pub declared: Option<(String, u64)>,
    /// Whether some probe deletes single keys.
    pub deletes: bool,
}

/// A program with all types.
pub(crate) struct Typed<'p> {
    /// The programs, in order of the script.
    pub units: Vec<TypedUnit<'p>>,
    /// In order of first appearance.
    pub maps: IndexMap<String, MapState>,
    /// The functions that are called, by name.
    pub functions: IndexMap<String, TypedFunction<'p>>,
}

/// A subprogram with types.
pub(crate) struct TypedFunction<'p> {
    /// Its body; the first variables are its parameters.
    pub body: TypedBody<'p>,
    /// How many those are.
    pub params: usize,
    /// The type of its value; `Void`: it has none.
    pub result: Ty,
}

/// See [`Unit`].
pub(crate) struct TypedUnit<'p> {
    /// How it is attached.
    pub planned: Planned,
    /// As in [`Unit`].
    pub is_numbered: bool,
    /// As in [`Unit`].
    pub is_session: bool,
    /// As in [`Unit`], with types.
    pub bodies: Vec<TypedBody<'p>>,
}

/// A body and the types in it.
pub(crate) struct TypedBody<'p> {
    /// The probe.
    pub probe: &'p Probe,
    /// Names of its variables.
    pub names: &'p Names,
    /// Places, each with its selector if the program is shared.
    pub places: Vec<(Place, Option<u64>)>,
    /// As in [`Body`].
    pub leaves: Option<Leaves>,
    /// What `args` is.
    pub args: Option<Arc<Struct>>,
    /// By `ExprId`.
    pub types: Vec<Ty>,
    /// By `VarId`.
    pub vars: Vec<Ty>,
    /// Expressions whose value is known.
    pub constants: HashMap<ExprId, Constant>,
}

/// The passes' state while one body is looked at.
struct Infer<'a> {
    shared: &'a Shared<'a>,
    names: &'a Names,
    body: &'a Body<'a>,
    types: Vec<Ty>,
    vars: Vec<Ty>,
    constants: HashMap<ExprId, Constant>,
    maps: &'a mut IndexMap<String, MapState>,
    definitions: &'a IndexMap<String, Definition>,
    /// By number of the definition.
    states: &'a mut Vec<FunctionState>,
    /// The function whose body this is.
    inside: Option<usize>,
    /// Whether a row has asked where the program is attached.
    asked_place: Cell<bool>,
    sink: &'a mut Sink,
    /// The last round: what is unknown now stays unknown.
    last: bool,
    /// See [`Look::Guess`].
    guesses: bool,
    /// Inside of `sizeof()` and its like: nothing is evaluated there.
    only_types: bool,
    changed: bool,
}

impl<'a> Infer<'a> {
    /// C types as the code here sees them. A function of the script may be called from any place.
    fn seen(&self) -> Seen<'a> {
        let place = if self.inside.is_some() { None } else { self.body.places.first() };
        Seen::new(&self.shared.c, place.map(|(place, _)| place))
    }
}

/// What a round is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Types become known, and wider.
    Learn,
    /// There is no more to learn, and some maps are still unknown: `@sum = @sum + 1` says what it is only if the other side of an operator counts.
    Guess,
    /// The last one: what is unknown now stays unknown, and mistakes are said.
    Report,
}

/// Types everything. Errors are in the sink.
pub(crate) fn infer<'p>(
    program: &'p Program,
    shared: &Shared,
    units: Vec<Unit<'p>>,
    definitions: &'p IndexMap<String, Definition>,
    names: &'p [Names],
    sink: &mut Sink,
) -> Typed<'p> {
    let maps = declared::maps(program, sink);
    let states = definitions.values().map(FunctionState::new).collect();
    let mut whole = Whole { program, shared, definitions, names, maps, states };
    let functions = function_bodies(&units, definitions, names);
    let bodies =
        || units.iter().flat_map(|unit| &unit.bodies).map(|body| (body, None)).chain(functions.iter().map(|(at, body)| (body, Some(*at))));
    let mut vars: Vec<Vec<Ty>> = bodies().map(|(body, _)| vec![Ty::VOID; names[body.index].vars.len()]).collect();
    let mut look = Look::Learn;
    for _ in 0..ROUNDS {
        let mut silent = Sink::default();
        let mut changed = false;
        for ((body, inside), vars) in bodies().zip(&mut vars) {
            changed |= whole.round(body, inside, vars, &mut silent, look).1;
        }
        let is_stuck = !changed && whole.maps.values().any(|map| map.value.ty == Type::Void);
        look = match look {
            Look::Learn if is_stuck => Look::Guess,
            Look::Learn | Look::Guess | Look::Report if !changed => break,
            Look::Learn | Look::Guess | Look::Report => Look::Learn,
        };
    }
    let learnt = bodies().zip(&mut vars).map(|((body, inside), vars)| whole.round(body, inside, vars, sink, Look::Report).0);
    let mut tables = learnt.collect::<Vec<_>>().into_iter().zip(vars);
    let mut typed = |body: Body<'p>| {
        let ((types, constants), vars) = tables.next().expect("one for every body");
        TypedBody {
            probe: body.probe,
            names: &names[body.index],
            places: body.places,
            leaves: body.leaves,
            args: body.args,
            types,
            vars,
            constants,
        }
    };
    let mut typed_units = Vec::new();
    for unit in units {
        typed_units.push(TypedUnit {
            planned: unit.planned,
            is_numbered: unit.is_numbered,
            is_session: unit.is_session,
            bodies: unit.bodies.into_iter().map(&mut typed).collect(),
        });
    }
    let functions = functions.into_iter().map(|(at, body)| {
        let (name, definition) = definitions.get_index(at).expect("a number of one of them");
        (name.clone(), TypedFunction { body: typed(body), params: definition.item.params.len(), result: whole.states[at].result.clone() })
    });
    let functions = functions.collect();
    declared::check(&whole.maps, sink);
    Typed { units: typed_units, maps: whole.maps, functions }
}

/// The bodies of functions, as if they were attached where the first program is. What nobody calls is looked at only if it says all types.
fn function_bodies<'p>(units: &[Unit<'p>], definitions: &'p IndexMap<String, Definition>, names: &[Names]) -> Vec<(usize, Body<'p>)> {
    let Some(first) = units.first().and_then(|unit| unit.bodies.first()) else { return Vec::new() };
    let index = |at: usize| names.len() - definitions.len() + at;
    let typed = |definition: &Definition| definition.called || definition.item.params.iter().all(|(_, ty)| ty.is_some());
    let looked_at = definitions.values().enumerate().filter(|(_, definition)| typed(definition));
    looked_at
        .map(|(at, definition)| {
            let places = first.places[..1].to_vec();
            (at, Body { probe: &definition.probe, index: index(at), places, args: None, program_type: first.program_type, leaves: None })
        })
        .collect()
}

/// What the rounds share.
struct Whole<'a> {
    program: &'a Program,
    shared: &'a Shared<'a>,
    definitions: &'a IndexMap<String, Definition>,
    names: &'a [Names],
    maps: IndexMap<String, MapState>,
    states: Vec<FunctionState>,
}

impl Whole<'_> {
    /// One look at one body: its types, and whether a variable, map or parameter widened.
    fn round(
        &mut self,
        body: &Body,
        inside: Option<usize>,
        vars: &mut Vec<Ty>,
        sink: &mut Sink,
        look: Look,
    ) -> ((Vec<Ty>, HashMap<ExprId, Constant>), bool) {
        let mut infer = Infer {
            shared: self.shared,
            names: &self.names[body.index],
            body,
            types: vec![Ty::VOID; self.program.expr_count as usize],
            vars: std::mem::take(vars),
            constants: HashMap::new(),
            maps: &mut self.maps,
            definitions: self.definitions,
            states: &mut self.states,
            inside,
            asked_place: Cell::new(false),
            sink,
            last: look == Look::Report,
            guesses: look == Look::Guess,
            only_types: false,
            changed: false,
        };
        infer.declared_vars();
        if let Some(at) = inside {
            infer.enter_function(at);
        }
        if body.leaves.is_none() {
            if let Some(predicate) = &body.probe.predicate {
                infer.condition(predicate);
            }
            infer.block(&body.probe.body, true);
        }
        if let Some(at) = inside {
            infer.leave_function(at);
        }
        *vars = infer.vars;
        ((infer.types, infer.constants), infer.changed)
    }
}
