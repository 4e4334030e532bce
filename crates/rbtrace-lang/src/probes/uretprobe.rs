//! `uretprobe`: a function of a program or library returns.

use rbtrace_types::Space;

use super::user_code::types;
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
    link: user_code::link,
    expand: |facts, target, sink| user_code::expand(facts, user_code::Kind { name: ROW.name, returns: true }, target, sink),
    nearest: user_code::remedy,
    absent: user_code::absent,
    list: |facts, pattern, verbose| user_code::list(facts, ROW.name, pattern, &|place| if verbose { types::result_text(facts, place) } else { vec![] }),
    plan: |facts, place, _, pid| user_code::plan(facts, place, true, pid),
    shared: user_code::shared,
    select: user_code::select,
    without_args: "what the arguments were is not known any more",
    program_type: types::named,
    program_constant: types::constant,
    context: |_, _| Some(context::REGISTERS.to_string()),
    result: types::result,
    read_result: |cx, _| registers::read_result(cx),
    function: user_code::function,
    ..untraced::BASE
};
