//! `hist(n[, bits])`: a histogram by powers of two, each split in 2^bits. State: one word per bucket.
//!
//! Bucket 0 holds negative values. Values below 2^(bits+1) have a bucket each; above, each power of two has 2^bits (SPEC §4.4).

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
    name: "hist",
    signature: "hist(int n[, int bits])",
    manual: "A histogram whose buckets are powers of two.

`bits` (a literal from 0 to 5, default 0) splits every power of two into 2^bits buckets of equal width. Negative values share one bucket.

```
tracepoint:syscalls:sys_exit_read { @bytes = hist(args.ret); }
```",
    args: (1, 2),
    type_of,
    prepare: argument::prepare,
    update,
    read: None,
    merge: super::words::merge_sums,
    is_set: buckets::is_set,
    show: |aggregate, total, showing| buckets::rows(total, showing.div, |index| bounds(index, bits(aggregate))),
    order: buckets::order,
    json_type: "hist",
    adds_up: true,
    whole_only: true,
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Option<Aggregate> {
    let bits = match call.args.get(1) {
        None => 0,
        Some(bits) => match cx.int_literal(bits) {
            Some(value @ 0..=5) => value as u32,
            Some(value) => {
                let refusal = Diagnostic::error(bits.span, format!("hist: bits {value} must be 0..5"));
                cx.report(refusal.because("every bit doubles the number of buckets"));
                return None;
            }
            None => {
                let refusal = Diagnostic::error(bits.span, "hist: invalid bits value, need integer literal");
                cx.report(refusal.because("the number of buckets must be known before anything runs"));
                return None;
            }
        },
    };
    let value = argument::integer(cx, call)?;
    argument::state("hist", vec![bits.into()], value.signed, bucket_count(bits))
}

/// Buckets for all values up to `u64::MAX`.
fn bucket_count(bits: u32) -> u32 {
    ((65 - bits) << bits) + 1
}

fn bits(aggregate: &Aggregate) -> u32 {
    aggregate.params.first().map_or(0, |&bits| bits as u32)
}

fn update(b: &mut Builder, aggregate: &Aggregate, prepared: &[ir::Value], state: ir::Value) {
    let (value, bits) = (prepared[0], bits(aggregate));
    let bucket = b.scalar("bucket");
    let split = |b: &mut Builder| {
        let index = bucket_of(b, value, bits);
        b.push(ir::Op::Set(bucket, index));
    };
    let is_own = b.cmp_int(Cmp::ULt, value, 1 << bits);
    let own = |b: &mut Builder| {
        let index = b.bin_int(Bin::Add, value, 1);
        b.push(ir::Op::Set(bucket, index));
    };
    if aggregate.signed {
        let negative = b.cmp_int(Cmp::SLt, value, 0);
        let below = |b: &mut Builder| {
            let zero = b.int(0);
            b.push(ir::Op::Set(bucket, zero));
        };
        b.if_else(negative, below, |b| b.if_else(is_own, own, split));
    } else {
        b.if_else(is_own, own, split);
    }
    let bucket = b.value(ir::Op::Get(bucket));
    buckets::count(b, aggregate, bucket, state);
}

/// The bucket of a value ≥ 2^bits.
fn bucket_of(b: &mut Builder, value: ir::Value, bits: u32) -> ir::Value {
    let log = log2(b, value);
    let power = b.bin_int(Bin::Sub, log, i64::from(bits));
    let base = b.bin_int(Bin::Add, power, 1);
    if bits == 0 {
        return b.bin_int(Bin::Add, base, 1);
    }
    let base = b.bin_int(Bin::Shl, base, bits.into());
    let part = b.bin(Bin::LShr, value, power);
    let part = b.bin_int(Bin::And, part, (1 << bits) - 1);
    let index = b.bin(Bin::Add, base, part);
    b.bin_int(Bin::Add, index, 1)
}

/// The number of the highest bit set, by binary search: BPF has no instruction for it.
///
/// Each step's outcome is a shift count, not a branch with two assignments: LLVM would make a branch of each of those.
fn log2(b: &mut Builder, value: ir::Value) -> ir::Value {
    let mut rest = value;
    let mut log = None;
    for (exponent, step) in [(5, 32), (4, 16), (3, 8), (2, 4), (1, 2), (0, 1)] {
        let is_high = b.cmp_int(Cmp::UGt, rest, (1 << step) - 1);
        let shift = b.bin_int(Bin::Shl, is_high, exponent);
        rest = b.bin(Bin::LShr, rest, shift);
        log = Some(log.map_or(shift, |so_far| b.bin(Bin::Or, so_far, shift)));
    }
    log.expect("there are steps")
}

/// Bounds and label of a bucket.
fn bounds(index: usize, bits: u32) -> Bounds {
    let Some(number) = index.checked_sub(1) else {
        return Bounds { label: "(..., 0)".into(), min: None, max: Some(-1) };
    };
    let min = lower_bound(number, bits);
    let next = lower_bound(number + 1, bits);
    let label = match next - min {
        1 => format!("[{min}]"),
        _ => format!("[{}, {})", text(number, bits), text(number + 1, bits)),
    };
    Bounds { label, min: Some(clamped(min)), max: (next <= 1 << 63).then(|| clamped(next - 1)) }
}

/// Bounds above `i64::MAX` only occur with unsigned values; there the last bucket is open.
fn clamped(value: u128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The smallest value of a bucket, counted from the one that holds 0.
fn lower_bound(number: usize, bits: u32) -> u128 {
    match parts(number, bits) {
        (None, mantissa) => mantissa,
        (Some(power), mantissa) => mantissa << power,
    }
}

/// A lower bound is a number below 2^bits, or `mantissa << power`.
fn parts(number: usize, bits: u32) -> (Option<u32>, u128) {
    let part = (number & ((1 << bits) - 1)) as u128;
    match (number >> bits) as u32 {
        0 => (None, part),
        above => (Some(above - 1), (1 << bits) + part),
    }
}

/// A lower bound as text. The suffix follows from the power alone, so that all buckets of one power share it: `[768, 1024)` and
/// `[1536, 2K)` with one bit.
fn text(number: usize, bits: u32) -> String {
    match parts(number, bits) {
        (None, mantissa) => mantissa.to_string(),
        (Some(power), mantissa) => {
            let suffix = ["", "K", "M", "G", "T", "P", "E"].get(power as usize / 10).copied().unwrap_or("");
            format!("{}{suffix}", mantissa << (power % 10))
        }
    }
}
