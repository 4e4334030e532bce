//! Arguments that are numbers or addresses: their checks. Shared by the functions that take one.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::Value;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, TypeCx};

/// Checks that the first argument is a number or an address.
pub(super) fn check_address(cx: &mut dyn TypeCx, function: &str, call: &Call) {
    let Some(arg) = call.args.first() else { return };
    let ty = cx.type_of(arg);
    if !ty.is_scalar() && !matches!(ty, Type::Void | Type::Aggregate(_)) {
        let message = format!("{function}() expects an integer or pointer argument ({ty} provided)");
        cx.report(Diagnostic::error(arg.span, message).because("an address is wanted here"));
    }
}

/// Checks that the first argument is a number.
pub(super) fn check_number(cx: &mut dyn TypeCx, function: &str, call: &Call) {
    let Some(arg) = call.args.first() else { return };
    let ty = cx.type_of(arg);
    if !ty.is_integer() && !matches!(ty, Type::Void | Type::Aggregate(_)) {
        let message = format!("{function}() only supports integer arguments ({ty} provided)");
        cx.report(Diagnostic::error(arg.span, message).because("a number is wanted here"));
    }
}

/// The value of the first argument.
pub(super) fn only(cx: &mut dyn LowerCx, call: &Call) -> Value {
    match call.args.first() {
        Some(arg) => cx.lower_int(arg),
        None => cx.ir().int(0),
    }
}
