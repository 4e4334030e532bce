//! Histograms as states of one word per bucket: counting in the kernel, rows in user space. Knows no bucket's bounds.

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Builder};
use rbtrace_types::Aggregate;

use crate::aggregations::words;
use crate::value::{Bucket, Value};

/// Counts one value in the bucket of a number that is below the number of buckets.
pub(super) fn count(b: &mut Builder, aggregate: &Aggregate, bucket: ir::Value, state: ir::Value) {
    let index = b.bin_int(Bin::Shl, bucket, 3);
    let bound = aggregate.size - 8 + 1;
    let addr = b.value(ir::Op::Index { base: state, index, bound });
    words::increment(b, addr, 0);
}

/// Whether any value was counted.
pub(super) fn is_set(_: &Aggregate, total: &[u64]) -> bool {
    total.iter().any(|&count| count > 0)
}

/// How many values were counted.
pub(super) fn order(_: &Aggregate, total: &[u64]) -> i128 {
    total.iter().map(|&count| i128::from(count)).sum()
}

/// The text and the bounds of a bucket.
pub(super) struct Bounds {
    pub label: String,
    /// Inclusive; `None`: open.
    pub min: Option<i64>,
    /// Inclusive; `None`: open.
    pub max: Option<i64>,
}

/// The rows from the first to the last bucket that is not empty; counts are divided by `div`.
pub(super) fn rows(total: &[u64], div: u64, bounds: impl Fn(usize) -> Bounds) -> Value {
    let is_used = |count: &u64| *count > 0;
    let (Some(first), Some(last)) = (total.iter().position(is_used), total.iter().rposition(is_used)) else {
        return Value::Histogram(Vec::new());
    };
    let row = |index: usize| {
        let Bounds { label, min, max } = bounds(index);
        Bucket { label, min, max, count: total[index] / div.max(1) }
    };
    Value::Histogram((first..=last).map(row).collect())
}
