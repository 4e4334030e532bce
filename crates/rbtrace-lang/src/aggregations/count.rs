//! `count()`: how often. State: the number.

use crate::aggregations::{argument, words};
use crate::row::{Aggregation, Read};

/// The row.
pub static ROW: Aggregation = Aggregation {
    name: "count",
    signature: "count()",
    manual: "Counts how often this statement runs.

Every CPU keeps its own counter, so counting costs a few nanoseconds; the counters are added when the map is printed or read. In
expressions a count is an integer, read over all CPUs at that moment.

```
tracepoint:raw_syscalls:sys_enter { @calls[comm] = count(); }
```",
    args: (0, 0),
    type_of: |_, _| argument::state("count", vec![], true, 1),
    prepare: |_, _| Vec::new(),
    update: |b, _, _, state| words::increment(b, state, 0),
    read: Some(Read { init: |_| vec![0], fold: words::fold_sums, finish: words::finish_first }),
    merge: words::merge_sums,
    is_set: |_, total| words::word(total, 0) > 0,
    show: |aggregate, total, showing| words::integer(aggregate, words::word(total, 0).into(), showing.div),
    order: |_, total| words::word(total, 0).into(),
    json_type: "map",
    adds_up: true,
    whole_only: false,
};
