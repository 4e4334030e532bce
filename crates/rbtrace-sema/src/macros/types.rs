//! Copies types and what may be one: a parameter may stand where a type is wanted (`sizeof(t)`, `(t*)x`, `t[2]`).

use std::rc::Rc;

use rbtrace_syntax::ast::{Arg, Expr, ExprKind, TypeBase, TypeOrExpr, TypeRef};

use super::copy::Copier;
use super::scope::Scope;

impl Copier<'_> {
    pub(super) fn type_ref(&mut self, ty: &TypeRef, scope: &Rc<Scope>) -> TypeRef {
        let base = match &ty.base {
            TypeBase::TypeOf(of) => TypeBase::TypeOf(Box::new(self.type_or_expr(of, scope))),
            TypeBase::Name(name) => match scope.exprs.get(name).filter(|_| ty.tag.is_none()) {
                Some(passed) => TypeBase::TypeOf(Box::new(type_of_arg(self.arg_of(passed, ty.span)))),
                None => ty.base.clone(),
            },
        };
        TypeRef { span: ty.span, tag: ty.tag, base, suffixes: ty.suffixes.clone() }
    }

    pub(super) fn type_or_expr(&mut self, of: &TypeOrExpr, scope: &Rc<Scope>) -> TypeOrExpr {
        match of {
            TypeOrExpr::Type(ty) => TypeOrExpr::Type(self.type_ref(ty, scope)),
            TypeOrExpr::Expr(expr) => type_of_arg(self.expr_or_type(expr, scope)),
        }
    }

    pub(super) fn arg(&mut self, arg: &Arg, scope: &Rc<Scope>) -> Arg {
        match arg {
            Arg::Type(ty) => Arg::Type(self.type_ref(ty, scope)),
            Arg::Expr(expr) => self.expr_or_type(expr, scope),
        }
    }

    /// A lone word may stand for a type that was passed.
    fn expr_or_type(&mut self, expr: &Expr, scope: &Rc<Scope>) -> Arg {
        let passed = if let ExprKind::Ident(name) = &expr.kind { scope.exprs.get(name) } else { None };
        match passed {
            Some(passed) => self.arg_of(passed, expr.span),
            None => Arg::Expr(self.expr(expr, scope)),
        }
    }
}

fn type_of_arg(arg: Arg) -> TypeOrExpr {
    match arg {
        Arg::Expr(expr) => TypeOrExpr::Expr(Box::new(expr)),
        Arg::Type(ty) => TypeOrExpr::Type(ty),
    }
}
