//! `kstack`: the stack of the kernel.

use crate::named::stack;
use crate::row::Builtin;

use super::stacks::{self, Source};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "kstack",
    aliases: &["stack"],
    signature: "kstack\nkstack(mode)\nkstack(limit)\nkstack(mode, limit)",
    manual: "The functions the kernel is in, innermost first; at most `limit` of them, a literal from 0 to 1024, 127 if nothing is said. `mode` is how \
             they are written: `bpftrace`, `perf` or `raw`; without one `stack_mode` of the configuration counts.\n\n\
             ```\nprofile:hz:99 { @[kstack] = count(); }\ntracepoint:sched:sched_switch { @switches[kstack(perf, 5)] = count(); }\n```\n",
    args: (0, 2),
    walks_kernel: true,
    type_of: |cx, call| {
        let (mode, limit) = stacks::wanted(cx, ROW.name, call, false);
        stacks::warn_of_few(cx, ROW.name, call, limit);
        stack::kernel(mode, limit)
    },
    lower: |cx, call| stacks::lower(cx, ROW.name, call, Source::Kernel),
    ..Builtin::BASE
};
