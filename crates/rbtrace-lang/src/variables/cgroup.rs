//! `cgroup`: the id of the current cgroup.

use rbtrace_ir::Helper;
use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "cgroup",
    signature: "cgroup",
    manual: "The id of the cgroup (version 2) of the current task.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat { @[cgroup] = count(); }\n```\n",
    type_of: |_, _| Type::U64,
    lower: |cx, _| Lowered::Int(cx.ir().call(Helper::CurrentCgroupId, vec![])),
    ..Builtin::BASE
};
