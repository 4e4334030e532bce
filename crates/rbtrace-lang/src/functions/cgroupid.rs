//! `cgroupid()`: the id of the cgroup at a path.

use rbtrace_diag::Diagnostic;
use rbtrace_types::Type;

use crate::compile::{Call, Lowered, TypeCx};
use crate::format::call::literal;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "cgroupid",
    signature: "cgroupid(\"path\")",
    manual: "The id of the cgroup (version 2) whose directory this is: what `cgroup` is for its tasks.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat /cgroup == cgroupid(\"/sys/fs/cgroup\")/ { @[comm] = count(); }\n```\n",
    args: (1, 1),
    type_of,
    lower: |cx, call| {
        let path = call.args.first().and_then(|arg| cx.string_literal(arg)).unwrap_or_default();
        let id = cx.facts().cgroup_id(&String::from_utf8_lossy(&path)).unwrap_or(0);
        Lowered::Int(cx.ir().int(id as i64))
    },
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some(arg) = call.args.first() else { return Type::U64 };
    if let Some(path) = literal(cx, ROW.name, arg)
        && let Err(why) = cx.facts().cgroup_id(&String::from_utf8_lossy(&path))
    {
        cx.report(Diagnostic::error(arg.span, format!("Failed to find the cgroup: {why}")).because("asked when the script is compiled"));
    }
    Type::U64
}
