//! `interval`: runs at regular times, on one CPU.

use rbtrace_ir::CpuSet;

use super::{context, timer, untraced};
use crate::row::ProbeType;

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "interval",
    aliases: &["i"],
    signature: "interval:unit:n or interval:duration",
    manual: "Runs at regular times, on one CPU: the heartbeat of a script that prints something every second.

`unit` is `hz` (times per second), `s`, `ms` or `us`. A duration such as `10ms` says the same; without a unit it is nanoseconds.

```
tracepoint:raw_syscalls:sys_enter { @ = count(); }
interval:s:1 { print(@); clear(@); }
```",
    class: "interval",
    expand: |_, target, sink| timer::expand("interval", target, sink),
    list: |_, pattern, _| timer::list("interval", pattern),
    plan: |_, place, _, _| timer::plan(place, CpuSet::First, None),
    context: |_, _| Some(context::PERF_EVENT.to_string()),
    ..untraced::BASE
};
