//! `username`: the name of the current task's user.

use rbtrace_ir::{Bin, Helper};

use crate::compile::Lowered;
use crate::named::username;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "username",
    signature: "username",
    manual: "The name of the user of the current task, looked up when it is printed.\n\n\
             ```\ntracepoint:syscalls:sys_enter_execve { @[username] = count(); }\n```\n",
    type_of: |_, _| username::ty(),
    lower: |cx, _| {
        let ir = cx.ir();
        let both = ir.call(Helper::CurrentUidGid, vec![]);
        let uid = ir.bin_int(Bin::And, both, 0xffff_ffff);
        let slot = ir.memory("username", username::SIZE);
        let addr = ir.slot_addr(slot);
        ir.store(8, addr, 0, uid);
        Lowered::Mem(addr)
    },
    ..Builtin::BASE
};
