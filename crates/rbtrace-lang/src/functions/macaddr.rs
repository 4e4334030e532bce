//! `macaddr()`: six bytes as the address of a network device.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Op, Operand};
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::named::mac_address;
use crate::row::Builtin;

use super::read;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "macaddr",
    signature: "macaddr(bytes)\nmacaddr(pointer)",
    manual: "Six bytes, or those at an address, shown as a MAC address.\n\n\
             ```\ntracepoint:sock:inet_sock_set_state { printf(\"%s\\n\", macaddr(args.daddr_v6)); }\n```\n",
    args: (1, 1),
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some(arg) = call.args.first() else { return mac_address::ty() };
    let ty = cx.type_of(arg);
    if cx.string_literal(arg).is_some() {
        let error = Diagnostic::error(arg.span, "macaddr() does not support literal string arguments");
        cx.report(error.because("an address as text needs no change"));
    }
    match &ty {
        Type::Void | Type::Int(_) | Type::Pointer(..) => {}
        Type::Array(..) | Type::String(_) if ty.size() >= mac_address::SIZE => {}
        Type::Array(..) | Type::String(_) => {
            let error = Diagnostic::error(arg.span, "macaddr() argument must be at least 6 bytes in size");
            cx.report(error.because(format!("`{ty}` has {}", ty.size())));
        }
        Type::Bool | Type::Buffer(_) | Type::Struct(_) | Type::Enum(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) => {
            refuse(cx, call, &ty);
        }
        Type::Aggregate(_) => refuse(cx, call, &ty),
    }
    mac_address::ty()
}

fn refuse(cx: &mut dyn TypeCx, call: &Call, ty: &Type) {
    let message = format!("macaddr() only supports array or pointer arguments ({ty} provided)");
    cx.report(Diagnostic::error(call.span, message).because("no address is there"));
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let Some(arg) = call.args.first() else { return Lowered::Void };
    let from = read::source(cx, arg);
    let ir = cx.ir();
    let slot = ir.memory("mac_address", 8);
    let addr = ir.slot_addr(slot);
    ir.push(Op::Zero { addr, bytes: 8 });
    read::bytes(ir, addr, Operand::Int(mac_address::SIZE.into()), from);
    Lowered::Mem(addr)
}
