//! `strlen()`: how long a text is.

use rbtrace_ir::{Cmp, Helper, Op, Operand};
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered};
use crate::row::Builtin;

use super::read;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "strlen",
    signature: "strlen(string)",
    manual: "The number of bytes of a text before its NUL.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat { @ = hist(strlen(str(args.filename))); }\n```\n",
    args: (1, 1),
    type_of: |cx, call| {
        for arg in &call.args {
            read::check_string(cx, ROW.name, arg);
        }
        Type::U64
    },
    lower,
    ..Builtin::BASE
};

/// The kernel's string reader gives the length with the NUL, which is quicker than a loop of ours. It needs room for a copy.
fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let Some(arg) = call.args.first() else { return Lowered::Void };
    let text = read::string(cx, arg);
    let ir = cx.ir();
    let slot = ir.memory("strlen", text.capacity + 1);
    let copy = ir.slot_addr(slot);
    let args = vec![Operand::Value(copy), Operand::Int(i64::from(text.capacity) + 1), Operand::Value(text.addr)];
    let copied = ir.call(Helper::ProbeReadKernelStr, args);
    let one = ir.int(1);
    let failed = ir.cmp(Cmp::SLt, copied, one);
    let copied = ir.value(Op::Select(failed, one, copied));
    Lowered::Int(ir.bin(rbtrace_ir::Bin::Sub, copied, one))
}
