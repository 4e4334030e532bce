//! The arguments of aggregations: one integer that changes from event to event, and integer literals that do not. Knows no name of a row.

use rbtrace_diag::Diagnostic;
use rbtrace_ir as ir;
use rbtrace_types::{Aggregate, Type};

use crate::compile::{Call, LowerCx, TypeCx};

/// What an aggregated value is, as far as it matters for its state.
pub(super) struct Argument {
    /// Whether it is signed.
    pub signed: bool,
}

/// Checks the first argument; `None`: something was reported.
pub(super) fn integer(cx: &mut dyn TypeCx, call: &Call) -> Option<Argument> {
    let value = call.args[0];
    let ty = cx.type_of(value);
    let signed = match &ty {
        Type::Int(int) => int.signed,
        Type::Bool | Type::Enum(_) => false,
        // A count, sum, … as a value is read over all CPUs and then is an integer.
        Type::Aggregate(aggregate) if super::is_readable(aggregate) => aggregate.signed,
        Type::Void => return None,
        Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..) | Type::Struct(_) | Type::Tuple(_) => {
            return refuse(cx, call, &ty);
        }
        Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => return refuse(cx, call, &ty),
    };
    Some(Argument { signed })
}

fn refuse(cx: &mut dyn TypeCx, call: &Call, ty: &Type) -> Option<Argument> {
    let message = format!("{}() only supports integer arguments ({ty} provided)", call.name);
    let mut refusal = Diagnostic::error(call.args[0].span, message).because("only numbers can be aggregated");
    if matches!(ty, Type::Pointer(..)) {
        refusal = refusal.hint("cast it to aggregate the address: `(uint64)…`, or read what it points to: `*…`");
    }
    cx.report(refusal);
    None
}

/// Evaluates the first argument.
pub(super) fn prepare(cx: &mut dyn LowerCx, call: &Call) -> Vec<ir::Value> {
    vec![cx.lower_int(call.args[0])]
}

/// The type of a state of `words` words.
pub(super) fn state(name: &str, params: Vec<i64>, signed: bool, words: u32) -> Option<Aggregate> {
    Some(Aggregate { name: name.into(), params, signed, size: words * 8 })
}
