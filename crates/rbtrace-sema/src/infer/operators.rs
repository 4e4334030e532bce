//! Binary operators during inference: which operands go together and what comes out (SPEC §3.4).

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_lang::compile::Constant;
use rbtrace_lang::{TypeCx, warnings};
use rbtrace_syntax::ast::{BinaryOp, Expr, ExprKind};
use rbtrace_types::{Type, integer};

use super::comptime::compare;
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
    pub(super) fn binary(&mut self, expr: &Expr, op: BinaryOp, left: &Expr, right: &Expr) -> Ty {
        let span = expr.span;
        let (mut a, mut b) = (self.value(left), self.value(right));
        if let Some(ty) = self.text_constant(expr, op, left, right) {
            return ty;
        }
        // Where there is nothing else to go by, the other side says what a side is.
        if self.guesses && a.ty == Type::Void {
            a = b.clone();
        } else if self.guesses && b.ty == Type::Void {
            b = a.clone();
        }
        if a.ty == Type::Void || b.ty == Type::Void {
            return if class(op) == Class::Arithmetic { Ty::VOID } else { Ty::fixed(Type::Bool) };
        }
        let result = match (class(op), a.integer().zip(b.integer())) {
            (Class::Arithmetic, Some(_)) if a.ty == Type::Bool && b.ty == Type::Bool => Some(Type::Bool),
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

    /// Operators on texts that are known now: `"a" + "b"` is one text, `"abc" + 1` what is left of it behind the first byte (SPEC §2.20).
    fn text_constant(&mut self, expr: &Expr, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Ty> {
        let known = match (self.known_text(left), self.known_text(right)) {
            (Some(a), Some(b)) if op == BinaryOp::Add => Constant::Text([a, b].concat()),
            (Some(a), Some(b)) => match class(op) {
                Class::Equality | Class::Order => compare(op, a.cmp(&b))?,
                Class::Logic if op == BinaryOp::And => Constant::Bool(!a.is_empty() && !b.is_empty()),
                Class::Logic => Constant::Bool(!a.is_empty() || !b.is_empty()),
                Class::Arithmetic => return None,
            },
            (Some(text), None) if op == BinaryOp::Add => self.behind(text, right)?,
            (None, Some(text)) if op == BinaryOp::Add => self.behind(text, left)?,
            (Some(_) | None, None) | (None, Some(_)) => return None,
        };
        let ty = match &known {
            Constant::Text(text) => Type::String(text.len() as u32 + 1),
            Constant::Bool(_) | Constant::Int(_) | Constant::Record(_) => Type::Bool,
        };
        self.keep(expr, known);
        Some(Ty::fixed(ty))
    }

    /// The text without its first bytes, as many as an integer literal says.
    fn behind(&mut self, text: Vec<u8>, skipped: &Expr) -> Option<Constant> {
        let count = usize::try_from(self.int_literal(skipped)?).ok()?;
        if self.last && count >= text.len() {
            let warning = warnings::OFFSET.at(skipped.span, "literal string will always be empty");
            self.sink.push(warning.because(format!("the text has {} bytes", text.len())));
        }
        Some(Constant::Text(text.get(count..).unwrap_or_default().to_vec()))
    }

    /// A text as it was written, or a parameter that is no number.
    fn known_text(&mut self, expr: &Expr) -> Option<Vec<u8>> {
        if let ExprKind::String(text) = &expr.kind {
            return Some(text.clone());
        }
        if let ExprKind::Param(number) = expr.kind {
            return if self.int_literal(expr).is_none() { self.param(number).map(String::into_bytes) } else { None };
        }
        if !matches!(expr.kind, ExprKind::Binary { .. } | ExprKind::Block(_)) {
            return None;
        }
        match self.constant(expr)? {
            Constant::Text(text) => Some(text),
            Constant::Int(_) | Constant::Bool(_) | Constant::Record(_) => None,
        }
    }

    fn mixed_signs(&mut self, span: Span, op: BinaryOp, clash: bool, a: &Ty, b: &Ty) {
        // The constants of an enum are integers of C, which are compared by their values.
        let is_enum = matches!(a.ty, Type::Enum(_)) || matches!(b.ty, Type::Enum(_));
        if clash && self.last && !is_enum {
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
