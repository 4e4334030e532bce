//! `jiffies`: the kernel's tick counter.

use rbtrace_ir::Helper;
use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "jiffies",
    signature: "jiffies",
    manual: "The jiffies of the kernel: its ticks since it started.\n\n\
             ```\ninterval:s:1 { print(jiffies); }\n```\n",
    type_of: |_, _| Type::U64,
    lower: |cx, _| Lowered::Int(cx.ir().call(Helper::Jiffies64, vec![])),
    ..Builtin::BASE
};
