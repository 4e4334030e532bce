//! `getopt()`: a named parameter of the script. Its value is a constant: programs differ, not events.

use rbtrace_diag::Diagnostic;
use rbtrace_syntax::ast::ExprKind;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::config::max_strlen;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "getopt",
    signature: "getopt(name[, default[, description]])",
    manual: "The parameter `--name` of the script, given behind `--` on the command line; the default, if it is not given. The default \
             says what kind it is: a number, a text, true or false. Without a default it is true if it is given.\n\n\
             `-- --help` lists a script's parameters with their descriptions.\n\n\
             ```\ntracepoint:syscalls:sys_exit_read /args.ret > getopt(\"least\", 4096, \"smallest read to count\")/ { @[comm] = count(); }\n```\n",
    args: (1, 3),
    type_of,
    lower,
    ..Builtin::BASE
};

/// A value of a parameter.
enum Given {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Text(Vec<u8>),
}

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    match value(cx, call) {
        Ok(given) => match given {
            Given::Bool(_) => Type::Bool,
            Given::Signed(_) => Type::I64,
            Given::Unsigned(_) => Type::U64,
            Given::Text(_) => Type::String(capacity(cx)),
        },
        Err(wrong) => {
            cx.report(wrong);
            Type::Void
        }
    }
}

fn capacity(cx: &dyn TypeCx) -> u32 {
    cx.config(max_strlen::ROW.name).and_then(|text| text.parse().ok()).unwrap_or(u32::from(u8::MAX))
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let given = value(cx, call).unwrap_or(Given::Bool(false));
    let number = match given {
        Given::Bool(value) => i64::from(value),
        Given::Signed(value) => value,
        Given::Unsigned(value) => value as i64,
        Given::Text(mut text) => {
            let size = capacity(cx) as usize;
            text.truncate(size.saturating_sub(1));
            text.resize(size, 0);
            return Lowered::Mem(cx.constant(&text));
        }
    };
    Lowered::Int(cx.ir().int(number))
}

/// What was given, or else the default.
fn value(cx: &mut dyn TypeCx, call: &Call) -> Result<Given, Diagnostic> {
    let literal = |what: &str| Diagnostic::error(call.span, format!("getopt() expects a literal for its {what}"));
    let Some(name) = call.args.first().and_then(|name| cx.string_literal(name)) else {
        return Err(literal("name").because("a text is needed"));
    };
    let name = String::from_utf8_lossy(&name).into_owned();
    if let Some(text) = call.args.get(2)
        && cx.string_literal(text).is_none()
    {
        return Err(literal("description").because("a text is needed"));
    }
    let default = match call.args.get(1) {
        None => Given::Bool(false),
        Some(default) => match (&default.kind, cx.int_literal(default)) {
            (ExprKind::Bool(value), _) => Given::Bool(*value),
            (_, Some(number)) if number < 0 => Given::Signed(number as i64),
            (_, Some(number)) => Given::Unsigned(number as u64),
            (_, None) => Given::Text(cx.string_literal(default).ok_or_else(|| literal("default"))?),
        },
    };
    match cx.named_param(&name) {
        None => Ok(default),
        Some(text) => parse(&name, text.as_deref(), &default),
    }
}

fn parse(name: &str, text: Option<&str>, default: &Given) -> Result<Given, Diagnostic> {
    let wrong =
        |what: &str| Diagnostic::general(format!("program command line option --{name} {what} (value: {})", text.unwrap_or_default()));
    match default {
        Given::Text(_) => Ok(Given::Text(text.unwrap_or_default().as_bytes().to_vec())),
        Given::Bool(_) => match text.map(str::to_lowercase).as_deref() {
            None | Some("" | "1" | "true" | "on" | "yes") => Ok(Given::Bool(true)),
            Some("0" | "false" | "off" | "no") => Ok(Given::Bool(false)),
            Some(_) => Err(wrong("expects a boolean (e.g. 'true')")),
        },
        Given::Signed(_) => {
            integer(text).and_then(|number| i64::try_from(number).ok()).map(Given::Signed).ok_or_else(|| wrong("invalid integer"))
        }
        Given::Unsigned(_) => {
            integer(text).and_then(|number| u64::try_from(number).ok()).map(Given::Unsigned).ok_or_else(|| wrong("invalid integer"))
        }
    }
}

fn integer(text: Option<&str>) -> Option<i128> {
    rbtrace_syntax::integer(text?)
}
