//! `end`: runs once, when tracing has ended.

use rbtrace_ir::Role;

use super::untraced;
use crate::row::ProbeType;

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "end",
    signature: "end",
    manual: "Runs once, when tracing has ended.

It runs after `exit()`, ^C or the end of the command given by `-c`, before maps are printed; `clear(@x)` here keeps a map from being printed.

```
interval:s:1 { @seconds++; }
end { printf(\"%d\\n\", @seconds); clear(@seconds); }
```",
    class: "special",
    expand: |_, target, sink| untraced::alone("end", target, sink),
    plan: |_, _, _, _| untraced::plan(Role::End),
    ..untraced::BASE
};
