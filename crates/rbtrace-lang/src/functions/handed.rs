//! Arguments that must be what the kernel handed to the program: helpers that look behind a pointer take no other. Shared by those functions.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::Value;
use rbtrace_syntax::ast::{Expr, ExprKind, UnaryOp};
use rbtrace_types::Type;

use crate::compile::{LowerCx, Lowered, TypeCx};

/// Checks that an argument is a pointer to one of some structs, or such a struct, and came from the kernel.
pub(super) fn check(cx: &mut dyn TypeCx, function: &str, arg: &Expr, structs: &[&str]) {
    let ty = cx.type_of(arg);
    let of = if let Type::Pointer(to, _) = &ty { (**to).clone() } else { ty.clone() };
    if ty == Type::Void {
        return;
    }
    if !matches!(&of, Type::Struct(of) if structs.contains(&of.name.as_str())) {
        let message = format!("{function}() only supports '{} *' arguments ({ty} provided)", structs[0]);
        cx.report(Diagnostic::error(arg.span, message).because("the kernel looks behind this pointer itself"));
    } else if !is_handed(cx, arg) {
        let message = format!("{function}() wants a pointer that the probe was given");
        let error = Diagnostic::error(arg.span, message).because("this one was read from memory, which the kernel does not trust");
        cx.report(error.hint("write the field of `args` or `ctx` here, without a variable in between"));
    }
}

/// A field of `args` or `ctx`, or a part of a struct that such a field points to.
fn is_handed(cx: &mut dyn TypeCx, expr: &Expr) -> bool {
    if let ExprKind::Cast { operand, .. } | ExprKind::Unary { op: UnaryOp::AddressOf | UnaryOp::Deref, operand } = &expr.kind {
        return is_handed(cx, operand);
    }
    let ExprKind::Field { base, .. } = &expr.kind else { return false };
    cx.identifier(base).is_some() || matches!(cx.type_of(expr), Type::Struct(_)) && is_handed(cx, base)
}

/// The pointer.
pub(super) fn pointer(cx: &mut dyn LowerCx, arg: &Expr) -> Value {
    match cx.lower(arg) {
        Lowered::Int(pointer) | Lowered::Remote(pointer, _) | Lowered::Mem(pointer) => pointer,
        Lowered::Void => cx.ir().int(0),
    }
}
