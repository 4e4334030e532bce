//! `buf()`: bytes at an address.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Op, Operand};
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::row::Builtin;

use super::read::{self, Most, Source, max_strlen};

/// Bytes of a buffer before its content: the length as u32.
const HEADER: u32 = 4;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "buf",
    signature: "buf(pointer, length)\nbuf(array)",
    manual: "The bytes at an address, at most `max_strlen` less 4; of an array all of them. Shown as ASCII with `\\xhh` for the rest; \
             `%rx` and `%rh` of `printf` show every byte in hexadecimal.\n\n\
             ```\ntracepoint:syscalls:sys_enter_write { printf(\"%r\\n\", buf(args.buf, args.count)); }\n```\n",
    args: (1, 2),
    type_of: |cx, call| {
        check(cx, call);
        Type::Buffer(capacity(cx, call))
    },
    lower,
    ..Builtin::BASE
};

fn check(cx: &mut dyn TypeCx, call: &Call) {
    let Some(subject) = call.args.first() else { return };
    let ty = cx.type_of(subject);
    let fits = match &ty {
        Type::Void | Type::Int(_) | Type::Pointer(..) | Type::String(_) | Type::Array(..) => true,
        Type::Bool | Type::Buffer(_) | Type::Struct(_) | Type::Enum(_) | Type::Tuple(_) | Type::Record(_) => false,
        Type::Named(_) | Type::Aggregate(_) => false,
    };
    if !fits {
        let message = format!("buf() only supports array, string, integer or pointer arguments ({ty} provided)");
        cx.report(Diagnostic::error(subject.span, message).because("where the bytes are"));
    }
    match call.args.get(1) {
        Some(length) => {
            let most = most(cx);
            read::check_length(cx, length, &Most { function: "buf", bytes: most, beyond: "is more than max_strlen allows" });
        }
        None if matches!(ty, Type::Array(..) | Type::Void) => {}
        None => {
            let message = format!("buf() expects a length argument for non-array type {ty}");
            cx.report(Diagnostic::error(call.span, message).because("how many bytes?"));
        }
    }
}

/// The largest buffer.
fn most(cx: &dyn TypeCx) -> u32 {
    max_strlen(cx).saturating_sub(HEADER)
}

fn capacity(cx: &mut dyn TypeCx, call: &Call) -> u32 {
    let most = most(cx);
    match (call.args.first().map(|subject| cx.type_of(subject)), call.args.get(1)) {
        (_, Some(length)) => cx.int_literal(length).map_or(most, |length| length.clamp(0, most.into()) as u32),
        (Some(ty @ Type::Array(..)), None) => ty.size(),
        (_, None) => 0,
    }
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let Some(subject) = call.args.first() else { return Lowered::Void };
    let from = read::source(cx, subject);
    let room = match from {
        // Behind the end of a value there is something else: what is asked for beyond it is zeros.
        Source::Local(_) => cx.type_of(subject).size(),
        Source::Remote(..) => u32::MAX,
    };
    let capacity = capacity(cx, call);
    let literal = call.args.get(1).is_none_or(|length| cx.int_literal(length).is_some());
    let length = match call.args.get(1) {
        Some(length) if !literal => cx.lower_int(length),
        Some(_) | None => cx.ir().int(capacity.into()),
    };
    let ir = cx.ir();
    let slot = ir.memory("buf", HEADER + capacity);
    let addr = ir.slot_addr(slot);
    ir.push(Op::Zero { addr, bytes: HEADER + capacity });
    let length = ir.value(Op::Clamp(length, capacity));
    ir.store(4, addr, 0, length);
    let content = ir.value(Op::Offset(addr, HEADER));
    let readable = capacity.min(room);
    let size = match literal {
        true => Operand::Int(readable.into()),
        false => Operand::Value(ir.value(Op::Clamp(length, readable))),
    };
    match from {
        Source::Local(local) if literal => ir.push(Op::Copy { to: content, from: local, bytes: readable }),
        Source::Local(_) | Source::Remote(..) => read::bytes(ir, content, size, from),
    }
    Lowered::Mem(addr)
}
