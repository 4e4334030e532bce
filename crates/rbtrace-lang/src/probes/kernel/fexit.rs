//! `fexit`: when a function of the kernel returns, with its parameters and its result.

use rbtrace_types::Space;

use super::trampoline;
use crate::probes::untraced;
use crate::row::{PidFilter, ProbeType};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "fexit",
    aliases: &["fr", "kretfunc"],
    signature: "fexit:[module:]function, fexit:bpf:[id:]function",
    manual: "Runs when a function of the kernel returns. `retval` is what it returns, with the type that the C source gives it, and `args`
still has the parameters as the function was called with them.

```
fexit:vfs_read /retval < 0/ { @[comm, retval] = count(); }
```",
    class: "fexit",
    space: Space::Kernel,
    pid_filter: PidFilter::Injected,
    expand: |facts, target, sink| trampoline::expand(ROW.name, facts, target, sink),
    nearest: trampoline::nearest,
    absent: trampoline::absent,
    list: |facts, pattern, verbose| trampoline::list(ROW.name, facts, pattern, trampoline::details(facts, verbose, true)),
    args: trampoline::args,
    result: trampoline::result,
    read_result: trampoline::read_result,
    function: trampoline::function,
    plan: |_, place, _, _| trampoline::plan(place, true),
    arg: trampoline::arg,
    ..untraced::BASE
};
