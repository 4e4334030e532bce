//! `str_concat()`: two texts, one behind the other.

use rbtrace_ir::{Bin, Cmp, Helper, Op, Operand};
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered};
use crate::row::Builtin;

use super::read;

/// Bytes of the result, with its NUL.
const SIZE: u32 = 1024;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "str_concat",
    signature: "str_concat(a, b)",
    manual: "The text `a` followed by the text `b`, at most 1023 bytes.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat { printf(\"%s\\n\", str_concat(comm, str(args.filename))); }\n```\n",
    args: (2, 2),
    type_of: |cx, call| {
        for arg in &call.args {
            read::check_string(cx, ROW.name, arg);
        }
        Type::String(SIZE)
    },
    lower,
    ..Builtin::BASE
};

/// The second text is written where the first ends, with as much room as it could need; then the whole is cut.
fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let [first, second] = call.args[..] else { return Lowered::Void };
    let (first, second) = (read::string(cx, first), read::string(cx, second));
    let (a, b) = ((first.capacity + 1).min(SIZE), (second.capacity + 1).min(SIZE));
    let ir = cx.ir();
    // The longest first text, then the longest second: both with their NUL.
    let slot = ir.memory("concat", SIZE.max(a + b));
    let to = ir.slot_addr(slot);
    ir.push(Op::Zero { addr: to, bytes: SIZE.max(a + b) });
    let copied = ir.call(Helper::ProbeReadKernelStr, vec![Operand::Value(to), Operand::Int(a.into()), Operand::Value(first.addr)]);
    let one = ir.int(1);
    let is_empty = ir.cmp(Cmp::SLt, copied, one);
    let copied = ir.value(Op::Select(is_empty, one, copied));
    let end = ir.bin(Bin::Sub, copied, one);
    let behind = ir.value(Op::Index { base: to, index: end, bound: a });
    ir.call(Helper::ProbeReadKernelStr, vec![Operand::Value(behind), Operand::Int(b.into()), Operand::Value(second.addr)]);
    let nul = ir.int(0);
    ir.store(1, to, SIZE - 1, nul);
    Lowered::Mem(to)
}
