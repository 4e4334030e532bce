//! `kretprobe`: when a function of the kernel returns.

use rbtrace_ir::Moment;
use rbtrace_types::{Space, Type};

use super::{function, kprobe, parameters, target};
use crate::probes::{context, cookie, registers, untraced};
use crate::row::{PidFilter, ProbeType};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "kretprobe",
    aliases: &["kr"],
    signature: "kretprobe:[module:]function",
    manual: "Runs when a function of the kernel returns; `retval` is what it returns.

What the arguments were is not known any more; `fexit` knows them. Wildcards and modules are as for `kprobe`. With a
`kprobe` on the same functions it is one program, where the kernel can tell that from 6.10 on; `--no-feature kprobe_session` keeps them apart.

```
kretprobe:vfs_read { @bytes = hist(retval); }
```",
    class: "kretprobe",
    space: Space::Kernel,
    pid_filter: PidFilter::Injected,
    expand: |facts, target, sink| target::expand(ROW.name, true, facts, target, sink),
    nearest: target::nearest,
    absent: target::absent,
    list: |facts, pattern, verbose| {
        let details = |module: Option<&str>, name: &str| if verbose { parameters::texts(facts, module, name, true) } else { vec![] };
        function::list(ROW.name, facts, pattern, details)
    },
    plan: |facts, place, _, _| kprobe::plan(facts, place, Moment::End, false),
    shared: |_, place| Some(kprobe::shared(place, ROW.name)),
    without_args: "what the arguments were is not known any more",
    context: |_, _| Some(context::REGISTERS.to_string()),
    select: |cx, _| cookie::select(cx),
    result: |_, _| Some(Type::U64),
    read_result: |cx, _| registers::read_result(cx),
    function: kprobe::function,
    ..untraced::BASE
};
