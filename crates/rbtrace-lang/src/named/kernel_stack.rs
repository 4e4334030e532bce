//! `kstack_bpftrace_127` and its relatives: a stack of the kernel.

use super::stack;
use crate::row::NamedType;

/// The row.
pub static ROW: NamedType =
    NamedType { name: stack::KERNEL, show: |world, bytes| stack::show(bytes, |address| world.kernel_symbol(address)) };
