//! `tseries(n, interval, count[, how])`: a value for each of the last intervals of time. State: a ring of buckets, each `[value, meta,
//! epoch]`, where the epoch is the number of the interval since 1970.
//!
//! A bucket belongs to the last epoch that used it; `meta` is when the last value came, or how many there were. An all-zero bucket was
//! never used.

use rbtrace_diag::Diagnostic;
use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Builder, Cmp};
use rbtrace_syntax::ast::Expr;
use rbtrace_types::Aggregate;

use crate::aggregations::extreme::{self, End};
use crate::aggregations::{argument, words};
use crate::compile::{Call, TypeCx};
use crate::config;
use crate::row::{Aggregation, Showing};
use crate::value::{Point, Series, Value};
use crate::variables::nsecs;

/// The row.
pub static ROW: Aggregation = Aggregation {
    name: "tseries",
    signature: "tseries(int n, duration interval, int count[, \"avg|max|min|sum\"])",
    manual: "A value for each of the last `count` intervals of time, drawn as a graph.

An interval keeps the last value, or what the fourth argument says: the average, largest, smallest value or the total. Intervals and their \
number are literals; intervals start at full multiples since 1970, and a key has at most 1365 of them. In JSON intervals without a value \
are left out and times are UTC.

```
config = { unstable_tseries = enable }
tracepoint:syscalls:sys_exit_read /args.ret > 0/ { @bytes = tseries(args.ret, 100ms, 20, \"sum\"); }
```",
    args: (3, 4),
    type_of,
    prepare: |cx, call| vec![cx.lower_int(call.args[0]), nsecs::series_clock(cx)],
    update,
    read: None,
    merge,
    is_set: |_, total| used(total).next().is_some(),
    show,
    order: |_, total| used(total).map(epoch).max().unwrap_or(0).into(),
    json_type: ROW_NAME,
    adds_up: false,
    whole_only: true,
};

const ROW_NAME: &str = "tseries";

const MAX_COUNT: i128 = 1_000_000;
/// Words of a bucket.
const BUCKET: usize = 3;
/// Bytes of a bucket.
const BUCKET_SIZE: u32 = 8 * BUCKET as u32;
/// Byte offset of a bucket's epoch.
const EPOCH: u32 = 16;
/// The kernel refuses larger values of one CPU.
const MAX_STATE: u32 = 32 << 10;

/// What an interval keeps of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    Last,
    Average,
    Largest,
    Smallest,
    Total,
}

/// In the order of their numbers among the parameters; alphabetical, as the message lists them.
const KEEPS: [(&str, Keep); 5] =
    [("", Keep::Last), ("avg", Keep::Average), ("max", Keep::Largest), ("min", Keep::Smallest), ("sum", Keep::Total)];

/// The literal parameters.
struct Shape {
    interval: i64,
    count: i64,
    keep: Keep,
}

impl Shape {
    fn of(aggregate: &Aggregate) -> Shape {
        match aggregate.params[..] {
            [interval, count, keep] => Shape { interval, count, keep: KEEPS[keep as usize].1 },
            _ => unreachable!("type_of gives three parameters"),
        }
    }
}

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Option<Aggregate> {
    config::unstable(cx, call, config::unstable_tseries::ROW.name)?;
    let interval = literal(cx, call, 1, "interval_ns")?;
    let count = literal(cx, call, 2, "num_intervals")?;
    let most = i64::from(MAX_STATE / BUCKET_SIZE);
    if i128::from(count) > MAX_COUNT {
        let message = format!("tseries() num_intervals must be < {MAX_COUNT} ({count} provided)");
        cx.report(Diagnostic::error(call.args[2].span, message).because("too many intervals"));
        return None;
    }
    if count > most {
        let message = format!("tseries() num_intervals must be <= {most} ({count} provided)");
        let refusal = Diagnostic::error(call.args[2].span, message).because("the kernel keeps 32 KiB of them for a CPU and key");
        cx.report(refusal.hint(format!("an interval {} times as long covers the same time", (count + most - 1) / most)));
        return None;
    }
    let keep = call.args.get(3).map_or(Some(0), |how| keep_of(cx, how))?;
    let value = argument::integer(cx, call)?;
    argument::state(ROW_NAME, vec![interval, count, keep], value.signed, count as u32 * BUCKET as u32)
}

fn literal(cx: &mut dyn TypeCx, call: &Call, index: usize, name: &str) -> Option<i64> {
    let written = call.args[index];
    let (message, why) = match cx.int_literal(written) {
        Some(0) => (format!("tseries() {name} must be >= 1 (0 provided)"), "nothing would be kept"),
        Some(value) if value > 0 && i64::try_from(value).is_ok() => return Some(value as i64),
        Some(value) if value > 0 => (format!("tseries: invalid {name} value (must fit 63 bits)"), "this number is too large"),
        Some(_) | None => {
            (format!("tseries: invalid {name} value (must be non-negative literal)"), "it must be known before anything runs")
        }
    };
    cx.report(Diagnostic::error(written.span, message).because(why));
    None
}

/// The number of a word among [`KEEPS`].
fn keep_of(cx: &mut dyn TypeCx, written: &Expr) -> Option<i64> {
    let Some(word) = cx.string_literal(written) else {
        let refusal = Diagnostic::error(written.span, "tseries() expects a string literal as its aggregation function");
        cx.report(refusal.because("it must be known before anything runs"));
        return None;
    };
    if let Some(at) = KEEPS.iter().skip(1).position(|(name, _)| name.as_bytes() == word) {
        return Some(at as i64 + 1);
    }
    let names: Vec<&str> = KEEPS[1..].iter().map(|(name, _)| *name).collect();
    let message = format!(
        "tseries() expects one of the following aggregation functions: {} (\"{}\" provided)",
        names.join(", "),
        String::from_utf8_lossy(&word)
    );
    cx.report(Diagnostic::error(written.span, message).because("what an interval keeps of its values"));
    None
}

/// Takes `[value, now]` in.
fn update(b: &mut Builder, aggregate: &Aggregate, prepared: &[ir::Value], state: ir::Value) {
    let [value, now] = *prepared else { unreachable!("prepare gives two values") };
    let shape = Shape::of(aggregate);
    let epoch = b.bin_int(Bin::UDiv, now, shape.interval);
    let number = b.bin_int(Bin::URem, epoch, shape.count);
    let index = b.bin_int(Bin::Mul, number, BUCKET_SIZE.into());
    let bucket = b.value(ir::Op::Index { base: state, index, bound: aggregate.size - BUCKET_SIZE + 1 });
    let of = b.load(8, false, bucket, EPOCH);
    let is_stale = b.cmp(Cmp::Ne, of, epoch);
    let reset = |b: &mut Builder| {
        let zero = b.int(0);
        b.store(8, bucket, 0, zero);
        b.store(8, bucket, 8, zero);
        b.store(8, bucket, EPOCH, epoch);
    };
    b.if_else(is_stale, reset, |_| {});
    match shape.keep {
        Keep::Last => {
            b.store(8, bucket, 0, value);
            b.store(8, bucket, 8, now);
        }
        Keep::Average | Keep::Total => words::add_to_mean(b, aggregate, &[value], bucket),
        Keep::Largest => extreme::update(b, aggregate, End::Largest, value, bucket),
        Keep::Smallest => extreme::update(b, aggregate, End::Smallest, value, bucket),
    }
}

fn merge(aggregate: &Aggregate, total: &mut [u64], cpu: &[u64]) {
    let keep = Shape::of(aggregate).keep;
    for (total, cpu) in total.chunks_exact_mut(BUCKET).zip(cpu.chunks_exact(BUCKET)).filter(|(_, cpu)| is_used(cpu)) {
        let is_newer = !is_used(total) || epoch(cpu) > epoch(total);
        match keep {
            _ if is_newer => total.copy_from_slice(cpu),
            _ if epoch(cpu) < epoch(total) => {}
            Keep::Last if cpu[1] > total[1] => total.copy_from_slice(cpu),
            Keep::Last => {}
            Keep::Average | Keep::Total => words::merge_sums(aggregate, &mut total[..2], &cpu[..2]),
            Keep::Largest => extreme::merge(aggregate, End::Largest, &mut total[..2], &cpu[..2]),
            Keep::Smallest => extreme::merge(aggregate, End::Smallest, &mut total[..2], &cpu[..2]),
        }
    }
}

/// The intervals up to the newest of the whole map, from the first one that has a value on. `div` is not applied (SPEC §9.3).
fn show(aggregate: &Aggregate, total: &[u64], showing: &Showing<'_>) -> Value {
    let Shape { interval, count, keep } = Shape::of(aggregate);
    let newest = u64::try_from(showing.largest).unwrap_or(0);
    let oldest = newest.saturating_sub(count as u64 - 1);
    let mut buckets: Vec<&[u64]> = used(total).filter(|bucket| (oldest..=newest).contains(&epoch(bucket))).collect();
    buckets.sort_unstable_by_key(|bucket| epoch(bucket));
    let first = buckets.first().map(|bucket| epoch(bucket));
    // Asked once: the clocks may be set while we print.
    let epoch_of_tai = showing.world.tai_to_epoch(0);
    let mut buckets = buckets.into_iter().peekable();
    let point = |at: u64| {
        let start = epoch_of_tai.saturating_add_unsigned(at.saturating_mul(interval as u64));
        let value = buckets.next_if(|bucket| epoch(bucket) == at).map(|bucket| kept(aggregate, keep, bucket));
        Point { start, time: showing.world.strftime(time_format(interval), start), value }
    };
    Value::Series(Series {
        interval,
        signed: aggregate.signed,
        points: first.into_iter().flat_map(|first| first..=newest).map(point).collect(),
    })
}

/// The value of a bucket.
fn kept(aggregate: &Aggregate, keep: Keep, bucket: &[u64]) -> i128 {
    match keep {
        // Compatibility: the interval in which 1970 began has no value. Only the clocks of tests and intervals of decades get there.
        _ if epoch(bucket) == 0 => 0,
        Keep::Average => words::mean(aggregate, bucket),
        Keep::Last | Keep::Largest | Keep::Smallest | Keep::Total => words::number(aggregate, bucket[0]),
    }
}

/// As many digits as intervals of that length differ in.
fn time_format(interval: i64) -> &'static str {
    match interval {
        1_000_000_000.. => "%H:%M:%S",
        1_000_000.. => "%H:%M:%S.%l",
        1_000.. => "%H:%M:%S.%f",
        _ => "%H:%M:%S.%k",
    }
}

fn used(total: &[u64]) -> impl Iterator<Item = &[u64]> {
    total.chunks_exact(BUCKET).filter(|bucket| is_used(bucket))
}

fn is_used(bucket: &[u64]) -> bool {
    bucket.iter().any(|&word| word != 0)
}

fn epoch(bucket: &[u64]) -> u64 {
    bucket[2]
}
