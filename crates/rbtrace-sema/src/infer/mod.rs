//! Types of all expressions, variables and maps: rounds over the whole program until nothing widens any more, then one round that reports.
//!
//! Map types flow between probes, so a later assignment may widen an earlier one (SPEC §3.3). Widening only goes up and types are bounded, so
//! the rounds end.

mod access;
mod cast;
mod comptime;
mod cx;
mod declared;
mod expr;
mod maps;
mod operators;
mod stmt;
mod unify;

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use rbtrace_diag::{Sink, Span};
use rbtrace_lang::Place;
use rbtrace_lang::compile::Constant;
use rbtrace_lang::row::Planned;
use rbtrace_syntax::ast::{ExprId, Probe, Program};
use rbtrace_types::Struct;

use crate::attach_points::{Body, Unit};
use crate::names::Names;
use crate::shared::Shared;
pub(crate) use expr::packed;
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
}

/// See [`Unit`].
pub(crate) struct TypedUnit<'p> {
    /// How it is attached.
    pub planned: Planned,
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
    sink: &'a mut Sink,
    /// The last round: what is unknown now stays unknown.
    last: bool,
    changed: bool,
}

/// Types everything. Errors are in the sink.
pub(crate) fn infer<'p>(program: &'p Program, shared: &Shared, units: Vec<Unit<'p>>, names: &'p [Names], sink: &mut Sink) -> Typed<'p> {
    let mut maps = declared::maps(program, sink);
    let bodies = || units.iter().flat_map(|unit| &unit.bodies);
    let mut vars: Vec<Vec<Ty>> = bodies().map(|body| vec![Ty::VOID; names[body.index].vars.len()]).collect();
    for _ in 0..ROUNDS {
        let mut silent = Sink::default();
        let mut changed = false;
        for (body, vars) in bodies().zip(&mut vars) {
            changed |= round(program, shared, body, &names[body.index], vars, &mut maps, &mut silent, false).1;
        }
        if !changed {
            break;
        }
    }
    let learnt =
        bodies().zip(&mut vars).map(|(body, vars)| round(program, shared, body, &names[body.index], vars, &mut maps, sink, true).0);
    let mut tables = learnt.collect::<Vec<_>>().into_iter().zip(vars);
    let typed = units.into_iter().map(|unit| {
        let bodies = unit.bodies.into_iter().map(|body| {
            let ((types, constants), vars) = tables.next().expect("one for every body");
            TypedBody { probe: body.probe, names: &names[body.index], places: body.places, args: body.args, types, vars, constants }
        });
        TypedUnit { planned: unit.planned, bodies: bodies.collect() }
    });
    let units = typed.collect();
    declared::check(&maps, sink);
    Typed { units, maps }
}

/// One look at one body: its types, and whether a variable or map widened.
#[expect(clippy::too_many_arguments, reason = "the state of the rounds, taken apart so that each piece is borrowed alone")]
fn round(
    program: &Program,
    shared: &Shared,
    body: &Body,
    names: &Names,
    vars: &mut Vec<Ty>,
    maps: &mut IndexMap<String, MapState>,
    sink: &mut Sink,
    last: bool,
) -> ((Vec<Ty>, HashMap<ExprId, Constant>), bool) {
    let types = vec![Ty::VOID; program.expr_count as usize];
    let mut infer =
        Infer { shared, names, body, types, vars: std::mem::take(vars), constants: HashMap::new(), maps, sink, last, changed: false };
    infer.declared_vars();
    if let Some(predicate) = &body.probe.predicate {
        infer.condition(predicate);
    }
    infer.block(&body.probe.body, true);
    *vars = infer.vars;
    ((infer.types, infer.constants), infer.changed)
}
