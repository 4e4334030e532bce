//! `ustack_bpftrace_127` and its relatives: a stack of a process.

use super::stack;
use crate::row::NamedType;
use crate::value::read_int;

/// The row.
pub static ROW: NamedType = NamedType {
    name: stack::USER,
    written: &[],
    ty: None,
    is_number: false,
    show: |world, bytes| {
        let pid = read_int(bytes.get(stack::PROCESS as usize..).unwrap_or_default(), 8, false)? as u32;
        stack::show(world, bytes, |address| world.user_symbol(pid, address))
    },
};
