//! `test`: a probe that tests something of its own.

use rbtrace_ir::Role;

use super::untraced;
use crate::row::{Listed, ProbeType};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "test",
    signature: "test:name",
    manual: "Runs once, and only with `--test`: tests for what other probes are made of, macros above all.

A test has passed when it returned nothing or 0, ended with no other code than `exit(0)`, and reported no `errorf`. What it printed is shown if it
failed. `begin` runs before the tests and `end` after them; nothing is attached. Maps keep their values from one test to the next.

```
test:sum_of_parts
{
  @x = 2;
  @x += 3;
  if (@x != 5) { return 1; }
}
```",
    class: "special",
    expand: |_, target, sink| untraced::named("test", target, sink),
    list: |_, _, _| vec![Listed { name: "test::".into(), details: vec![] }],
    plan: |_, _, _, _| untraced::plan(Role::Test),
    ..untraced::BASE
};
