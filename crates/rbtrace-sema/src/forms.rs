//! What an expression is to passes that ask for one thing alone: can it be written to, does it call something.

use rbtrace_syntax::ast::{Expr, ExprKind, Name};

/// An expression on the left of an assignment.
pub(crate) enum Target<'e> {
    Variable,
    Map(&'e str),
    Element(&'e Name, &'e [Expr]),
    /// Of a struct, a tuple or an array.
    Part,
    /// A value that is nowhere kept.
    None,
}

impl<'e> Target<'e> {
    pub(crate) fn of(expr: &'e Expr) -> Target<'e> {
        match &expr.kind {
            ExprKind::Variable(_) => Target::Variable,
            ExprKind::Map(name) => Target::Map(name),
            ExprKind::MapElement { map, key } => Target::Element(map, key),
            ExprKind::Field { .. } | ExprKind::TupleIndex { .. } | ExprKind::Index { .. } => Target::Part,
            ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Bool(_) | ExprKind::Param(_) | ExprKind::ParamCount => Target::None,
            ExprKind::Ident(_) | ExprKind::Call { .. } | ExprKind::Binary { .. } | ExprKind::Unary { .. } => Target::None,
            ExprKind::Step { .. } | ExprKind::Ternary { .. } | ExprKind::If { .. } | ExprKind::Block(_) => Target::None,
            ExprKind::Cast { .. } | ExprKind::Tuple(_) | ExprKind::Record(_) | ExprKind::SizeOf(_) | ExprKind::OffsetOf(..) => Target::None,
            ExprKind::TypeInfo(_) | ExprKind::Comptime(_) | ExprKind::Error => Target::None,
        }
    }
}

/// The function that an expression calls, with parentheses or without.
pub(crate) fn called(expr: &Expr) -> Option<&str> {
    if let ExprKind::Call { function, .. } = &expr.kind {
        return Some(&function.node);
    }
    if let ExprKind::Ident(name) = &expr.kind { Some(name) } else { None }
}
