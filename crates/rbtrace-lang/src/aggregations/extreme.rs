//! What the smallest and the largest value have in common. State: the value so far, then 1 once there is one.

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Builder, Cmp, SlotId};
use rbtrace_types::Aggregate;

use crate::aggregations::words;
use crate::row::Showing;
use crate::value::Value;

/// Which end is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Smallest,
    Largest,
}

impl End {
    fn compare(self, signed: bool) -> Cmp {
        match (self, signed) {
            (End::Smallest, true) => Cmp::SLt,
            (End::Smallest, false) => Cmp::ULt,
            (End::Largest, true) => Cmp::SGt,
            (End::Largest, false) => Cmp::UGt,
        }
    }
}

/// Takes a value in.
pub(super) fn update(b: &mut Builder, aggregate: &Aggregate, end: End, value: ir::Value, state: ir::Value) {
    let is_set = b.load(8, false, state, 8);
    let so_far = b.load(8, false, state, 0);
    let unset = b.cmp_int(Cmp::Eq, is_set, 0);
    let better = b.cmp(end.compare(aggregate.signed), value, so_far);
    let take = b.bin(Bin::Or, unset, better);
    let keep_it = |b: &mut Builder| {
        b.store(8, state, 0, value);
        let one = b.int(1);
        b.store(8, state, 8, one);
    };
    b.if_else(take, keep_it, |_| {});
}

/// Folds one CPU's state into the accumulators `[value, is set]`.
pub(super) fn fold(b: &mut Builder, aggregate: &Aggregate, end: End, accumulators: &[SlotId], state: ir::Value) {
    let (best, best_set) = (accumulators[0], accumulators[1]);
    let is_set = b.load(8, false, state, 8);
    let value = b.load(8, false, state, 0);
    let so_far = b.value(ir::Op::Get(best));
    let so_far_set = b.value(ir::Op::Get(best_set));
    let first = b.cmp_int(Cmp::Eq, so_far_set, 0);
    let better = b.cmp(end.compare(aggregate.signed), value, so_far);
    let either = b.bin(Bin::Or, first, better);
    let take = b.bin(Bin::And, is_set, either);
    let keep_it = |b: &mut Builder| {
        b.push(ir::Op::Set(best, value));
        b.push(ir::Op::Set(best_set, is_set));
    };
    b.if_else(take, keep_it, |_| {});
}

/// Folds one CPU's state into the total.
pub(super) fn merge(aggregate: &Aggregate, end: End, total: &mut [u64], cpu: &[u64]) {
    let ([value, set], [other, 1]) = (total, cpu) else { return };
    let (ours, theirs) = (words::number(aggregate, *value), words::number(aggregate, *other));
    let better = match end {
        End::Smallest => theirs < ours,
        End::Largest => theirs > ours,
    };
    if *set == 0 || better {
        (*value, *set) = (*other, 1);
    }
}

/// Whether there is a value.
pub(super) fn is_set(_: &Aggregate, total: &[u64]) -> bool {
    words::word(total, 1) > 0
}

/// The value.
pub(super) fn show(aggregate: &Aggregate, total: &[u64], showing: &Showing<'_>) -> Value {
    words::integer(aggregate, words::number(aggregate, words::word(total, 0)), showing.div)
}

/// Compatibility: maps are sorted by the value taken as unsigned, negative ones last (SPEC §9.3).
pub(super) fn order(_: &Aggregate, total: &[u64]) -> i128 {
    words::word(total, 0).into()
}
