//! `ntop()`: an IP address as text.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Op, Operand};
use rbtrace_syntax::ast::Expr;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::named::inet;
use crate::row::Builtin;

use super::read;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "ntop",
    signature: "ntop(address)\nntop(family, address)",
    manual: "An IP address, shown as people write it. `address` is a number, four bytes or sixteen, in the order of the network, as the kernel \
             keeps them; without a family its size decides between version 4 and 6.\n\n\
             ```\ntracepoint:sock:inet_sock_set_state { printf(\"%s\\n\", ntop(args.daddr)); }\n\
             tracepoint:sock:inet_sock_set_state { printf(\"%s\\n\", ntop(args.family, args.daddr_v6)); }\n```\n",
    args: (1, 2),
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some(address) = call.args.last() else { return inet::ty() };
    if let [family, _] = call.args[..] {
        let ty = cx.type_of(family);
        if !ty.is_integer() && ty != Type::Void {
            let message = format!("ntop() expects an integer argument, got {ty}");
            cx.report(Diagnostic::error(family.span, message).because("the address family"));
        }
    }
    let ty = cx.type_of(address);
    match &ty {
        Type::Void | Type::Int(_) => {}
        Type::Array(..) | Type::String(_) if matches!(ty.size(), 4 | 16) => {}
        Type::Array(..) | Type::String(_) => {
            let error = Diagnostic::error(address.span, "ntop() argument must be 4 or 16 bytes in size");
            cx.report(error.because(format!("`{ty}` has {}", ty.size())));
        }
        Type::Bool | Type::Buffer(_) | Type::Pointer(..) | Type::Struct(_) | Type::Enum(_) => refuse(cx, address, &ty),
        Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => refuse(cx, address, &ty),
    }
    inet::ty()
}

fn refuse(cx: &mut dyn TypeCx, address: &Expr, ty: &Type) {
    let message = format!("ntop() expects an integer or array argument, got {ty}");
    cx.report(Diagnostic::error(address.span, message).because("no address is here"));
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let Some(address) = call.args.last() else { return Lowered::Void };
    let ty = cx.type_of(address);
    let bytes = if ty.is_scalar() { 4 } else { ty.size() };
    let family = match call.args[..] {
        [family, _] => cx.lower_int(family),
        _ => cx.ir().int(if bytes == 4 { inet::V4 } else { inet::V6 }),
    };
    let number = if ty.is_scalar() { Err(cx.lower_int(address)) } else { Ok(read::source(cx, address)) };
    let ir = cx.ir();
    let slot = ir.memory("inet", inet::SIZE);
    let addr = ir.slot_addr(slot);
    ir.push(Op::Zero { addr, bytes: inet::SIZE });
    ir.store(8, addr, 0, family);
    match number {
        Err(number) => ir.store(4, addr, 8, number),
        Ok(source) => {
            let to = ir.value(Op::Offset(addr, 8));
            read::bytes(ir, to, Operand::Int(bytes.into()), source);
        }
    }
    Lowered::Mem(addr)
}
