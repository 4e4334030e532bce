//! `max(n)`: the largest of values. State: see `extreme`.

use crate::aggregations::argument;
use crate::aggregations::extreme::{self, End};
use crate::row::{Aggregation, Read};

/// The row.
pub static ROW: Aggregation = Aggregation {
    name: "max",
    signature: "max(int n)",
    manual: "Keeps the largest value.

```
tracepoint:syscalls:sys_exit_read /args.ret > 0/ { @largest[comm] = max(args.ret); }
```",
    args: (1, 1),
    type_of: |cx, call| argument::integer(cx, call).and_then(|value| argument::state("max", vec![], value.signed, 2)),
    prepare: argument::prepare,
    update: |b, aggregate, prepared, state| extreme::update(b, aggregate, End::Largest, prepared[0], state),
    read: Some(Read {
        init: |_| vec![0, 0],
        fold: |b, aggregate, accumulators, state| extreme::fold(b, aggregate, End::Largest, accumulators, state),
        finish: super::words::finish_first,
    }),
    merge: |aggregate, total, cpu| extreme::merge(aggregate, End::Largest, total, cpu),
    is_set: extreme::is_set,
    show: extreme::show,
    order: extreme::order,
    json_type: "map",
    adds_up: false,
    whole_only: false,
};
