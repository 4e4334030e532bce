//! `print()`: prints a value, or a whole map.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::EventDecl;
use rbtrace_syntax::ast::Expr;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::format::call::{has_value, payload};
use crate::row::Builtin;
use crate::run::{RunCx, RunError};
use crate::value::Value;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "print",
    signature: "print(value)\nprint(@map)\nprint(@map, top)\nprint(@map, top, div)",
    manual: "Prints a value and a newline, or a whole map as it is when the output gets to it: all entries or the `top` largest, their \
             numbers divided by `div`.\n\n\
             ```\ntracepoint:syscalls:sys_exit_read /args.ret > 0/ { @bytes[comm] = sum(args.ret); }\n\
             interval:s:1 { print(@bytes, 5, 1024); clear(@bytes); }\n```\n",
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
            check_option(cx, option);
        }
        return Type::Void;
    }
    if let Some(option) = options.first() {
        let message = format!("Non-map print() only takes 1 argument, {} found", call.args.len());
        let error = Diagnostic::error(option.span, message).because("only whole maps have a `top` and a `div`");
        cx.report(error);
    }
    let ty = cx.type_of(subject);
    has_value(cx, ROW.name, subject, &ty);
    Type::Void
}

/// `top` or `div`: a literal, for the printing is not done where it could be computed.
fn check_option(cx: &mut dyn TypeCx, option: &Expr) {
    let error = match cx.int_literal(option).map(u64::try_from) {
        Some(Ok(_)) => return,
        Some(Err(_)) => Diagnostic::error(option.span, "print() expects a non-negative literal here").because("this is negative"),
        None => {
            let message = format!("print() expects a int literal ({} provided)", cx.type_of(option));
            Diagnostic::error(option.span, message).because("this must be known when the script is compiled")
        }
    };
    cx.report(error);
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
