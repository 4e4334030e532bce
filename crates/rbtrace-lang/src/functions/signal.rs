//! `signal()`: sends a signal to the current process.

use rbtrace_ir::Helper;

use crate::row::Builtin;

use super::sending;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "signal",
    signature: "signal(number)\nsignal(\"name\")",
    manual: "Sends a signal to the current process. Needs `--unsafe`.\n\n\
             ```\ntracepoint:syscalls:sys_enter_execve /comm == \"test\"/ { signal(\"KILL\"); }\n```\n",
    args: (1, 1),
    allowed: sending::ALLOWED,
    is_unsafe: true,
    has_effect: true,
    type_of: |cx, call| sending::type_of(cx, ROW.name, call),
    lower: |cx, call| sending::lower(cx, ROW.name, call, Helper::SendSignal),
    ..Builtin::BASE
};
