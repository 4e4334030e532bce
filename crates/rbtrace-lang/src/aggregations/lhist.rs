//! `lhist(n, min, max, step)`: a histogram with buckets of equal width. State: one word per bucket.
//!
//! Bucket 0 holds values below `min`, the last one those from `max` on, and what is left of a last step that does not fit.

use rbtrace_diag::Diagnostic;
use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Builder, Cmp};
use rbtrace_types::Aggregate;

use crate::aggregations::argument;
use crate::aggregations::buckets::{self, Bounds};
use crate::compile::{Call, TypeCx};
use crate::row::Aggregation;

/// The row.
pub static ROW: Aggregation = Aggregation {
    name: "lhist",
    signature: "lhist(int n, int min, int max, int step)",
    manual: "A histogram whose buckets are equally wide.

`min`, `max` and `step` are literals; at most 1000 buckets fit between them. Values below `min` and from `max` on have a bucket each.

```
tracepoint:syscalls:sys_exit_read { @bytes = lhist(args.ret, 0, 10000, 1000); }
```",
    args: (4, 4),
    type_of,
    prepare: argument::prepare,
    update,
    read: None,
    merge: super::words::merge_sums,
    is_set: buckets::is_set,
    // `div` is not applied (SPEC §9.3).
    show: |aggregate, total, _| buckets::rows(total, 1, |index| bounds(index, &Range::of(aggregate))),
    order: buckets::order,
    json_type: super::hist::ROW.json_type,
    adds_up: true,
    whole_only: true,
};

const MAX_BUCKETS: i128 = 1000;

/// The literal parameters.
struct Range {
    min: i64,
    max: i64,
    step: i64,
}

impl Range {
    fn of(aggregate: &Aggregate) -> Range {
        match aggregate.params[..] {
            [min, max, step] => Range { min, max, step },
            _ => unreachable!("type_of gives three parameters"),
        }
    }

    /// Full steps between `min` and `max`.
    fn steps(&self) -> i128 {
        (i128::from(self.max) - i128::from(self.min)) / i128::from(self.step)
    }
}

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Option<Aggregate> {
    let min = literal(cx, call, 1, "min")?;
    let max = literal(cx, call, 2, "max")?;
    let step = literal(cx, call, 3, "step")?;
    let range = Range { min, max, step };
    if let Some(refusal) = refusal(&range, call) {
        cx.report(refusal);
        return None;
    }
    let value = argument::integer(cx, call)?;
    argument::state("lhist", vec![min, max, step], value.signed, range.steps() as u32 + 2)
}

fn literal(cx: &mut dyn TypeCx, call: &Call, index: usize, name: &str) -> Option<i64> {
    let written = call.args[index];
    let value = cx.int_literal(written);
    if let Some(value) = value.and_then(|value| i64::try_from(value).ok()) {
        return Some(value);
    }
    let (message, why) = match value {
        None => (format!("lhist: invalid {name} value (must be a literal)"), "the buckets must be known before anything runs"),
        Some(_) => (format!("lhist: invalid {name} value (must fit 64 bits)"), "this number is too large"),
    };
    cx.report(Diagnostic::error(written.span, message).because(why));
    None
}

/// What is wrong with a range. The texts are upstream's: scripts' tests look for them.
fn refusal(range: &Range, call: &Call) -> Option<Diagnostic> {
    let Range { min, max, step } = *range;
    let [_, at_min, at_max, at_step] = call.args[..] else { unreachable!("the number of arguments was checked") };
    if step < 1 {
        let message = format!("lhist() step must be >= 1 ({step} provided)");
        return Some(Diagnostic::error(at_step.span, message).because("a bucket holds at least one value"));
    }
    if min >= max {
        let message = format!("lhist() min must be less than max (provided min {min} and max {max})");
        return Some(Diagnostic::error(at_min.span.to(at_max.span), message).because("no value lies between them"));
    }
    let width = i128::from(max) - i128::from(min);
    if i128::from(step) > width {
        let message = format!("lhist() step is too large for the given range (provided step {step} for range {width})");
        return Some(Diagnostic::error(at_step.span, message).because("not one bucket fits"));
    }
    if range.steps() > MAX_BUCKETS {
        let message = format!("lhist() too many buckets, must be <= {MAX_BUCKETS} (would need {})", range.steps());
        let larger = (width + MAX_BUCKETS - 1) / MAX_BUCKETS;
        let refusal = Diagnostic::error(at_step.span, message).because("the steps are too small for the range");
        return Some(refusal.hint(format!("a step of {larger} would do")));
    }
    None
}

fn update(b: &mut Builder, aggregate: &Aggregate, prepared: &[ir::Value], state: ir::Value) {
    let (value, range) = (prepared[0], Range::of(aggregate));
    // An unsigned value is never below a negative bound: bounds below 0 are 0 to it, and `max` ≤ 0 leaves it all in the last bucket.
    let (below, above) = if aggregate.signed { (Cmp::SLt, Cmp::SGt) } else { (Cmp::ULt, Cmp::UGt) };
    let bound = |limit: i64| if aggregate.signed { limit } else { limit.max(0) };
    let bucket = b.scalar("bucket");
    let set_int = |b: &mut Builder, index: i64| {
        let index = b.int(index);
        b.push(ir::Op::Set(bucket, index));
    };
    let within = |b: &mut Builder| {
        let distance = b.bin_int(Bin::Sub, value, range.min);
        let steps = b.bin_int(Bin::UDiv, distance, range.step);
        let index = b.bin_int(Bin::Add, steps, 1);
        b.push(ir::Op::Set(bucket, index));
    };
    let is_above = b.cmp_int(above, value, bound(range.max));
    let is_below = b.cmp_int(below, value, bound(range.min));
    let not_below = |b: &mut Builder| b.if_else(is_above, |b| set_int(b, range.steps() as i64 + 1), within);
    b.if_else(is_below, |b| set_int(b, 0), not_below);
    let bucket = b.value(ir::Op::Get(bucket));
    buckets::count(b, aggregate, bucket, state);
}

/// Bounds and label of a bucket.
fn bounds(index: usize, range: &Range) -> Bounds {
    let Range { min, step, .. } = *range;
    let last = range.steps() as usize + 1;
    let from = min.wrapping_add(step.wrapping_mul(index as i64 - 1));
    let (low, high) = (text(from, step), text(from.wrapping_add(step), step));
    match index {
        0 => Bounds { label: format!("(..., {})", text(min, step)), min: None, max: Some(min.wrapping_sub(1)) },
        _ if index == last => Bounds { label: format!("[{low}, ...)"), min: Some(from), max: None },
        _ => {
            let label = if step == 1 { format!("[{low}]") } else { format!("[{low}, {high})") };
            Bounds { label, min: Some(from), max: Some(from.wrapping_add(step - 1)) }
        }
    }
}

/// A bound as text: where steps are multiples of 1024 it has the largest suffix that keeps it a whole number.
fn text(bound: i64, step: i64) -> String {
    let (mut number, mut suffix) = (bound, "");
    if step % 1024 == 0 {
        for next in ["K", "M", "G", "T", "P"] {
            if number == 0 || number % 1024 != 0 {
                break;
            }
            (number, suffix) = (number / 1024, next);
        }
    }
    format!("{number}{suffix}")
}
