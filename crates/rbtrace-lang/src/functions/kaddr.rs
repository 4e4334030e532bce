//! `kaddr()`: the address of a name of the kernel.

use rbtrace_diag::Diagnostic;
use rbtrace_types::Type;

use crate::compile::{Call, Lowered, TypeCx};
use crate::format::call::literal;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "kaddr",
    signature: "kaddr(\"name\")",
    manual: "The address of a function or variable of the kernel.\n\n\
             ```\nbegin { printf(\"%s\\n\", ksym(kaddr(\"avenrun\"))); }\n```\n",
    args: (1, 1),
    type_of,
    lower: |cx, call| {
        let name = call.args.first().and_then(|arg| cx.string_literal(arg)).unwrap_or_default();
        let address = cx.facts().kernel_address(&String::from_utf8_lossy(&name)).unwrap_or(0);
        Lowered::Int(cx.ir().int(address as i64))
    },
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some(arg) = call.args.first() else { return Type::U64 };
    if let Some(name) = literal(cx, ROW.name, arg) {
        let name = String::from_utf8_lossy(&name);
        if cx.facts().kernel_address(&name).is_none() {
            let error = Diagnostic::error(call.span, format!("Failed to resolve kernel symbol: {name}"));
            cx.report(error.because("`/proc/kallsyms` does not have it, or hides its address"));
        }
    }
    Type::U64
}
