//! `avg(n)`: the average of values, truncated toward zero. State: their total, their number.

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Builder, SlotId};
use rbtrace_types::Aggregate;

use crate::aggregations::{argument, words};
use crate::row::{Aggregation, Read};

/// The row.
pub static ROW: Aggregation = Aggregation {
    name: "avg",
    signature: "avg(int n)",
    manual: "Averages values.

The average is the total divided by the number of values, truncated toward zero. `stats()` shows both beside it.

```
tracepoint:syscalls:sys_exit_read /args.ret > 0/ { @bytes[comm] = avg(args.ret); }
```",
    args: (1, 1),
    type_of: |cx, call| argument::integer(cx, call).and_then(|value| argument::state("avg", vec![], value.signed, 2)),
    prepare: argument::prepare,
    update: words::add_to_mean,
    read: Some(Read { init: |_| vec![0, 0], fold: words::fold_sums, finish }),
    merge: words::merge_sums,
    is_set: |_, total| words::word(total, 1) > 0,
    show: |aggregate, total, showing| words::integer(aggregate, words::mean(aggregate, total), showing.div),
    order: words::mean,
    json_type: super::stats::ROW.json_type,
    adds_up: false,
    whole_only: false,
};

/// Division by zero is 0 in BPF: the average of nothing.
fn finish(b: &mut Builder, aggregate: &Aggregate, accumulators: &[SlotId]) -> ir::Value {
    let total = b.value(ir::Op::Get(accumulators[0]));
    let count = b.value(ir::Op::Get(accumulators[1]));
    b.bin(if aggregate.signed { Bin::SDiv } else { Bin::UDiv }, total, count)
}
