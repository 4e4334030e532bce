//! `kstack_bpftrace_127` and its relatives: a stack of the kernel.

use super::stack;
use crate::row::NamedType;

/// The row.
pub static ROW: NamedType = NamedType {
    name: stack::KERNEL,
    written: &[],
    ty: None,
    is_number: false,
    show: |world, bytes| stack::show(false, world, bytes, &|_, address| world.kernel_symbol(address)),
};
