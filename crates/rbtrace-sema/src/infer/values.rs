//! What an expression must be to be stored or passed: a value. Some calls have none, and an aggregation is read as a number.

use rbtrace_diag::Diagnostic;
use rbtrace_lang::TypeCx;
use rbtrace_syntax::ast::{Expr, ExprKind};
use rbtrace_types::Type;

use super::{Infer, Ty};

impl Infer<'_> {
    /// A value as it is stored or passed: an aggregation is read as an integer.
    pub(super) fn value(&mut self, expr: &Expr) -> Ty {
        let ty = self.expr(expr);
        self.as_value(expr, ty)
    }

    /// The type of an expression that was typed as `ty`, as a value.
    pub(super) fn as_value(&mut self, expr: &Expr, ty: Ty) -> Ty {
        self.expect_value(expr, &ty.ty);
        let Type::Aggregate(aggregate) = &ty.ty else { return ty };
        let readable = rbtrace_lang::aggregations::is_readable(aggregate);
        if !readable {
            let error = Diagnostic::error(expr.span, format!("`{}` cannot be read inside an expression", ty.ty));
            self.sink.push(error.because("it has no single value").hint("`print(@name)` shows it"));
        }
        Ty::fixed(Type::int(8, aggregate.signed))
    }

    fn expect_value(&mut self, expr: &Expr, ty: &Type) {
        // What is in error has no type either, and was said already.
        if self.last && *ty == Type::Void && !self.sink.has_errors() {
            self.sink.push(Diagnostic::error(expr.span, "this expression has no value").because("its type is `void`"));
        }
    }

    /// Arguments that are computed have values. What is not computed, as a map, a mode or a constant, needs no type.
    pub(super) fn expect_values(&mut self, args: &[&Expr]) {
        for arg in args {
            let computed = matches!(
                arg.kind,
                ExprKind::Call { .. } | ExprKind::Block(_) | ExprKind::If { .. } | ExprKind::Ternary { .. } | ExprKind::Comptime(_)
            );
            if computed && self.int_literal(arg).is_none() && self.string_literal(arg).is_none() {
                let ty = self.types[arg.id.0 as usize].ty.clone();
                self.expect_value(arg, &ty);
            }
        }
    }
}
