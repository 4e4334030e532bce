//! `sum(n)`: the total of values. State: the total, then 1 once anything was added (a sum of zeros is still a sum).

use rbtrace_ir::Builder;
use rbtrace_types::Aggregate;

use crate::aggregations::{argument, words};
use crate::row::{Aggregation, Read};

/// The row.
pub static ROW: Aggregation = Aggregation {
    name: "sum",
    signature: "sum(int n)",
    manual: "Adds up values.

The total is signed if any of the values is. Like every aggregation it is kept per CPU and added up when it is printed or read.

```
tracepoint:syscalls:sys_exit_read /args.ret > 0/ { @bytes[comm] = sum(args.ret); }
```",
    args: (1, 1),
    type_of: |cx, call| argument::integer(cx, call).and_then(|value| argument::state("sum", vec![], value.signed, 2)),
    prepare: argument::prepare,
    update,
    read: Some(Read { init: |_| vec![0], fold: words::fold_sums, finish: words::finish_first }),
    merge: |_, total, cpu| {
        if let ([total, set], [more, more_set]) = (total, cpu) {
            *total = total.wrapping_add(*more);
            *set |= more_set;
        }
    },
    is_set: |_, total| words::word(total, 1) > 0,
    show: |aggregate, total, showing| words::integer(aggregate, words::number(aggregate, words::word(total, 0)), showing.div),
    order: |aggregate, total| words::number(aggregate, words::word(total, 0)),
    json_type: "map",
    adds_up: true,
    whole_only: false,
};

fn update(b: &mut Builder, _: &Aggregate, prepared: &[rbtrace_ir::Value], state: rbtrace_ir::Value) {
    words::add(b, state, 0, prepared[0]);
    let one = b.int(1);
    b.store(8, state, 8, one);
}
