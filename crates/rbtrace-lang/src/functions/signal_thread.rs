//! `signal_thread()`: sends a signal to the current thread.

use rbtrace_ir::Helper;

use crate::row::Builtin;

use super::sending;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "signal_thread",
    signature: "signal_thread(number)\nsignal_thread(\"name\")",
    manual: "Sends a signal to the current thread. Needs `--unsafe`.\n\n\
             ```\ntracepoint:syscalls:sys_enter_execve /comm == \"test\"/ { signal_thread(\"KILL\"); }\n```\n",
    args: (1, 1),
    allowed: sending::ALLOWED,
    is_unsafe: true,
    has_effect: true,
    type_of: |cx, call| sending::type_of(cx, ROW.name, call),
    lower: |cx, call| sending::lower(cx, ROW.name, call, Helper::SendSignalThread),
    ..Builtin::BASE
};
