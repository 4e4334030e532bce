//! `strncmp()`: compares the starts of two texts.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Op};
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::row::Builtin;

use super::read;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "strncmp",
    signature: "strncmp(a, b, length)",
    manual: "0 if two texts are equal, or their first `length` bytes are; else another number. `length` is a literal.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat /strncmp(str(args.filename), \"/etc/\", 5) == 0/ { @[comm] = count(); }\n```\n",
    args: (3, 3),
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let [left, right, length] = call.args[..] else { return Type::U64 };
    read::check_string(cx, ROW.name, left);
    read::check_string(cx, ROW.name, right);
    if cx.int_literal(length).is_none_or(|length| length < 0) {
        let error = Diagnostic::error(length.span, "Builtin strncmp requires a non-negative literal");
        cx.report(error.because("how many bytes are compared has to be known when the script is compiled"));
    }
    Type::U64
}

/// Texts have nothing but zeros behind their NUL, so equal texts are equal bytes.
fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let [left, right, length] = call.args[..] else { return Lowered::Void };
    let length = cx.int_literal(length).unwrap_or(0);
    let (left, right) = (read::string(cx, left), read::string(cx, right));
    let bytes = left.capacity.min(right.capacity).min(u32::try_from(length).unwrap_or(u32::MAX));
    let ir = cx.ir();
    if bytes == 0 {
        return Lowered::Int(ir.int(0));
    }
    let equal = ir.value(Op::MemEq(left.addr, right.addr, bytes));
    Lowered::Int(ir.bin_int(Bin::Xor, equal, 1))
}
