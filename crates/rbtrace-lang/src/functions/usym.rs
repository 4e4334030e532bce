//! `usym()`: the name at an address of the process.

use crate::compile::Lowered;
use crate::named::user_symbol;
use crate::row::Builtin;
use crate::variables::task_ids;

use super::scalars;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "usym",
    signature: "usym(address)",
    manual: "An address of the current process, shown as the name of the function or variable there when it is printed.\n\n\
             ```\nprofile:hz:99 { @[usym(reg(\"ip\"))] = count(); }\n```\n",
    args: (1, 1),
    type_of: |cx, call| {
        scalars::check_address(cx, ROW.name, call);
        user_symbol::ty()
    },
    lower: |cx, call| {
        let address = scalars::only(cx, call);
        cx.follow_processes();
        let pid = task_ids::process_id(cx);
        let ir = cx.ir();
        let slot = ir.memory("usym", user_symbol::SIZE);
        let addr = ir.slot_addr(slot);
        ir.store(8, addr, 0, address);
        ir.store(8, addr, 8, pid);
        Lowered::Mem(addr)
    },
    ..Builtin::BASE
};
