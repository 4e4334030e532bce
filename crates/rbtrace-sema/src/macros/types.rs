//! Copies types and what may be one: a parameter may stand where a type is wanted (`sizeof(t)`, `(t*)x`, `t[2]`,
//! `struct t`).

use std::rc::Rc;

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_syntax::ast::{Arg, Expr, ExprKind, Tag, TypeBase, TypeOrExpr, TypeRef};

use super::copy::Copier;
use super::scope::{Passed, Scope};

impl Copier<'_> {
    pub(super) fn type_ref(&mut self, ty: &TypeRef, scope: &Rc<Scope>) -> TypeRef {
        let base = match &ty.base {
            TypeBase::TypeOf(of) => TypeBase::TypeOf(Box::new(self.type_or_expr(of, scope))),
            TypeBase::Name(name) => match (scope.exprs.get(name), ty.tag) {
                (Some(passed), Some(tag)) => self.tagged(tag, name, passed, ty.span, scope),
                (Some(passed), None) => TypeBase::TypeOf(Box::new(type_of_arg(self.arg_of(passed, ty.span, scope)))),
                (None, _) => ty.base.clone(),
            },
        };
        TypeRef { span: ty.span, tag: ty.tag, base, suffixes: ty.suffixes.clone() }
    }

    /// `struct t`, where `t` is a parameter: it names the struct.
    fn tagged(&mut self, tag: Tag, param: &str, passed: &Passed, span: Span, scope: &Scope) -> TypeBase {
        if let Some(name) = name_of_arg(&passed.arg, tag, &passed.scope) {
            return TypeBase::Name(name);
        }
        let within = scope.link.as_ref().map(|link| link.definition.item.name.node.clone()).unwrap_or_default();
        let written = tag.keyword();
        let message =
            format!("Invalid replacement for macro '{within}' type parameter '{param}' which makes up the type '{written} {param}'");
        let given = match &*passed.arg {
            Arg::Expr(expr) => expr.span,
            Arg::Type(ty) => ty.span,
        };
        let error = Diagnostic::error(span, message).because("the parameter stands for a name here");
        self.push(error.label(given, format!("this names no {written}")).hint("pass the name alone"), scope);
        TypeBase::TypeOf(Box::new(TypeOrExpr::Expr(Box::new(self.new_expr(ExprKind::Error, span)))))
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
            Some(passed) => self.arg_of(passed, expr.span, scope),
            None => Arg::Expr(self.expr(expr, scope)),
        }
    }
}

/// The name that an argument gives to a struct, union or enum: a lone word, or a type of the same kind.
fn name_of_arg(arg: &Arg, tag: Tag, scope: &Scope) -> Option<String> {
    match arg {
        Arg::Expr(Expr { kind: ExprKind::Ident(word), .. }) => match scope.exprs.get(word) {
            Some(passed) => name_of_arg(&passed.arg, tag, &passed.scope),
            None => Some(word.clone()),
        },
        Arg::Expr(_) => None,
        Arg::Type(ty) => name_of_type(ty, tag, scope),
    }
}

fn name_of_type(ty: &TypeRef, tag: Tag, scope: &Scope) -> Option<String> {
    match &ty.base {
        _ if !ty.suffixes.is_empty() => None,
        TypeBase::Name(name) if ty.tag == Some(tag) && !scope.exprs.contains_key(name) => Some(name.clone()),
        TypeBase::Name(_) => None,
        TypeBase::TypeOf(of) => match &**of {
            TypeOrExpr::Type(inner) => name_of_type(inner, tag, scope),
            TypeOrExpr::Expr(_) => None,
        },
    }
}

fn type_of_arg(arg: Arg) -> TypeOrExpr {
    match arg {
        Arg::Expr(expr) => TypeOrExpr::Expr(Box::new(expr)),
        Arg::Type(ty) => TypeOrExpr::Type(ty),
    }
}
