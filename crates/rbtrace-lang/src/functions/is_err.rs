//! `is_err()`: whether a pointer of the kernel is an error.

use rbtrace_ir::Cmp;
use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

use super::scalars;

/// `MAX_ERRNO`
const LARGEST: i64 = 4095;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "is_err",
    signature: "is_err(pointer)",
    manual: "Whether a pointer is an error in disguise: the kernel returns a number from -4095 to -1 then.\n\n\
             ```\nbegin { printf(\"%d %d\\n\", is_err(-2), is_err(curtask)); }\n```\n",
    args: (1, 1),
    type_of: |cx, call| {
        scalars::check_address(cx, ROW.name, call);
        Type::Bool
    },
    lower: |cx, call| {
        let pointer = scalars::only(cx, call);
        Lowered::Int(cx.ir().cmp_int(Cmp::UGe, pointer, -LARGEST))
    },
    ..Builtin::BASE
};
