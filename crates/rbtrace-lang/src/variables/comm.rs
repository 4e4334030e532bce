//! `comm`: the name of the current thread.

use rbtrace_ir::{Helper, Operand, Value};
use rbtrace_types::Type;

use crate::compile::{LowerCx, Lowered};
use crate::row::Builtin;

/// `TASK_COMM_LEN`
const SIZE: u32 = 16;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "comm",
    signature: "comm",
    manual: "The name of the current thread, at most 15 bytes.\n\n\
             ```\ntracepoint:raw_syscalls:sys_enter { @[comm] = count(); }\n```\n",
    type_of: |_, _| Type::String(SIZE),
    lower: |cx, _| {
        let slot = cx.ir().memory("comm", SIZE);
        let addr = cx.ir().slot_addr(slot);
        read(cx, addr);
        Lowered::Mem(addr)
    },
    lower_into: Some(|cx, _, to| read(cx, to)),
    ..Builtin::BASE
};

/// The helper pads with zeros to the end.
fn read(cx: &mut dyn LowerCx, to: Value) {
    cx.ir().call(Helper::CurrentComm, vec![Operand::Value(to), Operand::Int(SIZE.into())]);
}
