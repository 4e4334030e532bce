//! `strstr()`: where a text occurs in another.

use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

use super::search;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "strstr",
    signature: "strstr(haystack, needle)",
    manual: "How many bytes before the first place where the text `needle` occurs in the text `haystack`; -1 if it does not. An empty needle is at \
             the start.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat { @[strstr(str(args.filename), \".so\")] = count(); }\n```\n",
    args: (2, 2),
    type_of: |cx, call| {
        search::check(cx, ROW.name, call);
        Type::I64
    },
    lower: |cx, call| Lowered::Int(search::place(cx, call)),
    ..Builtin::BASE
};
