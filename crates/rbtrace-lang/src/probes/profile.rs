//! `profile`: runs at regular times, on every CPU.

use rbtrace_ir::CpuSet;

use super::{context, timer, untraced};
use crate::row::{PidFilter, ProbeType};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "profile",
    aliases: &["p"],
    signature: "profile:unit:n or profile:duration",
    manual: "Runs at regular times, on every CPU: samples what is running.

`unit` is `hz` (times per second), `s`, `ms` or `us`. A duration such as `10ms` says the same; without a unit it is nanoseconds. 99 times
per second rather than 100 keeps samples from falling in step with what happens regularly. `-p` samples one process only.

```
profile:hz:99 { @[comm] = count(); }
```",
    class: "profile",
    pid_filter: PidFilter::AtAttach,
    expand: |_, target, sink| timer::expand("profile", target, sink),
    list: |_, pattern, _| timer::list("profile", pattern),
    plan: |_, place, _, pid| timer::plan(place, CpuSet::All, pid),
    context: |_, _| Some(context::PERF_EVENT.to_string()),
    ..untraced::BASE
};
