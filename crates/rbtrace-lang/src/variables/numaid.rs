//! `numaid`: the NUMA node the probe runs on.

use rbtrace_ir::Helper;
use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "numaid",
    signature: "numaid",
    manual: "The number of the NUMA node that the probe runs on.\n\n\
             ```\nprofile:hz:99 { @[numaid] = count(); }\n```\n",
    type_of: |_, _| Type::U64,
    lower: |cx, _| Lowered::Int(cx.ir().call(Helper::NumaNodeId, vec![])),
    ..Builtin::BASE
};
