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
        // One that nobody saw, and that is gone, has the stacks of the one it was forked from. Others may have other code at the same place.
        let inherited = |first, address| if world.knows(pid) { None } else { world.user_symbol(first, address) };
        stack::show(true, world, bytes, &|first, address| world.user_symbol(pid, address).or_else(|| inherited(first, address)))
    },
};
