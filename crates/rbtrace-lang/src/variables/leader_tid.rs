//! `leader_tid`: the id of the first thread of the current process.

use rbtrace_types::Type;

use crate::row::Builtin;

use super::task_fields::{self, Path};

const PATH: Path = Path { to: "group_leader", field: "pid" };

/// The row.
pub static ROW: Builtin = Builtin {
    name: "leader_tid",
    signature: "leader_tid\nleader_tid(task)",
    manual: "The id of the first thread of the current process, or of that of another task.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat /tid != leader_tid/ { @[comm] = count(); }\n```\n",
    args: (0, 1),
    type_of: |cx, call| task_fields::type_of(cx, ROW.name, call, PATH, Type::I32),
    lower: |cx, call| task_fields::id(cx, call, PATH),
    ..Builtin::BASE
};
