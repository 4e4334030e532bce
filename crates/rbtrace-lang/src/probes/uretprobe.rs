//! `uretprobe`: a function of a program or library returns.

use rbtrace_types::{Space, Type};

use super::{context, registers, untraced, user_code};
use crate::row::{PidFilter, ProbeType};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "uretprobe",
    aliases: &["ur"],
    signature: "uretprobe:binary:function or uretprobe:binary:cpp:\"name\"",
    manual: "Runs when a function of a program or library returns; `retval` is what it returns. Binaries and functions are named as for `uprobe`.

The kernel replaces the return address on the stack. Go moves stacks and does not survive that, so functions of Go programs are refused.

```
uretprobe:libc:malloc { @failed = count(); @last = retval; }
```",
    class: "uretprobe",
    space: Space::User,
    pid_filter: PidFilter::AtAttach,
    expand: |facts, target, sink| user_code::expand(facts, user_code::Kind { name: ROW.name, returns: true }, target, sink),
    nearest: user_code::remedy,
    list: |facts, pattern, _| user_code::list(facts, ROW.name, pattern),
    plan: |facts, place, _, pid| user_code::plan(facts, place, true, pid),
    shared: user_code::shared,
    select: user_code::select,
    without_args: user_code::WITHOUT_ARGS,
    context: |_, _| Some(context::REGISTERS.to_string()),
    result: |_, _| Some(Type::U64),
    read_result: |cx, _| registers::read_result(cx),
    function: user_code::function,
    ..untraced::BASE
};
