//! `stats(n)`: number, average and total of values. State: their total, their number.

use rbtrace_types::Aggregate;

use crate::aggregations::{argument, words};
use crate::row::{Aggregation, Showing};
use crate::value::Value;

/// The row.
pub static ROW: Aggregation = Aggregation {
    name: "stats",
    signature: "stats(int n)",
    manual: "Number, average and total of values, together.

Prints `{ .count = 3, .average = 2, .total = 6 }`. The average is truncated toward zero.

```
tracepoint:syscalls:sys_exit_read /args.ret > 0/ { @bytes[comm] = stats(args.ret); }
```",
    args: (1, 1),
    type_of: |cx, call| argument::integer(cx, call).and_then(|value| argument::state("stats", vec![], value.signed, 2)),
    prepare: argument::prepare,
    update: words::add_to_mean,
    read: None,
    merge: words::merge_sums,
    is_set: |_, total| words::word(total, 1) > 0,
    show,
    order: words::mean,
    json_type: "stats",
    adds_up: false,
    whole_only: false,
};

/// `div` is for the average only (SPEC §9.3).
fn show(aggregate: &Aggregate, total: &[u64], showing: &Showing<'_>) -> Value {
    let fields = [
        ("count", Value::UInt(words::word(total, 1))),
        ("average", words::integer(aggregate, words::mean(aggregate, total), showing.div)),
        ("total", words::integer(aggregate, words::number(aggregate, words::word(total, 0)), 1)),
    ];
    Value::Struct(fields.map(|(name, value)| (name.to_string(), value)).into())
}
