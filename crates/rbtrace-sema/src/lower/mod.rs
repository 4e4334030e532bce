//! Typed AST → IR. Nothing can be wrong any more: what a user may have got wrong was said before.
//!
//! One [`Lower`] per BPF program; what programs share (maps, constants, events, losses) is in [`Output`].

mod access;
mod aggregate;
mod c_calls;
mod cast;
mod compare;
mod cx;
mod expr;
mod failures;
mod functions;
mod limits;
mod loops;
mod maps;
mod memory;
mod operators;
mod output;
mod place;
mod preparation;
mod stmt;
mod stock;
mod vars;

use std::collections::HashMap;

use rbtrace_diag::Sink;
use rbtrace_ir as ir;
use rbtrace_ir::{Op, SlotId, Value};
use rbtrace_lang::row::PidFilter;
use rbtrace_syntax::ast::ExprId;

use crate::c_types::Seen;
use crate::infer::{Typed, TypedBody, TypedUnit};
use crate::modes;
use crate::shared::Shared;
use output::Output;

/// Compiles all programs.
pub(crate) fn lower(shared: &Shared, typed: &Typed, sink: &mut Sink) -> ir::Program {
    let mut out = Output::new(shared, typed);
    let wanted = typed.units.iter().filter(|unit| modes::wants(shared.options.mode, unit.planned.role));
    for (index, unit) in wanted.enumerate() {
        let function = Lower::new(shared, typed, unit, &mut out, sink).unit(index);
        let decl = program_decl(&function, unit);
        out.program.functions.push(function);
        out.program.manifest.programs.push(decl);
    }
    limits::check(&out.program, shared.facts.has(rbtrace_types::Feature::Loop), sink);
    stock::reserve(&mut out.program);
    out.finish(shared)
}

fn program_decl(function: &ir::Function, unit: &TypedUnit) -> ir::ProgramDecl {
    // What goes before a probe is no probe of its own.
    let places = unit.bodies.iter().filter(|body| body.leaves.is_none()).flat_map(|body| &body.places);
    ir::ProgramDecl {
        symbol: function.name.clone(),
        role: unit.planned.role,
        plan: unit.planned.plan.clone(),
        probes: places.map(|(place, _)| place.name()).collect(),
        span: unit.bodies[0].places[0].0.span,
        reverse: unit.planned.reverse,
    }
}

/// The state while one program is lowered.
struct Lower<'a> {
    shared: &'a Shared<'a>,
    typed: &'a Typed<'a>,
    unit: &'a TypedUnit<'a>,
    /// The body under way.
    body: &'a TypedBody<'a>,
    out: &'a mut Output,
    sink: &'a mut Sink,
    ir: ir::Builder,
    /// Slots of the body's variables, by `VarId`.
    vars: Vec<SlotId>,
    /// For `probe` in a shared program: which selector was read.
    selector: Option<SlotId>,
    /// What leaving the probe returns to the kernel.
    result: i64,
    /// The expression that is the statement under way.
    statement: Option<ExprId>,
    /// Whether the program can end the run.
    exits: bool,
    /// What to say when a watched helper fails, in the order of [`ir::Builder::fallible`].
    sites: Vec<ir::EventDecl>,
    /// Of the loops under way, those that are to know whether the script ended them: a variable that says so.
    ended: Vec<Option<SlotId>>,
    /// The subprograms made so far, by number of the function.
    subs: HashMap<usize, functions::Sub>,
    /// The function under way, if it is not the program itself.
    inside: Option<functions::Inside>,
}

impl<'a> Lower<'a> {
    /// C types as the code here sees them, as in inference.
    fn seen(&self) -> Seen<'a> {
        let place = if self.inside.is_some() { None } else { self.body.places.first() };
        Seen::new(&self.shared.c, place.map(|(place, _)| place))
    }

    fn new(shared: &'a Shared<'a>, typed: &'a Typed<'a>, unit: &'a TypedUnit<'a>, out: &'a mut Output, sink: &'a mut Sink) -> Self {
        // A perf tracepoint's program says 1: else other users of the same event would not see it (SPEC §7.5).
        let result = i64::from(unit.planned.program_type == ir::ProgramType::Tracepoint);
        let mut ir = ir::Builder::default();
        ir.watched = failures::watched(shared);
        let body = &unit.bodies[0];
        Lower {
            shared,
            typed,
            unit,
            body,
            out,
            sink,
            ir,
            vars: Vec::new(),
            selector: None,
            result,
            statement: None,
            exits: false,
            sites: Vec::new(),
            ended: Vec::new(),
            subs: HashMap::new(),
            inside: None,
        }
    }

    fn unit(mut self, index: usize) -> ir::Function {
        self.ir.span = Some(self.unit.bodies[0].places[0].0.span);
        // Nobody is stopped who would not be let go on.
        let stops = self.body.leaves.is_some();
        if stops || self.unit.planned.program_type == ir::ProgramType::Tracepoint {
            self.gate(ir::Manifest::GATE_MAP, 0);
        }
        self.ir.open();
        self.pid_filter();
        // A place that is only a number is asked for where it matters.
        let needs_selector = !(self.unit.is_numbered && self.unit.bodies.len() == 1);
        let is_shared = needs_selector && self.unit.bodies.iter().any(|body| body.places.iter().any(|(_, selector)| selector.is_some()));
        match (&self.body.leaves, self.unit.is_session, is_shared) {
            (Some((argument, map)), ..) => preparation::leave_address(&mut self, *argument, map),
            (None, true, _) => self.begin_and_end(),
            (None, false, true) => self.shared_bodies(),
            (None, false, false) => self.whole_body(),
        }
        let work = self.ir.close();
        let work = self.watch(work);
        if self.exits && self.unit.planned.role == ir::Role::Traced {
            // exit() is the last thing a probe does, even if it fires again before anybody has read the record.
            self.gate(ir::Manifest::EXIT_MAP, 8);
        }
        let mut emits = false;
        work.for_each(&mut |inst| emits |= matches!(inst.op, Op::Emit { .. }));
        let enter = self.unit.bodies[0].places[0].0.probe_type.enter;
        enter(&mut self, emits);
        self.ir.splice(work);
        if self.result != 0 && !self.ir.is_terminated() {
            self.ir.push(Op::Return(self.result));
        }
        let name = symbol(&self.unit.bodies[0].places[0].0.name(), index);
        self.ir.finish(name, self.unit.planned.program_type)
    }

    /// Leaves at once when a word of an internal map is set. A perf tracepoint takes tens of milliseconds to detach; results are printed
    /// before that, so the program stops itself: else it would put back what an `end` probe cleared.
    fn gate(&mut self, symbol: &str, word: u32) {
        let map = self.out.internal(symbol);
        let entry = self.ir.value(Op::Global(map));
        let missing = self.ir.value(Op::IsNull(entry));
        let result = self.result;
        self.ir.if_else(
            missing,
            |_| {},
            |ir| {
                let closed = ir.load(8, false, entry, word);
                ir.if_else(closed, |ir| ir.push(Op::Return(result)), |_| {});
            },
        );
    }

    /// `-p`: only that process.
    fn pid_filter(&mut self) {
        let Some(pid) = self.shared.options.pid else { return };
        let filter = self.unit.bodies[0].places[0].0.probe_type.pid_filter;
        if filter != PidFilter::Injected {
            return;
        }
        let current = rbtrace_lang::variables::task_ids::process_id(self);
        let other = self.ir.cmp_int(ir::Cmp::Ne, current, i64::from(pid));
        let result = self.result;
        self.ir.if_else(other, |ir| ir.push(Op::Return(result)), |_| {});
    }

    /// One program for several places: reads which one it is and takes its body.
    fn shared_bodies(&mut self) {
        let select = self.unit.bodies[0].places[0].0.probe_type.select;
        let planned = &self.unit.planned;
        let value = select(self, planned);
        let slot = self.ir.scalar("selector");
        self.ir.push(Op::Set(slot, value));
        self.selector = Some(slot);
        let mut cases = Vec::new();
        for body in &self.unit.bodies {
            let keys = body.places.iter().filter_map(|(_, selector)| *selector).collect();
            cases.push((keys, self.body_region(body)));
        }
        self.ir.push(Op::Switch { value, cases, default: ir::Region::default() });
    }

    /// One program for both ends of functions.
    fn begin_and_end(&mut self) {
        let cond = (self.unit.bodies[0].places[0].0.probe_type.at_end)(self);
        let [begin, end] = &self.unit.bodies[..] else { unreachable!("a session has two bodies") };
        let otherwise = self.body_region(begin);
        let then = self.body_region(end);
        self.ir.push(Op::If { cond, then, otherwise });
    }

    /// One of several bodies of a program; their memory lies at the same place.
    fn body_region(&mut self, body: &'a TypedBody<'a>) -> ir::Region {
        self.body = body;
        let mark = self.ir.mark();
        self.ir.open();
        self.whole_body();
        self.ir.release(mark);
        self.ir.close()
    }

    fn whole_body(&mut self) {
        self.make_vars();
        let probe = self.body.probe;
        match &probe.predicate {
            None => self.block_effects(&probe.body),
            Some(predicate) => {
                let mark = self.ir.mark();
                let holds = self.truth(predicate);
                self.ir.release(mark);
                self.ir.open();
                self.block_effects(&probe.body);
                let then = self.ir.close();
                self.ir.push(Op::If { cond: holds, then, otherwise: ir::Region::default() });
            }
        }
    }

    /// Memory that lives until the end of the statement; its content is undefined.
    fn temp(&mut self, bytes: u32) -> Value {
        let slot = self.ir.memory("temp", bytes);
        self.ir.slot_addr(slot)
    }
}

/// A kernel name from a probe's name: letters and digits, made unique by its number.
fn symbol(name: &str, index: usize) -> String {
    let clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(48).collect();
    format!("{clean}_{}", index + 1)
}
