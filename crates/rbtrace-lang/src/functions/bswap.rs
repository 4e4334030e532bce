//! `bswap()`: the bytes of a number in reverse order.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::Bin;
use rbtrace_types::{Int, Type};

use crate::compile::{Call, LowerCx, Lowered};
use crate::row::Builtin;

use super::scalars;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "bswap",
    signature: "bswap(number)",
    manual: "A number with its bytes in reverse order: what a network sends to what the machine computes with, and back. It keeps the number's \
             width; the result is unsigned.\n\n\
             ```\nbegin { printf(\"%x\\n\", bswap((uint16)0x1234)); }\n```\n",
    args: (1, 1),
    type_of: |cx, call| {
        let Some(arg) = call.args.first() else { return Type::U64 };
        let ty = cx.type_of(arg);
        if !matches!(ty, Type::Int(_) | Type::Void) {
            let message = format!("{}() only supports integer arguments ({ty} provided)", ROW.name);
            cx.report(Diagnostic::error(arg.span, message).because("a number is wanted here"));
        }
        Type::int(width(&ty), false)
    },
    lower,
    ..Builtin::BASE
};

fn width(ty: &Type) -> u8 {
    match ty {
        Type::Int(Int { bytes, .. }) => *bytes,
        Type::Void | Type::Bool | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..) | Type::Struct(_) => 8,
        Type::Enum(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => 8,
    }
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let bytes = call.args.first().map_or(8, |arg| width(&cx.type_of(arg)));
    let number = scalars::only(cx, call);
    let ir = cx.ir();
    let mut swapped = ir.int(0);
    for byte in 0..i64::from(bytes) {
        let low = ir.bin_int(Bin::LShr, number, 8 * byte);
        let low = ir.bin_int(Bin::And, low, 0xff);
        let moved = ir.bin_int(Bin::Shl, low, 8 * (i64::from(bytes) - 1 - byte));
        swapped = ir.bin(Bin::Or, swapped, moved);
    }
    Lowered::Int(swapped)
}
