//! `is_scalar()`: whether a map has a single value.

use rbtrace_diag::Diagnostic;
use rbtrace_types::Type;

use crate::compile::{Call, Constant, Lowered, TypeCx};
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "is_scalar",
    signature: "is_scalar(@map)",
    manual: "Whether a map has no keys. Known at compile time, for macros that take either.\n\n\
             ```\nmacro show(@m) { if comptime is_scalar(@m) { print(@m); } else { printf(\"%d keys\\n\", len(@m)); } }\n\
             begin { @one = 1; @many[1] = 1; show(@one); show(@many); }\n```\n",
    args: (1, 1),
    type_of: |cx, call| {
        if is_scalar(cx, call).is_none() {
            let error = Diagnostic::error(call.span, "is_scalar() expects a map for the first argument");
            cx.report(error.because("not a map"));
        }
        Type::Bool
    },
    constant: Some(|cx, call| is_scalar(cx, call).map(Constant::Bool)),
    lower: |cx, call| {
        let known = is_scalar(cx, call).unwrap_or(false);
        Lowered::Int(cx.ir().int(i64::from(known)))
    },
    ..Builtin::BASE
};

fn is_scalar(cx: &mut (impl TypeCx + ?Sized), call: &Call) -> Option<bool> {
    let (_, map) = cx.map(call.args.first()?)?;
    Some(map.key.is_none())
}
