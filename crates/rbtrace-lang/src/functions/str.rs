//! `str()`: the text at an address.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Op, Operand};
use rbtrace_syntax::ast::{BinaryOp, Expr, ExprKind};
use rbtrace_types::{Int, Type};

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::row::Builtin;
use crate::warnings;

use super::read::{self, Most, Source, max_strlen};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "str",
    signature: "str(pointer)\nstr(pointer, length)\nstr($1)",
    manual: "The text at an address, up to its NUL: at most `max_strlen` bytes, or `length`. Of a parameter it is the parameter's text.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat { printf(\"%s\\n\", str(args.filename)); }\n```\n",
    args: (1, 2),
    type_of,
    literal: Some(literal),
    lower,
    ..Builtin::BASE
};

/// How long the text may be.
enum Limit {
    /// As long as `max_strlen` and the source allow.
    None,
    /// A constant number of bytes, ≤ `max_strlen`.
    Constant(u32),
    /// A number that is known only when it runs.
    Dynamic,
}

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some(subject) = call.args.first() else { return Type::Void };
    if let Some(length) = call.args.get(1) {
        let bytes = max_strlen(cx);
        read::check_length(cx, length, &Most { function: "str", bytes, beyond: "is >= max_strlen" });
    }
    match literal(cx, call) {
        Some(text) => Type::String(text.len() as u32 + 1),
        None => {
            check_subject(cx, subject);
            Type::String(capacity(cx, call))
        }
    }
}

fn check_subject(cx: &mut dyn TypeCx, subject: &Expr) {
    let ty = cx.type_of(subject);
    let fits = match &ty {
        Type::Array(of, _) => matches!(**of, Type::Int(Int { bytes: 1, .. })),
        Type::Void | Type::Int(_) | Type::String(_) | Type::Pointer(..) => true,
        Type::Bool | Type::Buffer(_) | Type::Struct(_) | Type::Enum(_) | Type::Tuple(_) | Type::Record(_) => false,
        Type::Named(_) | Type::Aggregate(_) => false,
    };
    // The number of a parameter is an address only by accident: `literal` has taken its text.
    if !fits {
        let message = format!("str() expects an integer, a pointer, a string or an array of bytes ({ty} provided)");
        cx.report(Diagnostic::error(subject.span, message).because("no text is there"));
    }
}

/// The text of a call that says a constant: of a parameter or of a literal, cut to a constant length.
fn literal(cx: &mut dyn TypeCx, call: &Call) -> Option<Vec<u8>> {
    let text = constant(cx, call.args.first()?)?;
    let Some(length) = call.args.get(1) else { return Some(text) };
    let length = usize::try_from(cx.int_literal(length)?).unwrap_or(0);
    Some(text[..length.min(text.len())].to_vec())
}

/// The text that a subject says: `$1`, `$1 + 2`, `"literal"`.
fn constant(cx: &mut dyn TypeCx, subject: &Expr) -> Option<Vec<u8>> {
    if let ExprKind::Param(number) = subject.kind {
        return Some(cx.param(number).unwrap_or_default().into_bytes());
    }
    if let ExprKind::Binary { op: BinaryOp::Add, left, right } = &subject.kind
        && let ExprKind::Param(number) = left.kind
    {
        let text = cx.param(number).unwrap_or_default().into_bytes();
        let skipped = usize::try_from(cx.int_literal(right)?).ok()?;
        if skipped > text.len() {
            let message = format!("offset {skipped} is behind the end of `${number}`");
            cx.report(warnings::OFFSET.at(right.span, message).because(format!("it has {} bytes", text.len())));
        }
        return Some(text.get(skipped..).unwrap_or_default().to_vec());
    }
    cx.string_literal(subject)
}

fn limit(cx: &mut dyn TypeCx, call: &Call) -> Limit {
    let Some(length) = call.args.get(1) else { return Limit::None };
    match cx.int_literal(length) {
        Some(length) => Limit::Constant(length.clamp(0, max_strlen(cx).into()) as u32),
        None => Limit::Dynamic,
    }
}

/// Bytes of the text of a subject that is no constant. A text without a NUL in them counts as cut off and is shown so (SPEC §3.6); with a
/// length given there is room for a NUL, because the user has cut the text and knows it.
fn capacity(cx: &mut dyn TypeCx, call: &Call) -> u32 {
    let Some(subject) = call.args.first() else { return 1 };
    let most = match limit(cx, call) {
        Limit::Constant(length) => length + 1,
        Limit::None | Limit::Dynamic => max_strlen(cx).max(1),
    };
    match source_bytes(cx, subject) {
        Some(bytes) => bytes.min(most),
        None => most,
    }
}

/// Bytes of a subject that is itself the text, with its NUL; `None` for an address.
fn source_bytes(cx: &mut dyn TypeCx, subject: &Expr) -> Option<u32> {
    if let Some(text) = constant(cx, subject) {
        return Some(text.len() as u32 + 1);
    }
    match cx.type_of(subject) {
        Type::String(size) => Some(size),
        Type::Array(_, len) => Some(len + 1),
        Type::Void | Type::Bool | Type::Int(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Struct(_) | Type::Enum(_) => None,
        Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => None,
    }
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let Some(subject) = call.args.first() else { return Lowered::Void };
    if let Some(text) = literal(cx, call) {
        return Lowered::Mem(nul_terminated(cx, text));
    }
    let from = match constant(cx, subject) {
        Some(text) => Source::Local(nul_terminated(cx, text)),
        None => read::source(cx, subject),
    };
    let limit = limit(cx, call);
    if let (Limit::None, Source::Local(addr), Type::String(_)) = (&limit, from, cx.type_of(subject)) {
        return Lowered::Mem(addr);
    }
    let capacity = capacity(cx, call);
    // One byte more than the value has room for: a text that is longer then fills the value up and has no NUL in it.
    let room = match (&limit, source_bytes(cx, subject)) {
        (Limit::None | Limit::Dynamic, None) => capacity + 1,
        (Limit::None | Limit::Dynamic, Some(_)) | (Limit::Constant(_), _) => capacity,
    };
    // Read from an address, a length counts the NUL: `str(p, 5)` shows 4 characters of a longer text. Upstream does so, scripts expect it.
    let counts_nul = !matches!(from, Source::Local(_));
    let size = match limit {
        Limit::None => Operand::Int(room.into()),
        Limit::Constant(_) => Operand::Int(i64::from(room) - i64::from(counts_nul)),
        Limit::Dynamic => {
            let length = cx.lower_int(call.args[1]);
            let ir = cx.ir();
            let length = ir.value(Op::Clamp(length, room - 1));
            Operand::Value(if counts_nul { length } else { ir.bin_int(Bin::Add, length, 1) })
        }
    };
    let ir = cx.ir();
    let slot = ir.memory("str", room);
    let to = ir.slot_addr(slot);
    ir.push(Op::Zero { addr: to, bytes: room });
    read::text(ir, to, size, from);
    Lowered::Mem(to)
}

fn nul_terminated(cx: &mut dyn LowerCx, mut text: Vec<u8>) -> rbtrace_ir::Value {
    text.push(0);
    cx.constant(&text)
}
