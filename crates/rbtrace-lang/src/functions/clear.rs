//! `clear()`: removes all entries of a map.

use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

use super::maps;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "clear",
    signature: "clear(@map)",
    manual: "Removes all entries of a map, when the output gets to it: what was printed before is not lost.\n\n\
             ```\ntracepoint:raw_syscalls:sys_enter { @calls[comm] = count(); }\n\
             interval:s:1 { print(@calls); clear(@calls); }\n```\n",
    args: (1, 1),
    has_effect: true,
    type_of: |cx, call| {
        for arg in &call.args {
            maps::whole(cx, ROW.name, arg);
        }
        Type::Void
    },
    lower: |cx, call| {
        call.args.iter().for_each(|map| maps::emit(cx, call, map, ROW.name));
        Lowered::Void
    },
    handle: Some(|cx, event, _| event.maps.iter().try_for_each(|map| cx.clear_map(*map))),
    ..Builtin::BASE
};
