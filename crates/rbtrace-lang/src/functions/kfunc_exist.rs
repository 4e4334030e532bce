//! `kfunc_exist()`: whether the kernel has a function that BPF may call.

use rbtrace_types::Type;

use crate::compile::{Call, Constant, Lowered, TypeCx};
use crate::format::call::literal;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "kfunc_exist",
    signature: "kfunc_exist(\"name\")",
    manual: "Whether the running kernel has a function of this name that BPF programs may call. Known when the script is compiled, so that what \
             depends on it can be left out.\n\n\
             ```\nbegin { if comptime kfunc_exist(\"bpf_task_from_pid\") { print(\"tasks can be looked up\"); } }\n```\n",
    args: (1, 1),
    type_of: |cx, call| {
        call.args.first().and_then(|name| literal(cx, ROW.name, name));
        Type::Bool
    },
    constant: Some(|cx, call| name(cx, call).map(|name| Constant::Bool(cx.facts().has_kernel_function(&name)))),
    lower: |cx, call| {
        let exists = name(cx, call).is_some_and(|name| cx.facts().has_kernel_function(&name));
        Lowered::Int(cx.ir().int(exists.into()))
    },
    ..Builtin::BASE
};

/// The name that a call is about.
pub(super) fn name<Cx: TypeCx + ?Sized>(cx: &mut Cx, call: &Call) -> Option<String> {
    let name = call.args.first().and_then(|name| cx.string_literal(name))?;
    Some(String::from_utf8_lossy(&name).into_owned())
}
