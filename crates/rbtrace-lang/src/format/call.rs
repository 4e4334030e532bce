//! Calls with a format string, in the compiler: their check against the arguments' types, and their event. Shared by every function that
//! formats.

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_ir::{Bin, EventDecl, Helper, LoopKind, Op, Operand};
use rbtrace_syntax::ast::{Expr, ExprKind};
use rbtrace_types::{Aggregate, Feature, Type};

use crate::aggregations;
use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::value::Value;

use super::{Conversion, Piece, Size, pieces, render, seq};

/// Most arguments of a call: the format string and 127 values.
pub const ARGS: (usize, usize) = (1, 128);

/// What a conversion wants of its argument.
#[derive(Clone, Copy)]
enum Wanted {
    /// The number of a `*`.
    Size,
    Value(Conversion),
}

/// `type_of` of a function whose arguments are a format string and its values, and which has no value.
pub fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some((format, args)) = call.args.split_first() else { return Type::Void };
    if let Some(text) = literal(cx, call.name, format) {
        check(cx, call.name, &text, format.span, args);
        if (cx.place().probe_type.unread)(cx.place()) {
            seq::check(cx, &text, format.span, args);
        }
    }
    Type::Void
}

/// The bytes of an argument that has to be a string literal; says so where it is none.
pub fn literal(cx: &mut dyn TypeCx, function: &str, arg: &Expr) -> Option<Vec<u8>> {
    if let Some(text) = cx.string_literal(arg) {
        return Some(text);
    }
    let ty = cx.type_of(arg);
    if ty != Type::Void {
        let message = format!("{function}() expects a string literal ({ty} provided)");
        let error = Diagnostic::error(arg.span, message).because("its text must be known when the script is compiled");
        cx.report(if let ExprKind::Param(number) = arg.kind {
            error.hint(format!("`str(${number})` is the parameter as a string literal"))
        } else {
            error
        });
    }
    None
}

/// Declares and emits the event of such a call.
pub fn emit(cx: &mut dyn LowerCx, call: &Call, handler: &str) -> Lowered {
    if (cx.place().probe_type.unread)(cx.place()) {
        return seq::write(cx, call);
    }
    let Some((format, args)) = call.args.split_first() else { return Lowered::Void };
    let mut event = cx.event(handler, call.span);
    event.texts.push(cx.string_literal(format).unwrap_or_default());
    let mut values = Vec::with_capacity(args.len());
    for arg in args {
        let (value, ty) = payload(cx, arg);
        event.args.push(ty);
        values.push(value);
    }
    cx.emit(event, &values);
    Lowered::Void
}

/// The text of a record of such a call.
pub fn text(event: &EventDecl, args: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    render(event.texts.first().map_or(&[][..], Vec::as_slice), args, &mut out);
    out
}

/// An argument as it travels in a record, and its type there. Aggregations are read over all CPUs first; one that is no single number
/// travels as the states of all CPUs (see `value::decode`).
pub fn payload(cx: &mut dyn LowerCx, arg: &Expr) -> (Lowered, Type) {
    let ty = cx.type_of(arg);
    match &ty {
        Type::Aggregate(aggregate) if aggregations::is_readable(aggregate) => {
            (Lowered::Int(cx.lower_int(arg)), Type::int(8, aggregate.signed))
        }
        Type::Aggregate(_) => states(cx, arg, ty),
        Type::Void | Type::Bool | Type::Int(_) | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) => (cx.lower(arg), ty),
        Type::Array(..) | Type::Struct(_) | Type::Enum(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) => (cx.lower(arg), ty),
    }
}

/// Copies the states of all CPUs, one behind the other; those of a CPU or key that is missing stay empty.
fn states(cx: &mut dyn LowerCx, arg: &Expr, ty: Type) -> (Lowered, Type) {
    let cpus = cx.facts().cpus();
    let (name, key) = match (cx.map(arg), cx.map_element(arg)) {
        (Some((name, _)), _) => (name, None),
        (None, Some((name, _))) => (name, Some(cx.lower_element_key(arg))),
        (None, None) => return (Lowered::Void, Type::Void),
    };
    let map = cx.map_id(&name);
    let key_size = cx.map_decl(&name).key.map_or(4, |key| key.size());
    let size = ty.size();
    let ir = cx.ir();
    let key_slot = ir.memory("key", key_size);
    let to = ir.slot_addr(key_slot);
    ir.push(match key {
        Some(from) => Op::Copy { to, from, bytes: key_size },
        None => Op::Zero { addr: to, bytes: key_size },
    });
    let slot = ir.memory("states", size * cpus);
    let all = ir.slot_addr(slot);
    ir.push(Op::Zero { addr: all, bytes: size * cpus });
    let cpu = ir.scalar("number");
    ir.open();
    let number = ir.value(Op::Get(cpu));
    let key = ir.slot_addr(key_slot);
    let state = ir.call(Helper::MapLookupPerCpu, vec![Operand::Map(map), Operand::Value(key), Operand::Value(number)]);
    let base = ir.slot_addr(slot);
    let index = ir.bin_int(Bin::Mul, number, size.into());
    let to = ir.value(Op::Index { base, index, bound: size * (cpus - 1) + 1 });
    let missing = ir.value(Op::IsNull(state));
    ir.if_else(missing, |_| {}, |ir| ir.push(Op::Copy { to, from: state, bytes: size }));
    let body = ir.close();
    ir.push(Op::Loop { kind: LoopKind::Bounded { count: cpus, index: Some(cpu) }, body });
    (Lowered::Mem(all), Type::Array(Arc::new(ty), cpus))
}

/// Whether an argument has a value that can travel in a record; says so where it has not.
pub fn has_value(cx: &mut dyn TypeCx, function: &str, arg: &Expr, ty: &Type) -> bool {
    match ty {
        Type::Aggregate(aggregate) if is_whole_only(aggregate) => {
            let message = format!("Map type {ty} cannot print the value of individual keys. You must print the whole map.");
            let error = Diagnostic::error(arg.span, message).because("it has no single value");
            let map = cx.map_element(arg).or_else(|| cx.map(arg)).map_or(String::new(), |(map, _)| map);
            cx.report(error.hint(format!("`print(@{map})` shows it")));
            false
        }
        Type::Aggregate(_) if !cx.facts().has(Feature::LookupPerCpu) => {
            let error = Diagnostic::error(arg.span, "the kernel cannot read values of other CPUs");
            let error = error.because("`bpf_map_lookup_percpu_elem` is missing").hint("Linux 5.19 has it");
            cx.report(error);
            false
        }
        // An expression in error is void too, and was reported; only a call without a value is news.
        Type::Void if matches!(arg.kind, ExprKind::Call { .. }) => {
            let error = Diagnostic::error(arg.span, format!("none type passed to {function}() is not printable"));
            cx.report(error.because("this has no value"));
            false
        }
        Type::Void => false,
        Type::Aggregate(_) | Type::Bool | Type::Int(_) | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..) => true,
        Type::Struct(_) | Type::Enum(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) => true,
    }
}

/// Whether an aggregation is shown as a part of its map only.
fn is_whole_only(aggregate: &Aggregate) -> bool {
    aggregations::by_name(&aggregate.name).is_some_and(|row| row.whole_only)
}

fn check(cx: &mut dyn TypeCx, function: &str, text: &[u8], format: Span, args: &[&Expr]) {
    let mut wanted = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(_) => {}
            Piece::Float(letter) => {
                let message = format!("unsupported format specifier: {}", char::from(letter));
                let error = Diagnostic::error(format, message).because("there are no floating-point numbers");
                cx.report(error.hint("`%%` prints a percent sign"));
                return;
            }
            Piece::Spec(spec) => {
                let sizes = [spec.width, spec.precision].into_iter().filter(|size| *size == Size::Argument);
                wanted.extend(sizes.map(|_| Wanted::Size));
                wanted.push(Wanted::Value(spec.conversion));
            }
        }
    }
    if wanted.len() != args.len() {
        let few = if args.len() < wanted.len() { "not enough" } else { "too many" };
        let message = format!("{few} arguments for format string ({} supplied, {} expected)", args.len(), wanted.len());
        cx.report(Diagnostic::error(format, message).because(format!("takes {} after it", count(wanted.len()))));
    }
    for (wanted, arg) in wanted.into_iter().zip(args) {
        check_argument(cx, function, wanted, arg, format);
    }
}

fn count(arguments: usize) -> String {
    match arguments {
        0 => "no argument".into(),
        1 => "one argument".into(),
        _ => format!("{arguments} arguments"),
    }
}

fn check_argument(cx: &mut dyn TypeCx, function: &str, wanted: Wanted, arg: &Expr, format: Span) {
    let ty = cx.type_of(arg);
    if !has_value(cx, function, arg, &ty) || fits(wanted, &ty) {
        return;
    }
    let letters = match wanted {
        Wanted::Size => "*",
        Wanted::Value(conversion) => conversion.letters(),
    };
    let error = Diagnostic::error(arg.span, format!("unsupported format specifier for type '{ty}': {letters}"));
    let error = error.because(format!("this is a `{ty}`")).label(format, format!("`%{letters}` wants {}", wants(wanted)));
    let is_buffer = matches!(ty, Type::Buffer(_));
    cx.report(error.hint(if is_buffer { "`%r`, `%rx` and `%rh` print buffers, `%s` prints any value" } else { "`%s` prints any value" }));
}

fn fits(wanted: Wanted, ty: &Type) -> bool {
    let is_read = matches!(ty, Type::Aggregate(aggregate) if aggregations::is_readable(aggregate));
    let is_number = ty.is_scalar() || is_read;
    match wanted {
        Wanted::Size => ty.is_integer() || is_read,
        Wanted::Value(Conversion::Text) => true,
        Wanted::Value(Conversion::Buffer | Conversion::EscapedBuffer | Conversion::HexBuffer) => matches!(ty, Type::Buffer(_)),
        Wanted::Value(Conversion::Signed | Conversion::Unsigned | Conversion::Octal) => is_number,
        Wanted::Value(Conversion::Hex | Conversion::UpperHex | Conversion::Char | Conversion::Pointer) => is_number,
        Wanted::Value(Conversion::AllocationFlags) => is_number,
    }
}

fn wants(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Size => "an integer",
        Wanted::Value(Conversion::Text) => "any value",
        Wanted::Value(Conversion::Buffer | Conversion::EscapedBuffer | Conversion::HexBuffer) => "a buffer",
        Wanted::Value(Conversion::Signed | Conversion::Unsigned | Conversion::Octal) => "an integer or a pointer",
        Wanted::Value(Conversion::Hex | Conversion::UpperHex | Conversion::Char | Conversion::Pointer) => "an integer or a pointer",
        Wanted::Value(Conversion::AllocationFlags) => "an integer",
    }
}
