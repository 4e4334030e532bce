//! `has_cpid`: whether a command was given.

use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "has_cpid",
    signature: "has_cpid",
    manual: "Whether a command was given by `-c`.\n\n\
             ```\nbegin { if (has_cpid) { print(cpid); } }\n```\n",
    type_of: |_, _| Type::Bool,
    lower: |cx, _| {
        let given = cx.command_pid().is_some();
        Lowered::Int(cx.ir().int(given.into()))
    },
    ..Builtin::BASE
};
