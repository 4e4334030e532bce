//! `leader_comm`: the name of the first thread of the current process.

use crate::row::Builtin;

use super::task_fields::{self, Path};

const PATH: Path = Path { to: "group_leader", field: task_fields::COMM_FIELD };

/// The row.
pub static ROW: Builtin = Builtin {
    name: "leader_comm",
    signature: "leader_comm\nleader_comm(task)",
    manual: "The name of the first thread of the current process, or of that of another task.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat { @[leader_comm, comm] = count(); }\n```\n",
    args: (0, 1),
    type_of: |cx, call| task_fields::type_of(cx, ROW.name, call, PATH, task_fields::comm_type()),
    lower: |cx, call| task_fields::comm(cx, call, PATH),
    ..Builtin::BASE
};
