//! `pcomm`: the name of the process that started the current one.

use crate::row::Builtin;

use super::task_fields::{self, Path};

const PATH: Path = Path { to: "real_parent", field: task_fields::COMM_FIELD };

/// The row.
pub static ROW: Builtin = Builtin {
    name: "pcomm",
    signature: "pcomm\npcomm(task)",
    manual: "The name of the process that started the current one, or of that of another task.\n\n\
             ```\ntracepoint:syscalls:sys_enter_execve { @[pcomm, comm] = count(); }\n```\n",
    args: (0, 1),
    type_of: |cx, call| task_fields::type_of(cx, ROW.name, call, PATH, task_fields::comm_type()),
    lower: |cx, call| task_fields::comm(cx, call, PATH),
    ..Builtin::BASE
};
