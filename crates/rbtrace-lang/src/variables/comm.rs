//! `comm`: the name of the current thread.

use rbtrace_ir::{Helper, Operand};
use rbtrace_types::Type;

use crate::compile::Lowered;
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
        let ir = cx.ir();
        let slot = ir.memory("comm", SIZE);
        let addr = ir.slot_addr(slot);
        // The helper pads with zeros to the end.
        ir.call(Helper::CurrentComm, vec![Operand::Value(addr), Operand::Int(SIZE.into())]);
        Lowered::Mem(addr)
    },
    ..Builtin::BASE
};
