//! `strcontains()`: whether a text occurs in another.

use rbtrace_ir::Cmp;
use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

use super::search;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "strcontains",
    signature: "strcontains(haystack, needle)",
    manual: "Whether the text `needle` occurs in the text `haystack`.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat /strcontains(str(args.filename), \".so\")/ { @[comm] = count(); }\n```\n",
    args: (2, 2),
    type_of: |cx, call| {
        search::check(cx, ROW.name, call);
        Type::Bool
    },
    lower: |cx, call| {
        let place = search::place(cx, call);
        Lowered::Int(cx.ir().cmp_int(Cmp::Ne, place, search::NOWHERE))
    },
    ..Builtin::BASE
};
