//! `write_user()`: changes the memory of the current process.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Cmp, Helper, Op, Operand};
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::row::Builtin;

use super::read::{self, Source};
use super::scalars;

/// Most bytes of a call.
const MOST: i128 = 4096;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "write_user",
    signature: "write_user(to, from, length)",
    manual: "Writes bytes into the memory of the current process: to an address, from a value or an address; `length` is a literal. True if it \
             could be done. The process does not expect it. Needs `--unsafe`.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat /comm == \"test\"/ { write_user(args.filename, \"/dev/null\", 10); }\n```\n",
    args: (3, 3),
    is_unsafe: true,
    has_effect: true,
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    scalars::check_address(cx, ROW.name, call);
    let [_, from, length] = call.args[..] else { return Type::Bool };
    let given = cx.int_literal(length);
    if given.is_none_or(|given| !(1..=MOST).contains(&given)) {
        let error = Diagnostic::error(length.span, format!("write_user() expects a literal from 1 to {MOST} as its length"));
        cx.report(error.because("how many bytes are written has to be known when the script is compiled"));
    }
    let ty = cx.type_of(from);
    if !matches!(ty, Type::Void | Type::Int(_) | Type::Pointer(..)) && given.is_some_and(|given| given > i128::from(ty.size())) {
        let message = format!("write_user() reads behind the end of a value of {} bytes", ty.size());
        cx.report(Diagnostic::error(from.span, message).because(format!("this is a `{ty}`")));
    }
    Type::Bool
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let [_, from, length] = call.args[..] else { return Lowered::Void };
    let bytes = cx.int_literal(length).unwrap_or(1) as u32;
    let to = scalars::only(cx, call);
    let from = read::source(cx, from);
    let ir = cx.ir();
    // The helper takes bytes of the program's own memory only, and not from read-only data.
    let slot = ir.memory("bytes", bytes);
    let copy = ir.slot_addr(slot);
    match from {
        Source::Local(from) => ir.push(Op::Copy { to: copy, from, bytes }),
        Source::Remote(..) => read::bytes(ir, copy, Operand::Int(bytes.into()), from),
    }
    let error = ir.call(Helper::ProbeWriteUser, vec![Operand::Value(to), Operand::Value(copy), Operand::Int(bytes.into())]);
    Lowered::Int(ir.cmp_int(Cmp::Eq, error, 0))
}
