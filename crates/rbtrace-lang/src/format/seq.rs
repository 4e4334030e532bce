//! Formatted text that the kernel writes itself, for who reads a pinned iterator. It knows fewer conversions than we do: the format is
//! rewritten in its words, all integers as 64 bits.

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_ir::{Helper, Op, Operand, Value};
use rbtrace_syntax::ast::Expr;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::probes::iter;

use super::{Conversion, Piece, Size, Spec, pieces};

/// Values that one call of the helper takes.
const MOST: usize = 12;

/// Says which conversions the kernel does not know.
pub(super) fn check(cx: &mut dyn TypeCx, text: &[u8], format: Span, args: &[&Expr]) {
    let specs: Vec<Spec> = specs(text).collect();
    if specs.len() > MOST {
        let error = Diagnostic::error(format, format!("the text of a pinned iterator takes up to {MOST} values at once"));
        cx.report(error.because("the kernel does the formatting").hint("write it in several parts"));
    }
    for (spec, arg) in specs.iter().zip(args) {
        let ty = cx.type_of(arg);
        if ty != Type::Void && conversion(spec, &ty).is_none() {
            let message = format!("a pinned iterator can not print a '{ty}' with %{}", spec.conversion.letters());
            let error = Diagnostic::error(arg.span, message).because("the kernel does the formatting");
            cx.report(error.hint("it knows numbers and texts: %d, %u, %x, %c, %p and %s, with a width"));
        }
    }
}

fn specs(text: &[u8]) -> impl Iterator<Item = Spec> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Spec(spec) => Some(spec),
        Piece::Text(_) | Piece::Float(_) => None,
    })
}

/// The conversion in the kernel's words, without `%` and width.
fn conversion(spec: &Spec, ty: &Type) -> Option<&'static str> {
    if spec.width == Size::Argument || spec.precision != Size::None || spec.alternate {
        return None;
    }
    let number = |words| matches!(ty, Type::Int(_) | Type::Bool | Type::Enum(_) | Type::Pointer(..)).then_some(words);
    match spec.conversion {
        Conversion::Signed => number("lld"),
        Conversion::Unsigned => number("llu"),
        Conversion::Hex | Conversion::Pointer => number("llx"),
        Conversion::UpperHex => number("llX"),
        Conversion::Char => number("c"),
        Conversion::Text => match ty {
            Type::String(_) => Some("s"),
            Type::Int(int) => Some(if int.signed { "lld" } else { "llu" }),
            Type::Void | Type::Bool | Type::Enum(_) | Type::Pointer(..) | Type::Buffer(_) | Type::Array(..) | Type::Struct(_) => None,
            Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => None,
        },
        Conversion::Octal | Conversion::Buffer | Conversion::EscapedBuffer | Conversion::HexBuffer => None,
        Conversion::AllocationFlags => None,
    }
}

/// Writes the text.
pub(super) fn write(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let Some((format, args)) = call.args.split_first() else { return Lowered::Void };
    let text = cx.string_literal(format).unwrap_or_default();
    let (mut words, mut values) = (Vec::new(), Vec::new());
    let mut rest = args.iter();
    for piece in pieces(&text) {
        match piece {
            // What is no conversion has lost one of its two `%`.
            Piece::Text(text) => words.extend(text.iter().flat_map(|&byte| vec![byte; if byte == b'%' { 2 } else { 1 }])),
            Piece::Float(_) => {}
            Piece::Spec(spec) => {
                let Some(arg) = rest.next() else { continue };
                words.extend(kernel_spec(&spec, &cx.type_of(arg)).into_bytes());
                values.push(argument(cx, &spec, arg));
            }
        }
    }
    words.push(0);
    let format = cx.constant(&words);
    let slot = cx.ir().memory("values", 8 * values.len().max(1) as u32);
    let data = cx.ir().slot_addr(slot);
    for (index, value) in values.iter().enumerate() {
        cx.ir().store(8, data, 8 * index as u32, *value);
    }
    let seq = iter::sequence(cx);
    let size = Operand::Int(8 * values.len() as i64);
    let data = if values.is_empty() { Operand::Int(0) } else { Operand::Value(data) };
    let args = vec![Operand::Value(seq), Operand::Value(format), Operand::Int(words.len() as i64), data, size];
    cx.ir().push(Op::Call(Helper::SeqPrintf, args));
    Lowered::Void
}

fn kernel_spec(spec: &Spec, ty: &Type) -> String {
    let flags = [(spec.left, '-'), (spec.plus, '+'), (spec.space, ' '), (spec.zero, '0')];
    let flags: String = flags.into_iter().filter_map(|(is_set, flag)| is_set.then_some(flag)).collect();
    let width = match spec.width {
        Size::Fixed(width) => width.to_string(),
        Size::None | Size::Argument => String::new(),
    };
    let prefix = if spec.conversion == Conversion::Pointer { "0x" } else { "" };
    format!("{prefix}%{flags}{width}{}", conversion(spec, ty).unwrap_or("llx"))
}

/// A number, cut to the bytes that the conversion looks at, or the address of a text.
fn argument(cx: &mut dyn LowerCx, spec: &Spec, arg: &Expr) -> Value {
    let value = match cx.lower(arg) {
        Lowered::Mem(text) => return cx.ir().value(Op::AddrInt(text)),
        Lowered::Int(value) | Lowered::Remote(value, _) => value,
        Lowered::Void => cx.ir().int(0),
    };
    let signed = match spec.conversion {
        Conversion::Signed => true,
        Conversion::Unsigned | Conversion::Hex | Conversion::UpperHex => false,
        Conversion::Char | Conversion::Pointer | Conversion::Text | Conversion::Octal | Conversion::Buffer => return value,
        Conversion::EscapedBuffer | Conversion::HexBuffer | Conversion::AllocationFlags => return value,
    };
    if spec.bytes == 8 { value } else { cx.ir().value(Op::Extend { value, bytes: spec.bytes, signed }) }
}
