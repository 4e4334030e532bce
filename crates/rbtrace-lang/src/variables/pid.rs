//! `pid`: the id of the current process.

use crate::row::Builtin;

use super::task_ids::{self, Id};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "pid",
    signature: "pid\npid(curr_ns)\npid(init)",
    manual: "The id of the current process, as the pid namespace rbtrace runs in numbers it; `pid(init)` asks the initial namespace.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat /pid == 1/ { @ = count(); }\n```\n",
    args: (0, 1),
    type_of: task_ids::type_of,
    lower: |cx, call| task_ids::lower(cx, call, Id::Process),
    ..Builtin::BASE
};
