//! `syscall_name()`: the name of a syscall.

use crate::row::Builtin;

use super::{name_table, scalars};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "syscall_name",
    signature: "syscall_name(number)",
    manual: "The name of the syscall of a number.\n\n\
             ```\ntracepoint:raw_syscalls:sys_enter { @[syscall_name(args.id)] = count(); }\n```\n",
    args: (1, 1),
    type_of: |cx, call| {
        scalars::check_number(cx, ROW.name, call);
        name_table::ty()
    },
    lower: |cx, call| {
        let number = scalars::only(cx, call);
        let names = cx.facts().syscall_names();
        name_table::lower(cx, number, &names, "Unknown syscall")
    },
    ..Builtin::BASE
};
