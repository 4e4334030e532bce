//! `hardware`: runs every n-th time the processor counts an event.

use super::counted::{self, Event, Events};
use super::{context, untraced};
use crate::row::{PidFilter, ProbeType};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: EVENTS.name,
    aliases: &["h"],
    signature: "hardware:event or hardware:event:n",
    manual: "Runs every n-th time the processor counts an event.

On every CPU; virtual machines often have none of them. `-p` counts for one process only.

| event | alias | default n |
|---|---|---|
| `backend-stalls` |  | 1000000 |
| `branch-instructions` | `branches` | 100000 |
| `branch-misses` |  | 100000 |
| `bus-cycles` |  | 100000 |
| `cache-misses` |  | 1000000 |
| `cache-references` |  | 1000000 |
| `cpu-cycles` | `cycles` | 1000000 |
| `frontend-stalls` |  | 1000000 |
| `instructions` |  | 1000000 |
| `ref-cycles` |  | 1000000 |

```
hardware:cache-misses:100000 { @[comm] = count(); }
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

/// Numbers: `enum perf_hw_id` in `uapi/linux/perf_event.h`.
const EVENTS: Events = Events {
    name: "hardware",
    kind: 0,
    events: &[
        Event { name: "backend-stalls", alias: None, config: 8, every: 1_000_000 },
        Event { name: "branch-instructions", alias: Some("branches"), config: 4, every: 100_000 },
        Event { name: "branch-misses", alias: None, config: 5, every: 100_000 },
        Event { name: "bus-cycles", alias: None, config: 6, every: 100_000 },
        Event { name: "cache-misses", alias: None, config: 3, every: 1_000_000 },
        Event { name: "cache-references", alias: None, config: 2, every: 1_000_000 },
        Event { name: "cpu-cycles", alias: Some("cycles"), config: 0, every: 1_000_000 },
        Event { name: "frontend-stalls", alias: None, config: 7, every: 1_000_000 },
        Event { name: "instructions", alias: None, config: 1, every: 1_000_000 },
        Event { name: "ref-cycles", alias: None, config: 9, every: 1_000_000 },
    ],
};
