//! `ustack`: the stack of the process.

use crate::named::stack;
use crate::row::Builtin;
use crate::value::Value;

use super::stacks::{self, Source};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "ustack",
    signature: "ustack\nustack(mode)\nustack(limit)\nustack(mode, limit)",
    manual: "The functions the current process is in, innermost first, as its frame pointers say; arguments as of `kstack`. The names are looked \
             up when the stack is printed, also if the process is gone by then: what it had in memory is remembered. Code that a \
             program made while it ran has the names that it wrote to `/tmp/perf-PID.map`. With `show_debug_info` lines of the source stand behind the names, and functions that the compiler put into others on lines of their own, \
             where the program has debug information. A mode more, `build_id`, writes each frame as the build id of its file and the \
             place in it, which can be named later, on another machine.\n\n\
             ```\nprofile:hz:99 { @[comm, ustack] = count(); }\n```\n",
    args: (0, 2),
    type_of: |cx, call| {
        let (mode, limit) = stacks::wanted(cx, ROW.name, call, true);
        stacks::warn_of_few(cx, ROW.name, call, limit);
        stack::user(mode, limit)
    },
    lower: |cx, call| stacks::lower(cx, ROW.name, call, Source::Process),
    handle: Some(|cx, _, args| {
        if let [Value::UInt(process)] = *args {
            cx.world().meet(process as u32);
        }
        Ok(())
    }),
    ..Builtin::BASE
};
