//! `cpid`: the process of `-c`.

use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "cpid",
    signature: "cpid",
    manual: "The process id of the command given by `-c`; 0 without one.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat /pid == cpid/ { @ = count(); }\n```\n",
    type_of: |_, _| Type::U64,
    lower: |cx, _| {
        let pid = cx.command_pid().unwrap_or(0);
        Lowered::Int(cx.ir().int(pid.into()))
    },
    ..Builtin::BASE
};
