//! `memcmp()`: compares bytes.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Cmp, LoopKind, Op, Operand};
use rbtrace_syntax::ast::Expr;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::row::Builtin;

use super::read::{self, Source};

/// Most bytes: the verifier walks through them one by one.
const MOST: i128 = 4096;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "memcmp",
    signature: "memcmp(a, b, length)",
    manual: "Compares the bytes of two values, or those at two addresses: 0 if they are equal, else less or more than 0, as the first byte that \
             differs says. `length` is a literal.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat { printf(\"%d\\n\", memcmp(comm, \"bash\", 4)); }\n```\n",
    args: (3, 3),
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let [left, right, length] = call.args[..] else { return Type::I64 };
    let given = cx.int_literal(length);
    if given.is_none_or(|given| !(0..=MOST).contains(&given)) {
        let error = Diagnostic::error(length.span, format!("memcmp() expects a literal from 0 to {MOST} as its length"));
        cx.report(error.because("how many bytes are compared has to be known when the script is compiled"));
    }
    for side in [left, right] {
        let ty = cx.type_of(side);
        let size = i128::from(ty.size());
        if !matches!(ty, Type::Void | Type::Int(_) | Type::Pointer(..)) && given.is_some_and(|given| given > size) {
            let message = format!("memcmp() reads behind the end of a value of {size} bytes");
            cx.report(Diagnostic::error(side.span, message).because(format!("this is a `{ty}`")));
        }
    }
    Type::I64
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let [left, right, length] = call.args[..] else { return Lowered::Void };
    let bytes = cx.int_literal(length).unwrap_or(0) as u32;
    if bytes == 0 {
        return Lowered::Int(cx.ir().int(0));
    }
    let (left, right) = (own(cx, left, bytes), own(cx, right, bytes));
    let ir = cx.ir();
    let (difference, place) = (ir.scalar("difference"), ir.scalar("place"));
    let zero = ir.int(0);
    ir.push(Op::Set(difference, zero));
    ir.open();
    let index = ir.value(Op::Get(place));
    let mut byte_of = |slot| {
        let base = ir.slot_addr(slot);
        let here = ir.value(Op::Index { base, index, bound: bytes });
        ir.load(1, false, here, 0)
    };
    let (a, b) = (byte_of(left), byte_of(right));
    let differs = ir.cmp(Cmp::Ne, a, b);
    ir.if_else(
        differs,
        |ir| {
            let by = ir.bin(Bin::Sub, a, b);
            ir.push(Op::Set(difference, by));
            ir.push(Op::Break);
        },
        |_| {},
    );
    let body = ir.close();
    ir.push(Op::Loop { kind: LoopKind::Bounded { count: bytes, index: Some(place) }, body });
    Lowered::Int(ir.value(Op::Get(difference)))
}

/// A copy of the bytes: addresses do not cross the border of a loop, slots do.
fn own(cx: &mut dyn LowerCx, side: &Expr, bytes: u32) -> rbtrace_ir::SlotId {
    let from = read::source(cx, side);
    let ir = cx.ir();
    let slot = ir.memory("bytes", bytes);
    let to = ir.slot_addr(slot);
    match from {
        Source::Local(from) => ir.push(Op::Copy { to, from, bytes }),
        Source::Remote(..) => read::bytes(ir, to, Operand::Int(bytes.into()), from),
    }
    slot
}
