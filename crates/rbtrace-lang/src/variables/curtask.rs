//! `curtask`: the current task_struct.

use rbtrace_ir::Helper;
use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "curtask",
    signature: "curtask",
    manual: "The address of the `task_struct` of the current task, as a number.\n\n\
             ```\nbegin { printf(\"%p\\n\", curtask); }\n```\n",
    type_of: |_, _| Type::U64,
    lower: |cx, _| Lowered::Int(cx.ir().call(Helper::CurrentTask, vec![])),
    ..Builtin::BASE
};
