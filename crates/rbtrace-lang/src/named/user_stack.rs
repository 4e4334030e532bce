//! `ustack_bpftrace_127` and its relatives: a stack of a process.

use super::stack;
use crate::row::NamedType;
use crate::run::RunError;
use crate::value::read_int;

/// The row.
pub static ROW: NamedType = NamedType {
    name: stack::USER,
    written: &[],
    ty: None,
    is_number: false,
    show: |world, bytes| {
        let (stack, pid) = bytes.split_last_chunk::<8>().ok_or(RunError::Truncated)?;
        let pid = read_int(pid, 8, false)? as u32;
        stack::show(stack, |address| world.user_symbol(pid, address))
    },
};
