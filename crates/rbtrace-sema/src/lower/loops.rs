//! Loops. Values do not cross a loop's border: what the body needs from outside is put into slots first.
//!
//! Where the kernel has no `bpf_loop` its verifier walks every round of a loop, which limits them; a loop that is cut short by that says so.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Cmp, LoopKind, Op, Region, SlotId, Value};
use rbtrace_lang::compile::{Complaint, Lowered, TypeCx};
use rbtrace_lang::warnings;
use rbtrace_syntax::ast::{Block, Expr, ExprKind, ForOver, Name};
use rbtrace_types::{Feature, Type};

use super::memory::layout;
use super::{Lower, limits};

/// The most rounds `bpf_loop` does.
const MOST_ROUNDS: i64 = 1 << 23;
/// How often a `while` starts anew after them. One that never ends must be stopped some time: nothing else runs on its CPU.
const STARTS: i64 = 16;

/// Operations of all rounds of a loop up to which the verifier walks it: with branches and calls in it, it soon has enough.
const MOST_WALKED: u64 = 10_000;

/// The same for all loops of a kernel without `bpf_loop`, and by how much less there is for each that stands in another.
const MOST_WALKED_OF_OLD: u64 = 100_000;
const LESS_WITHIN: u64 = 20;
/// Branches in all rounds of such a loop: the kernel keeps the other sides of 8192, and a script has several loops.
const MOST_MET: u64 = 1000;
/// The most rounds that an operation of ours has.
const MOST_BOUNDED: u64 = 4096;

impl Lower<'_> {
    pub(super) fn unroll(&mut self, count: &Expr, body: &Block) {
        let count = self.int_literal(count).expect("inference wants a constant") as u32;
        self.ir.open();
        self.loop_body(body);
        let body = self.ir.close();
        let walked = limits::walked(&body).saturating_mul(u64::from(count));
        let kind = if walked > MOST_WALKED && self.shared.facts.has(Feature::Loop) {
            let times = self.ir.int(i64::from(count));
            LoopKind::Repeat { times, index: None }
        } else {
            LoopKind::Bounded { count, index: None }
        };
        self.ir.push(Op::Loop { kind, body });
    }

    pub(super) fn while_(&mut self, condition: &Expr, body: &Block) {
        let ended = self.ir.scalar("ended");
        let no = self.ir.int(0);
        self.ir.push(Op::Set(ended, no));
        // Each loop around another costs a frame of the eight that a program has: only the outermost one starts anew.
        let outermost = self.ended.is_empty() && self.inside.is_none();
        let has_loop = self.shared.facts.has(Feature::Loop);
        self.ir.open();
        let times = self.ir.int(MOST_ROUNDS);
        self.ir.open();
        let mark = self.ir.mark();
        let holds = self.truth(condition);
        self.ir.release(mark);
        let over = self.ir.cmp_int(Cmp::Eq, holds, 0);
        self.ended.push(Some(ended));
        self.ir.open();
        self.break_();
        let then = self.ir.close();
        self.ir.push(Op::If { cond: over, then, otherwise: Region::default() });
        self.block_effects(body);
        self.ended.pop();
        let body = self.ir.close();
        let rounds = if has_loop { MOST_ROUNDS } else { i64::from(self.walkable(&body)) };
        let kind = if has_loop { LoopKind::Repeat { times, index: None } } else { LoopKind::Bounded { count: rounds as u32, index: None } };
        self.ir.push(Op::Loop { kind, body });
        let once = self.ir.close();
        let starts = if outermost && has_loop {
            self.start_anew(once, ended)
        } else {
            self.ir.splice(once);
            1
        };
        let ended = self.ir.value(Op::Get(ended));
        let cut = self.ir.cmp_int(Cmp::Eq, ended, 0);
        self.cut_short(cut, starts * rounds, condition);
    }

    /// How many rounds of a body the verifier of a kernel without `bpf_loop` may be asked to walk. Loops around this one take its share
    /// several times.
    fn walkable(&self, body: &Region) -> u32 {
        let shares = LESS_WITHIN.saturating_pow(self.ended.len() as u32);
        most_rounds(body, shares).max(1)
    }

    /// Runs a loop again as long as it has not ended by itself; how often at most.
    fn start_anew(&mut self, once: Region, ended: SlotId) -> i64 {
        let starts = self.ir.int(STARTS);
        self.ir.open();
        self.ir.splice(once);
        let done = self.ir.value(Op::Get(ended));
        self.ir.if_else(done, |ir| ir.push(Op::Break), |_| {});
        let body = self.ir.close();
        self.ir.push(Op::Loop { kind: LoopKind::Repeat { times: starts, index: None }, body });
        STARTS
    }

    /// Leaves the innermost loop because the script says so.
    pub(super) fn break_(&mut self) {
        if let Some(Some(ended)) = self.ended.last().copied() {
            let yes = self.ir.int(1);
            self.ir.push(Op::Set(ended, yes));
        }
        self.ir.push(Op::Break);
    }

    /// Says that a loop ended before the script wanted, if it did.
    fn cut_short(&mut self, cond: Value, rounds: i64, at: &Expr) {
        self.ir.open();
        let text = format!("this loop was ended after {rounds} rounds");
        self.failure(Complaint { warning: &warnings::LOOP_CUT_SHORT, span: at.span, text: &text, helper: None });
        let then = self.ir.close();
        self.ir.push(Op::If { cond, then, otherwise: Region::default() });
    }

    /// The body of a loop of which nobody wants to know how it ended.
    fn loop_body(&mut self, body: &Block) {
        self.ended.push(None);
        self.block_effects(body);
        self.ended.pop();
    }

    pub(super) fn for_(&mut self, variable: &Name, over: &ForOver, body: &Block) {
        let var = self.body.names.declared[variable].0 as usize;
        match over {
            ForOver::Range(from, to) => self.for_range(var, from, to, body),
            ForOver::Map(map) => self.for_map(var, map, body),
        }
    }

    fn for_range(&mut self, var: usize, from: &Expr, to: &Expr, body: &Block) {
        let known = self.known_rounds(from, to);
        let first = self.int(from);
        let end = self.int(to);
        let start = self.ir.scalar("start");
        self.ir.push(Op::Set(start, first));
        let signed = self.body.vars[var].ty.is_signed();
        let is_empty = self.ir.cmp(if signed { Cmp::SGe } else { Cmp::UGe }, first, end);
        let difference = self.ir.bin(Bin::Sub, end, first);
        let none = self.ir.int(0);
        let times = self.ir.value(Op::Select(is_empty, none, difference));
        let has_loop = self.shared.facts.has(Feature::Loop);
        if has_loop {
            let too_many = self.ir.cmp_int(Cmp::UGt, times, MOST_ROUNDS);
            self.cut_short(too_many, MOST_ROUNDS, to);
        }
        let index = self.ir.scalar("index");
        self.ir.open();
        if !has_loop && known.is_none() {
            let round = self.ir.value(Op::Get(index));
            let past = self.ir.cmp(Cmp::UGe, round, times);
            self.ir.if_else(past, |ir| ir.push(Op::Break), |_| {});
        }
        let start = self.ir.value(Op::Get(start));
        let round = self.ir.value(Op::Get(index));
        let value = self.ir.bin(Bin::Add, start, round);
        let value = self.convert(value, &Type::I64, &self.body.vars[var].ty.clone());
        self.write_var(var, value);
        self.loop_body(body);
        let body = self.ir.close();
        if has_loop {
            self.ir.push(Op::Loop { kind: LoopKind::Repeat { times, index: Some(index) }, body });
        } else if let Some(rounds) = known {
            self.walked_rounds(rounds, index, body, to);
        } else {
            let count = self.walkable(&body);
            self.ir.push(Op::Loop { kind: LoopKind::Bounded { count, index: Some(index) }, body });
            let too_many = self.ir.cmp_int(Cmp::UGt, times, i64::from(count));
            self.cut_short(too_many, i64::from(count), to);
        }
    }

    /// The rounds of a range whose bounds are written down.
    fn known_rounds(&mut self, from: &Expr, to: &Expr) -> Option<u64> {
        let (from, to) = (self.int_literal(from)?, self.int_literal(to)?);
        u64::try_from((to - from).max(0)).ok()
    }

    /// A range of known length where there is no `bpf_loop`.
    fn walked_rounds(&mut self, rounds: u64, index: SlotId, body: Region, to: &Expr) {
        let most = u64::from(most_rounds(&body, 1));
        if rounds > most {
            let error = Diagnostic::error(to.span, "this loop cannot be compiled for this kernel");
            let why =
                format!("these are {rounds} rounds, and without the helper bpf_loop (Linux 5.17) no more than {most} of them are possible");
            self.sink.push(error.because(why));
            return;
        }
        if rounds > 0 {
            self.ir.push(Op::Loop { kind: LoopKind::Bounded { count: rounds as u32, index: Some(index) }, body });
        }
    }

    fn for_map(&mut self, var: usize, map: &Expr, body: &Block) {
        if !self.shared.facts.has(Feature::ForEachMapElem) {
            let error = Diagnostic::error(map.span, "this loop cannot be compiled for this kernel");
            self.sink.push(error.because("a loop over a map needs the helper bpf_for_each_map_elem (Linux 5.13)"));
        }
        let ExprKind::Map(name) = &map.kind else { unreachable!("inference wants a map here") };
        let map = self.out.map(name);
        let decl = self.out.decl(map).clone();
        let key_ty = decl.key.clone().expect("inference refuses scalar maps here");
        let key = self.ir.memory("key", key_ty.size());
        let value = self.ir.memory("value", decl.value_size());
        let pair = self.body.vars[var].ty.clone();
        self.ir.open();
        self.fill_pair(self.vars[var], &pair, map, &key_ty, key, value);
        self.loop_body(body);
        let body = self.ir.close();
        let is_aggregate = matches!(decl.value, Type::Aggregate(_));
        let kind = LoopKind::ForEach { map, key, value: (!is_aggregate).then_some(value) };
        self.ir.push(Op::Loop { kind, body });
    }

    /// `$kv = (key, value)`
    fn fill_pair(&mut self, var: SlotId, pair: &Type, map: rbtrace_ir::MapId, key_ty: &Type, key: SlotId, value: SlotId) {
        let addr = self.ir.slot_addr(var);
        let offsets = layout(pair).offsets;
        let elements: Vec<Type> = pair.elements().expect("the loop variable is a pair").into_iter().cloned().collect();
        self.zero_gaps(addr, pair);
        let key_addr = self.ir.slot_addr(key);
        let read = self.read(Lowered::Mem(key_addr), 0, key_ty);
        self.store_value(addr, offsets[0], &elements[0], read, key_ty);
        let value_ty = self.out.decl(map).value.clone();
        let (found, from) = if let Type::Aggregate(aggregate) = &value_ty {
            (Lowered::Int(self.fold_cpus(map, Some(key_addr), aggregate)), Type::int(8, aggregate.signed))
        } else {
            let value_addr = self.ir.slot_addr(value);
            (self.read(Lowered::Mem(value_addr), 0, &value_ty), value_ty)
        };
        self.store_value(addr, offsets[1], &elements[1], found, &from);
    }
}

/// Rounds of a body within one of so many shares of what the verifier walks.
fn most_rounds(body: &Region, shares: u64) -> u32 {
    let by_length = MOST_WALKED_OF_OLD / shares / limits::walked(body).max(1);
    let by_branches = MOST_MET / shares / limits::met(body, &[]).max(1);
    by_length.min(by_branches).min(MOST_BOUNDED) as u32
}
