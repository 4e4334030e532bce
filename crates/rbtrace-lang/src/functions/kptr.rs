//! `kptr()`: an address of the kernel.

use rbtrace_types::Space;

use crate::compile::Lowered;
use crate::row::Builtin;

use super::{scalars, tagged};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "kptr",
    signature: "kptr(pointer)",
    manual: "The same address, as one of the kernel: what is read through it is read there.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat { printf(\"%s\\n\", str(kptr(curtask), 16)); }\n```\n",
    args: (1, 1),
    type_of: |cx, call| tagged::type_of(cx, ROW.name, call, Space::Kernel),
    lower: |cx, call| Lowered::Int(scalars::only(cx, call)),
    ..Builtin::BASE
};
