//! What the rows of the tables ask in the same way while they are typed and while they are lowered: the literals that an expression says.

use rbtrace_lang::compile::{Call, Constant, TypeCx};
use rbtrace_lang::functions;
use rbtrace_syntax::ast::{Arg, Expr, ExprKind};

use crate::fold;
use crate::shared::Shared;

/// The value of an integer constant; `known` is what inference found of the expression.
pub(crate) fn int_literal(known: Option<&Constant>, expr: &Expr, shared: &Shared) -> Option<i128> {
    match known {
        Some(Constant::Int(value)) => Some(*value),
        Some(Constant::Bool(_) | Constant::Text(_) | Constant::Record(_)) => None,
        None => fold::int(expr, shared).ok().flatten(),
    }
}

/// The bytes of a string constant.
pub(crate) fn string_literal(cx: &mut dyn TypeCx, known: Option<Constant>, expr: &Expr) -> Option<Vec<u8>> {
    if let Some(Constant::Text(text)) = known {
        return Some(text);
    }
    said_by_call(cx, expr).or_else(|| fold::string(expr))
}

/// The string constant that a call is, as its row says.
fn said_by_call(cx: &mut dyn TypeCx, expr: &Expr) -> Option<Vec<u8>> {
    if let ExprKind::Block(block) = &expr.kind {
        return cx.string_literal(block.bare_value()?);
    }
    let ExprKind::Call { function, args } = &expr.kind else { return None };
    let literal = functions::by_name(&function.node)?.literal?;
    let args = args.iter().filter_map(|arg| match arg {
        Arg::Expr(arg) => Some(arg),
        Arg::Type(_) => None,
    });
    literal(cx, &Call { name: &function.node, id: expr.id, span: expr.span, args: args.collect() })
}

/// The text of a bare identifier.
pub(crate) fn identifier(expr: &Expr) -> Option<&str> {
    if let ExprKind::Ident(name) = &expr.kind { Some(name) } else { None }
}
