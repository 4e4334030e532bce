//! `rand`: a random number.

use rbtrace_ir::Helper;
use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "rand",
    signature: "rand",
    manual: "A random number of 32 bits.\n\n\
             ```\nprofile:hz:99 /rand % 10 == 0/ { @ = count(); }\n```\n",
    type_of: |_, _| Type::U32,
    lower: |cx, _| Lowered::Int(cx.ir().call(Helper::PrandomU32, vec![])),
    ..Builtin::BASE
};
