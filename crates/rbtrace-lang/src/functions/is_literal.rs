//! `is_literal()`: whether a value is known while the script is compiled.

use rbtrace_syntax::ast::ExprKind;
use rbtrace_types::Type;

use crate::compile::{Call, Constant, Lowered, TypeCx};
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "is_literal",
    signature: "is_literal(value)",
    manual: "Whether a value is a literal: a number, a text, true or false. For macros, which can do better with what they know.\n\n\
             ```\nmacro twice(x) { if comptime is_literal(x) { x + x } else { x * 2 } }\n\
             begin { print(twice(21)); }\n```\n",
    args: (1, 1),
    type_of: |cx, call| {
        for arg in &call.args {
            cx.type_of(arg);
        }
        Type::Bool
    },
    constant: Some(|cx, call| Some(Constant::Bool(is_literal(cx, call)))),
    lower: |cx, call| {
        let known = is_literal(cx, call);
        Lowered::Int(cx.ir().int(i64::from(known)))
    },
    ..Builtin::BASE
};

fn is_literal(cx: &mut (impl TypeCx + ?Sized), call: &Call) -> bool {
    let is = |arg: &rbtrace_syntax::ast::Expr| {
        matches!(arg.kind, ExprKind::Bool(_)) || cx.int_literal(arg).is_some() || cx.string_literal(arg).is_some()
    };
    call.args.iter().copied().all(is)
}
