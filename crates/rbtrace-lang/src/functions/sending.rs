//! Sending signals: to whom is the helper's business. Shared by the functions that send one.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Helper, Op, Operand};
use rbtrace_types::Type;

use crate::compile::{Call, Complaint, LowerCx, Lowered, TypeCx};
use crate::probes::kernel::{fentry, fexit, kprobe, kretprobe};
use crate::probes::{profile, rawtracepoint, tracepoint, uprobe, uretprobe, usdt};
use crate::row::Allowed;
use crate::warnings;

use super::{scalars, signals};

/// Where there is somebody to send it to.
pub(super) const ALLOWED: Allowed = Allowed::Only(&[
    tracepoint::ROW.name,
    rawtracepoint::ROW.name,
    profile::ROW.name,
    kprobe::ROW.name,
    kretprobe::ROW.name,
    fentry::ROW.name,
    fexit::ROW.name,
    uprobe::ROW.name,
    uretprobe::ROW.name,
    usdt::ROW.name,
]);

pub(super) fn type_of(cx: &mut dyn TypeCx, function: &str, call: &Call) -> Type {
    let Some(arg) = call.args.first() else { return Type::Void };
    if let Some(name) = cx.string_literal(arg) {
        let name = String::from_utf8_lossy(&name).into_owned();
        if signals::number(&name).is_none() {
            cx.report(Diagnostic::error(arg.span, format!("{name} is not a valid signal")).because("no signal has this name"));
        }
        return Type::Void;
    }
    scalars::check_number(cx, function, call);
    if let Some(number) = cx.int_literal(arg)
        && !(1..=signals::LAST).contains(&number)
    {
        let message = format!("{number} is not a valid signal, allowed range: [1,{}]", signals::LAST);
        cx.report(Diagnostic::error(arg.span, message).because("no signal has this number"));
    }
    Type::Void
}

pub(super) fn lower(cx: &mut dyn LowerCx, function: &str, call: &Call, helper: Helper) -> Lowered {
    let Some(arg) = call.args.first() else { return Lowered::Void };
    let by_name = cx.string_literal(arg).and_then(|name| signals::number(&String::from_utf8_lossy(&name)));
    let number = match by_name {
        Some(number) => cx.ir().int(number),
        None => cx.lower_int(arg),
    };
    let failed = cx.ir().call(helper, vec![Operand::Value(number)]);
    cx.ir().open();
    let text = format!("{function}() could not send the signal");
    cx.complain(Complaint { warning: &warnings::FAILED_HELPER, span: call.span, text: &text, helper: Some((helper, failed)) });
    let then = cx.ir().close();
    cx.ir().push(Op::If { cond: failed, then, otherwise: rbtrace_ir::Region::default() });
    Lowered::Void
}
