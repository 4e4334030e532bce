//! `min(n)`: the smallest of values. State: see `extreme`.

use crate::aggregations::argument;
use crate::aggregations::extreme::{self, End};
use crate::row::{Aggregation, Read};

/// The row.
pub static ROW: Aggregation = Aggregation {
    name: "min",
    signature: "min(int n)",
    manual: "Keeps the smallest value.

```
tracepoint:syscalls:sys_exit_read /args.ret > 0/ { @smallest[comm] = min(args.ret); }
```",
    args: (1, 1),
    type_of: |cx, call| argument::integer(cx, call).and_then(|value| argument::state("min", vec![], value.signed, 2)),
    prepare: argument::prepare,
    update: |b, aggregate, prepared, state| extreme::update(b, aggregate, End::Smallest, prepared[0], state),
    read: Some(Read {
        init: |_| vec![0, 0],
        fold: |b, aggregate, accumulators, state| extreme::fold(b, aggregate, End::Smallest, accumulators, state),
        finish: super::words::finish_first,
    }),
    merge: |aggregate, total, cpu| extreme::merge(aggregate, End::Smallest, total, cpu),
    is_set: extreme::is_set,
    show: extreme::show,
    order: extreme::order,
    json_type: "map",
    adds_up: false,
    whole_only: false,
};
