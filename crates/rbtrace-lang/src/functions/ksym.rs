//! `ksym()`: the name at an address of the kernel.

use crate::compile::Lowered;
use crate::named::kernel_symbol;
use crate::row::Builtin;

use super::scalars;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "ksym",
    aliases: &["sym"],
    signature: "ksym(address)",
    manual: "An address of the kernel, shown as the name of the function or variable there when it is printed.\n\n\
             ```\ntracepoint:timer:hrtimer_expire_entry { @[ksym(args.function)] = count(); }\n```\n",
    args: (1, 1),
    type_of: |cx, call| {
        scalars::check_address(cx, ROW.name, call);
        kernel_symbol::ty()
    },
    lower: |cx, call| {
        cx.name_kernel();
        let address = scalars::only(cx, call);
        let ir = cx.ir();
        let slot = ir.memory("ksym", kernel_symbol::SIZE);
        let addr = ir.slot_addr(slot);
        ir.store(8, addr, 0, address);
        Lowered::Mem(addr)
    },
    ..Builtin::BASE
};
