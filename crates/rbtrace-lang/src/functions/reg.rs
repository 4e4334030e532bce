//! `reg()`: a register of what a probe interrupted.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::Op;
use rbtrace_types::{Arch, Type};

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::format::call::literal;
use crate::probes::kernel::{kprobe, kretprobe};
use crate::probes::{hardware, profile, registers, software, uprobe, uretprobe, watchpoint};
use crate::row::{Allowed, Builtin};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "reg",
    signature: "reg(\"name\")",
    manual: "A register of the code that was interrupted, by its name in C's `struct pt_regs`: on x86-64 `ip`, `sp`, `ax`, `di` and so on, on \
             aarch64 `pc`, `sp`, `r0` to `r30`, also called `x0` to `x30`, `fp` and `lr`.\n\n\
             ```\nprofile:hz:99 { printf(\"%p\\n\", reg(\"ip\")); }\n```\n",
    args: (1, 1),
    allowed: Allowed::Only(&[
        profile::ROW.name,
        software::ROW.name,
        hardware::ROW.name,
        watchpoint::ROW.name,
        uprobe::ROW.name,
        uretprobe::ROW.name,
        kprobe::ROW.name,
        kretprobe::ROW.name,
    ]),
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some(arg) = call.args.first() else { return Type::U64 };
    if let Some(name) = literal(cx, ROW.name, arg) {
        let (name, arch) = (String::from_utf8_lossy(&name).into_owned(), cx.facts().arch());
        if registers::by_name(arch, &name).is_none() {
            let message = format!("'{name}' is not a valid register on this architecture ({})", arch.name());
            cx.report(
                Diagnostic::error(arg.span, message)
                    .because("no register has this name")
                    .hint(format!("there are {}", registers::names(arch))),
            );
        }
    }
    Type::U64
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let name = call.args.first().and_then(|arg| cx.string_literal(arg)).unwrap_or_default();
    let arch: Arch = cx.facts().arch();
    let offset = registers::by_name(arch, &String::from_utf8_lossy(&name)).unwrap_or(0);
    Lowered::Int(cx.ir().value(Op::LoadCtx { bytes: 8, signed: false, offset }))
}
