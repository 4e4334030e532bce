//! `tid`: the id of the current thread.

use crate::row::Builtin;

use super::task_ids::{self, Id};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "tid",
    signature: "tid\ntid(curr_ns)\ntid(init)",
    manual: "The id of the current thread, as the pid namespace rbtrace runs in numbers it; `tid(init)` asks the initial namespace.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat /tid == 1/ { @ = count(); }\n```\n",
    args: (0, 1),
    type_of: task_ids::type_of,
    lower: |cx, call| task_ids::lower(cx, call, Id::Thread),
    ..Builtin::BASE
};
