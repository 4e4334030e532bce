//! `bench`: a probe whose cost is measured.

use rbtrace_ir::{ProgramType, Role};

use super::untraced;
use crate::row::{Listed, Planned, ProbeType};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "bench",
    signature: "bench:name",
    manual: "Runs again and again, and only with `--bench`: says what one run costs, without the cost of being called.

The kernel runs it as a program for network packets, the only kind that it repeats by itself; functions it does not allow there cannot be
measured. What a benchmark prints is dropped; one that returns something else than 0 is left out.

```
bench:count_by_name { @[comm] = count(); }
```",
    class: "special",
    expand: |_, target, sink| untraced::named("bench", target, sink),
    list: |_, _, _| vec![Listed { name: "bench::".into(), details: vec![] }],
    plan: |_, _, _, _| Ok(Planned { program_type: ProgramType::Xdp, role: Role::Bench, plan: None, reverse: false }),
    ..untraced::BASE
};
