//! States made of a few words: adding to them in the kernel, folding them over CPUs, showing them as integers.

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Builder, SlotId};
use rbtrace_types::Aggregate;

use crate::value::Value;

/// Adds a value to the state's word `index`.
///
/// Why not an atomic add? A state belongs to one CPU, and a locked instruction would cost more than everything else `count()` does.
pub(super) fn add(b: &mut Builder, state: ir::Value, index: u32, value: ir::Value) {
    let old = b.load(8, false, state, 8 * index);
    let new = b.bin(Bin::Add, old, value);
    b.store(8, state, 8 * index, new);
}

/// Adds one to the state's word `index`.
pub(super) fn increment(b: &mut Builder, state: ir::Value, index: u32) {
    let one = b.int(1);
    add(b, state, index, one);
}

/// A total and how many values it has, the state of averages: adds one value.
pub(super) fn add_to_mean(b: &mut Builder, _: &Aggregate, prepared: &[ir::Value], state: ir::Value) {
    add(b, state, 0, prepared[0]);
    increment(b, state, 1);
}

/// Adds the first words of one CPU's state to the accumulators.
pub(super) fn fold_sums(b: &mut Builder, _: &Aggregate, accumulators: &[SlotId], state: ir::Value) {
    for (index, &slot) in accumulators.iter().enumerate() {
        let so_far = b.value(ir::Op::Get(slot));
        let more = b.load(8, false, state, 8 * index as u32);
        let total = b.bin(Bin::Add, so_far, more);
        b.push(ir::Op::Set(slot, total));
    }
}

/// The first accumulator is the result.
pub(super) fn finish_first(b: &mut Builder, _: &Aggregate, accumulators: &[SlotId]) -> ir::Value {
    b.value(ir::Op::Get(accumulators[0]))
}

/// Adds word by word; sums wrap as they do in the kernel.
pub(super) fn merge_sums(_: &Aggregate, total: &mut [u64], cpu: &[u64]) {
    for (total, cpu) in total.iter_mut().zip(cpu) {
        *total = total.wrapping_add(*cpu);
    }
}

/// A word of a state; a state that is too short holds zeros there.
pub(super) fn word(state: &[u64], index: usize) -> u64 {
    state.get(index).copied().unwrap_or(0)
}

/// A word as a number of the aggregation's sign.
pub(super) fn number(aggregate: &Aggregate, word: u64) -> i128 {
    if aggregate.signed { i128::from(word as i64) } else { i128::from(word) }
}

/// The average of a total and a count, truncated toward zero; 0 of nothing.
pub(super) fn mean(aggregate: &Aggregate, state: &[u64]) -> i128 {
    match word(state, 1) {
        0 => 0,
        count => number(aggregate, word(state, 0)) / i128::from(count),
    }
}

/// A number of the aggregation's sign, divided for printing.
pub(super) fn integer(aggregate: &Aggregate, number: i128, div: u64) -> Value {
    let quotient = number / i128::from(div.max(1));
    if aggregate.signed { Value::Int(quotient as i64) } else { Value::UInt(quotient as u64) }
}
