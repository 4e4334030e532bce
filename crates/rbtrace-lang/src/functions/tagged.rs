//! Pointers that are said to point elsewhere. Shared by the functions that say it.

use rbtrace_diag::Diagnostic;
use rbtrace_types::{Space, Type};

use crate::compile::{Call, TypeCx};

/// The type of the first argument, in another space.
pub(super) fn type_of(cx: &mut dyn TypeCx, function: &str, call: &Call, space: Space) -> Type {
    let Some(arg) = call.args.first() else { return Type::U64 };
    match cx.type_of(arg) {
        Type::Pointer(to, _) => Type::Pointer(to, space),
        Type::Int(_) => Type::Void.pointer(space),
        Type::Void => Type::Void,
        ty @ (Type::Bool | Type::String(_) | Type::Buffer(_) | Type::Array(..) | Type::Struct(_) | Type::Enum(_))
        | ty @ (Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_)) => {
            let message = format!("{function}() only supports integer or pointer arguments ({ty} provided)");
            cx.report(Diagnostic::error(arg.span, message).because("no address is here"));
            Type::Void
        }
    }
}
