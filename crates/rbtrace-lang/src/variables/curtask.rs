//! `curtask`: the current task_struct.

use std::sync::Arc;

use rbtrace_ir::Helper;
use rbtrace_types::{Space, Struct, Type};

use crate::compile::Lowered;
use crate::row::Builtin;

/// What it points to, in the kernel's words.
const TASK: &str = "struct task_struct";

/// The row.
pub static ROW: Builtin = Builtin {
    name: "curtask",
    signature: "curtask",
    manual: "The `struct task_struct` of the current task, by its address in the kernel. Its fields are those that the kernel's BTF knows.\n\n\
             ```\nbegin { printf(\"%d %s\\n\", curtask.pid, curtask.comm); }\n```\n",
    type_of: |_, _| Type::Struct(Arc::new(Struct { name: TASK.into(), fields: Vec::new(), size: 0 })).pointer(Space::Kernel),
    lower: |cx, _| Lowered::Int(cx.ir().call(Helper::CurrentTask, vec![])),
    ..Builtin::BASE
};
