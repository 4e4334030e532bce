//! `ncpus`: how many processors there are.

use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "ncpus",
    signature: "ncpus",
    manual: "The number of processors that this machine can have.\n\n\
             ```\nbegin { print(ncpus); }\n```\n",
    type_of: |_, _| Type::U64,
    lower: |cx, _| {
        let cpus = cx.facts().cpus();
        Lowered::Int(cx.ir().int(cpus.into()))
    },
    ..Builtin::BASE
};
