//! `ppid`: the id of the process that started the current one.

use rbtrace_types::Type;

use crate::row::Builtin;

use super::task_fields::{self, Path};

const PATH: Path = Path { to: "real_parent", field: "tgid" };

/// The row.
pub static ROW: Builtin = Builtin {
    name: "ppid",
    signature: "ppid\nppid(task)",
    manual: "The id of the process that started the current one, or of that of another task.\n\n\
             ```\ntracepoint:syscalls:sys_enter_execve { printf(\"%d started %d\\n\", ppid, pid); }\n```\n",
    args: (0, 1),
    type_of: |cx, call| task_fields::type_of(cx, ROW.name, call, PATH, Type::I32),
    lower: |cx, call| task_fields::id(cx, call, PATH),
    ..Builtin::BASE
};
