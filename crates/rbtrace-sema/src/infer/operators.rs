//! Binary operators during inference: which operands go together and what comes out (SPEC §3.4).

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_lang::warnings;
use rbtrace_syntax::ast::{BinaryOp, Expr};
use rbtrace_types::{Type, integer};

use super::{Infer, Ty};

/// What an operator does, as far as types go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// `+ - * / % & | ^ << >>`
    Arithmetic,
    /// `== !=`
    Equality,
    /// `< <= > >=`
    Order,
    /// `&& ||`
    Logic,
}

/// The class of an operator.
pub(crate) fn class(op: BinaryOp) -> Class {
    match op {
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => Class::Arithmetic,
        BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor | BinaryOp::Shl | BinaryOp::Shr => Class::Arithmetic,
        BinaryOp::Eq | BinaryOp::Ne => Class::Equality,
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => Class::Order,
        BinaryOp::And | BinaryOp::Or => Class::Logic,
    }
}

impl Infer<'_> {
    pub(super) fn binary(&mut self, span: Span, op: BinaryOp, left: &Expr, right: &Expr) -> Ty {
        if let Some(text) = self.joined_literals(op, left, right) {
            return text;
        }
        let (a, b) = (self.value(left), self.value(right));
        if a.ty == Type::Void || b.ty == Type::Void {
            return if class(op) == Class::Arithmetic { Ty::VOID } else { Ty::fixed(Type::Bool) };
        }
        let result = match (class(op), a.integer().zip(b.integer())) {
            (Class::Arithmetic, Some((x, y))) => Some(Type::Int(integer::arithmetic(x, y, op == BinaryOp::Sub))),
            (Class::Equality | Class::Order, Some((x, y))) => {
                self.mixed_signs(span, op, integer::promote(x, y).1, &a, &b);
                Some(Type::Bool)
            }
            (Class::Logic, Some(_)) => Some(Type::Bool),
            (class, None) => other_operands(class, op, &a.ty, &b.ty),
        };
        match result {
            Some(ty) => Ty::fixed(ty),
            None => self.mismatch(span, op, left.span, &a, right.span, &b),
        }
    }

    /// `"a" + "b"` is one literal.
    fn joined_literals(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Ty> {
        if op != BinaryOp::Add {
            return None;
        }
        let joined = [crate::fold::string(left)?, crate::fold::string(right)?].concat();
        let params = |expr: &Expr| matches!(expr.kind, rbtrace_syntax::ast::ExprKind::Param(_));
        (!params(left) && !params(right)).then(|| Ty::fixed(Type::String(joined.len() as u32 + 1)))
    }

    fn mixed_signs(&mut self, span: Span, op: BinaryOp, clash: bool, a: &Ty, b: &Ty) {
        if clash && self.last {
            let message = format!("comparison of integers of different signs: '{}' and '{}' can lead to undefined behavior", a.ty, b.ty);
            self.sink.push(warnings::MIXED_SIGNS.at(span, message).because(format!("`{}` compares both as int64", op.symbol())));
        }
    }

    fn mismatch(&mut self, span: Span, op: BinaryOp, left: Span, a: &Ty, right: Span, b: &Ty) -> Ty {
        let message = match class(op) {
            Class::Equality | Class::Order => format!("Type mismatch for '{}': comparing {} with {}", op.symbol(), a.ty, b.ty),
            Class::Arithmetic | Class::Logic => {
                format!("The {} operator can not be used on expressions of types {}, {}", op.symbol(), a.ty, b.ty)
            }
        };
        let error = Diagnostic::error(span, message).because("these operands do not go together");
        self.sink.push(error.label(left, format!("left ({})", a.ty)).label(right, format!("right ({})", b.ty)));
        if class(op) == Class::Arithmetic { Ty::VOID } else { Ty::fixed(Type::Bool) }
    }
}

/// The result for operands that are not both integers; `None`: they do not go together.
fn other_operands(class: Class, op: BinaryOp, a: &Type, b: &Type) -> Option<Type> {
    match (class, a, b) {
        (Class::Arithmetic, Type::Pointer(..), other) if other.is_integer() && matches!(op, BinaryOp::Add | BinaryOp::Sub) => {
            Some(a.clone())
        }
        (Class::Arithmetic, other, Type::Pointer(..)) if other.is_integer() && op == BinaryOp::Add => Some(b.clone()),
        (Class::Arithmetic, ..) => None,
        (_, Type::Pointer(..), Type::Pointer(..)) => Some(Type::Bool),
        (_, Type::Pointer(..), other) | (_, other, Type::Pointer(..)) if other.is_integer() => Some(Type::Bool),
        (Class::Equality, Type::String(_), Type::String(_)) => Some(Type::Bool),
        (Class::Equality, Type::Buffer(_), Type::Buffer(_)) => Some(Type::Bool),
        (Class::Equality, Type::Array(x, n), Type::Array(y, m)) if x == y && n == m => Some(Type::Bool),
        (Class::Equality, Type::Tuple(_) | Type::Record(_), _) => {
            super::join(&Ty::fixed(a.clone()), &Ty::fixed(b.clone())).map(|_| Type::Bool)
        }
        (Class::Equality, Type::Named(x), Type::Named(y)) if x == y => Some(Type::Bool),
        (Class::Equality | Class::Order | Class::Logic, ..) => None,
    }
}
