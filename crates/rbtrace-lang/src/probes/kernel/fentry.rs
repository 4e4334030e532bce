//! `fentry`: when a function of the kernel begins, with its parameters by name and type.

use rbtrace_types::Space;

use super::trampoline;
use crate::probes::untraced;
use crate::row::{PidFilter, ProbeType};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "fentry",
    aliases: &["f", "kfunc"],
    signature: "fentry:[module:]function, fentry:bpf:[id:]function",
    manual: "Runs when a function of the kernel begins, with its parameters in `args`: by name and type, as BTF has them; `-lv` lists them.

Cheaper than a `kprobe`, and its arguments are what the C source says. A module need only be named where several have a function of that
name. Each function has a program of its own; patterns leave out functions of which the kernel hands no program what they are called with or return:
structs as results, more than 12 parameters, one of more than 16 bytes, before Linux 6.6 any on the stack. Needs a kernel with BTF. `fentry:bpf:function` and `fentry:bpf:id:function` are about
functions of BPF programs that are loaded; `-l 'fentry:bpf:*'` lists them, and they have no `args`.

```
fentry:tcp_connect { printf(\"%s %p\\n\", comm, args.sk); }
```",
    class: "fentry",
    space: Space::Kernel,
    pid_filter: PidFilter::Injected,
    in_wildcards: true,
    expand: |facts, target, sink| trampoline::expand(ROW.name, facts, target, sink),
    nearest: trampoline::nearest,
    absent: trampoline::absent,
    list: |facts, pattern, verbose| trampoline::list(ROW.name, facts, pattern, trampoline::details(facts, verbose, false)),
    args: trampoline::args,
    function: trampoline::function,
    plan: |_, place, _, _| trampoline::plan(place, false),
    arg: trampoline::arg,
    ..untraced::BASE
};
