//! `kfunc_allowed()`: whether the probe at hand may call a function of the kernel.

use rbtrace_types::Type;

use crate::compile::{Call, Constant, Lowered, TypeCx};
use crate::format::call::literal;
use crate::row::Builtin;

use super::kfunc_exist::name;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "kfunc_allowed",
    signature: "kfunc_allowed(\"name\")",
    manual: "Whether the kernel lets probes of this kind call its function of this name. Which it lets differs from probe type to probe type. \
             Known when the script is compiled.\n\n\
             ```\ninterval:s:1 { if comptime kfunc_allowed(\"bpf_task_from_pid\") { print(comm(1)); } }\n```\n",
    args: (1, 1),
    typed_from: 1,
    type_of: |cx, call| {
        call.args.first().and_then(|name| literal(cx, ROW.name, name));
        Type::Bool
    },
    constant: Some(|cx, call| is_allowed(cx, call).map(Constant::Bool)),
    lower: |cx, call| {
        let allowed = is_allowed(cx, call).unwrap_or(false);
        Lowered::Int(cx.ir().int(allowed.into()))
    },
    ..Builtin::BASE
};

fn is_allowed<Cx: TypeCx + ?Sized>(cx: &mut Cx, call: &Call) -> Option<bool> {
    let name = name(cx, call)?;
    let caller = cx.program_type().number();
    Some(cx.facts().may_call(&name, caller))
}
