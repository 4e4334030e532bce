//! `software`: runs every n-th time the kernel counts an event of its own.

use super::counted::{self, Event, Events};
use super::{context, untraced};
use crate::row::{PidFilter, ProbeType};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: EVENTS.name,
    aliases: &["s"],
    signature: "software:event or software:event:n",
    manual: "Runs every n-th time the kernel counts an event of its own.

On every CPU. `-p` counts for one process only.

| event | alias | default n |
|---|---|---|
| `alignment-faults` |  | 1 |
| `bpf-output` |  | 1 |
| `context-switches` | `cs` | 1000 |
| `cpu-clock` | `cpu` | 1000000 |
| `cpu-migrations` |  | 1 |
| `dummy` |  | 1 |
| `emulation-faults` |  | 1 |
| `major-faults` |  | 1 |
| `minor-faults` |  | 100 |
| `page-faults` | `faults` | 100 |
| `task-clock` |  | 1 |

```
software:page-faults:100 { @[comm] = count(); }
```",
    class: EVENTS.name,
    pid_filter: PidFilter::AtAttach,
    in_wildcards: true,
    expand: |_, target, sink| counted::expand(&EVENTS, target, sink),
    list: |_, pattern, _| counted::list(&EVENTS, pattern),
    plan: |_, place, _, pid| counted::plan(&EVENTS, place, pid),
    context: |_, _| Some(context::PERF_EVENT.to_string()),
    ..untraced::BASE
};

/// Numbers: `enum perf_sw_ids` in `uapi/linux/perf_event.h`.
const EVENTS: Events = Events {
    name: "software",
    kind: 1,
    events: &[
        Event { name: "alignment-faults", alias: None, config: 7, every: 1 },
        Event { name: "bpf-output", alias: None, config: 10, every: 1 },
        Event { name: "context-switches", alias: Some("cs"), config: 3, every: 1_000 },
        Event { name: "cpu-clock", alias: Some("cpu"), config: 0, every: 1_000_000 },
        Event { name: "cpu-migrations", alias: None, config: 4, every: 1 },
        Event { name: "dummy", alias: None, config: 9, every: 1 },
        Event { name: "emulation-faults", alias: None, config: 8, every: 1 },
        Event { name: "major-faults", alias: None, config: 6, every: 1 },
        Event { name: "minor-faults", alias: None, config: 5, every: 100 },
        Event { name: "page-faults", alias: Some("faults"), config: 2, every: 100 },
        Event { name: "task-clock", alias: None, config: 1, every: 1 },
    ],
};
