//! `fail()`: a script that must not compile.

use rbtrace_diag::Diagnostic;
use rbtrace_syntax::ast::{Expr, ExprKind};
use rbtrace_types::Type;

use crate::compile::{Call, TypeCx};
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "fail",
    signature: "fail(message[, literals…])",
    manual: "Refuses to compile, with a message. It only counts where it stands in code that is kept: in `if comptime` it says what a script \
             or a macro needs.\n\n\
             ```\nbegin { if comptime (sizeof(uint64*) != 8) { fail(\"%s machines only\", \"64-bit\"); } }\n```\n",
    args: (1, 127),
    has_effect: true,
    type_of,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let texts: Option<Vec<String>> = call.args.iter().map(|arg| literal(cx, arg)).collect();
    let diagnostic = match texts.as_deref() {
        Some([format, args @ ..]) => Diagnostic::error(call.span, fill(format, args)).because("refused here"),
        Some([]) | None => Diagnostic::error(call.span, "fail() arguments need to be literals"),
    };
    cx.report(diagnostic);
    Type::Void
}

fn literal(cx: &mut dyn TypeCx, arg: &Expr) -> Option<String> {
    if let ExprKind::Bool(value) = &arg.kind {
        return Some(value.to_string());
    }
    // Builtins that are constants are known to be so once they are typed.
    cx.type_of(arg);
    let number = cx.int_literal(arg).map(|value| value.to_string());
    number.or_else(|| cx.string_literal(arg).map(|text| String::from_utf8_lossy(&text).into_owned()))
}

/// Each `%…` takes the next text as it is: they are literals, and their kinds are plain.
fn fill(format: &str, args: &[String]) -> String {
    let (mut text, mut args) = (String::new(), args.iter());
    let mut rest = format.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
        } else if rest.next_if_eq(&'%').is_some() {
            text.push('%');
        } else {
            while rest.next_if(|c| !c.is_ascii_alphabetic() || *c == 'l').is_some() {}
            rest.next();
            text.push_str(args.next().map_or("", String::as_str));
        }
    }
    text
}
