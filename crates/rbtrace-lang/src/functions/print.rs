//! `print()`: prints a value, or a whole map.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::EventDecl;
use rbtrace_syntax::ast::Expr;
use rbtrace_types::Type;

use crate::aggregations;
use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::format::call::{has_value, is_readable, payload};
use crate::row::Builtin;
use crate::run::{RunCx, RunError};
use crate::value::Value;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "print",
    signature: "print(value)\nprint(@map)\nprint(@map, top)\nprint(@map, top, div)",
    manual: "Prints a value and a newline, or a whole map as it is when the output gets to it: all entries or the `top` largest, their \
             numbers divided by `div`.\n\n\
             ```\ninterval:s:1 { print(@bytes, 5, 1024); clear(@bytes); }\n```\n",
    args: (1, 3),
    has_effect: true,
    type_of,
    lower,
    handle: Some(handle),
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some((subject, options)) = call.args.split_first() else { return Type::Void };
    if cx.map(subject).is_some() {
        for option in options {
            option_literal(cx, option);
        }
        return Type::Void;
    }
    if let Some(option) = options.first() {
        let message = format!("Non-map print() only takes 1 argument, {} found", call.args.len());
        let error = Diagnostic::error(option.span, message).because("only whole maps have a `top` and a `div`");
        cx.report(error);
    }
    let ty = cx.type_of(subject);
    let by_key = cx.map_element(subject);
    if let (Type::Aggregate(aggregate), Some((map, _))) = (&ty, by_key)
        && !is_readable(aggregate)
    {
        let error = Diagnostic::error(subject.span, format!("`{}` cannot be printed by key", aggregate.name));
        let whole = aggregations::by_name(&aggregate.name).is_some_and(|row| row.whole_only);
        let why = if whole { "a histogram has no single value" } else { "its parts cannot be read together in the kernel" };
        cx.report(error.because(why).hint(format!("`print(@{map})` shows the whole map")));
        return Type::Void;
    }
    has_value(cx, ROW.name, subject, &ty);
    Type::Void
}

/// `top` or `div`: a literal, for the printing is not done where it could be computed.
fn option_literal(cx: &mut dyn TypeCx, option: &Expr) -> i64 {
    match cx.int_literal(option).map(i64::try_from) {
        Some(Ok(number)) if number >= 0 => number,
        Some(_) => {
            cx.report(Diagnostic::error(option.span, "print() expects a non-negative literal here").because("does not fit"));
            0
        }
        None => {
            let error = Diagnostic::error(option.span, "print() expects a literal here").because("this changes while the script runs");
            cx.report(error);
            0
        }
    }
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let Some((subject, options)) = call.args.split_first() else { return Lowered::Void };
    let mut event = cx.event(ROW.name, call.span);
    let mut values = vec![];
    match cx.map(subject) {
        Some((name, _)) => {
            event.maps.push(cx.map_id(&name));
            let number = |option: Option<&&Expr>, cx: &mut dyn LowerCx| option.and_then(|option| cx.int_literal(option)).unwrap_or(0);
            let (top, div) = (number(options.first(), cx), number(options.get(1), cx));
            event.numbers = vec![top as i64, (div as i64).max(1)];
        }
        None => {
            let (value, ty) = payload(cx, subject);
            event.args.push(ty);
            values.push(value);
        }
    }
    cx.emit(event, &values);
    Lowered::Void
}

fn handle(cx: &mut dyn RunCx, event: &EventDecl, args: &[Value]) -> Result<(), RunError> {
    match (event.maps.first(), args.first()) {
        (Some(map), _) => {
            let number = |index: usize| event.numbers.get(index).copied().unwrap_or(0).max(0) as u64;
            cx.print_map(*map, number(0), number(1).max(1))
        }
        (None, Some(value)) => {
            cx.print_value(value);
            Ok(())
        }
        (None, None) => Err(RunError::Truncated),
    }
}
