//! `begin`: runs once, before anything is attached.

use rbtrace_ir::Role;

use super::untraced;
use crate::row::ProbeType;

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "begin",
    signature: "begin",
    manual: "Runs once, before anything is attached.

What it prints comes first; maps can be filled here. Several `begin` probes run in the order of the script. A script with nothing but
`begin` and `end` probes ends by itself.

```
begin { printf(\"tracing… hit ^C to end\\n\"); }
```",
    class: "special",
    expand: |_, target, sink| untraced::alone("begin", target, sink),
    plan: |_, _, _, _| untraced::plan(Role::Begin),
    ..untraced::BASE
};
