//! `debugf()`: writes to the kernel's own trace.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Helper, Operand};
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::format::call;
use crate::format::{Conversion, Piece, pieces};
use crate::row::Builtin;
use crate::warnings;

/// Values the helper takes.
const MOST: usize = 3;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "debugf",
    signature: "debugf(\"format\", values…)",
    manual: "Writes to the kernel's trace (`/sys/kernel/tracing/trace_pipe`), for looking at a script in trouble: at most three values; of the \
             conversions only `%d`, `%u`, `%x`, `%p` and `%s`.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat { debugf(\"%d opens\", pid); }\n```\n",
    args: (1, MOST + 1),
    has_effect: true,
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, it: &Call) -> Type {
    call::type_of(cx, it);
    let warning = warnings::SHARED_TRACE.at(it.span, "The debugf() builtin is not recommended for production use.");
    cx.report(warning.because("all programs of the machine share one slow trace").hint("`printf` writes to this script's output"));
    let text = it.args.first().and_then(|format| cx.string_literal(format)).unwrap_or_default();
    for piece in pieces(&text) {
        let Piece::Spec(spec) = piece else { continue };
        let known = match spec.conversion {
            Conversion::Signed | Conversion::Unsigned | Conversion::Hex | Conversion::Pointer | Conversion::Text => true,
            Conversion::Octal | Conversion::UpperHex | Conversion::Char | Conversion::Buffer => false,
            Conversion::EscapedBuffer | Conversion::HexBuffer | Conversion::AllocationFlags => false,
        };
        if !known {
            let message = format!("debugf() does not know the conversion %{}", spec.conversion.letters());
            cx.report(Diagnostic::error(it.span, message).because("the kernel does the formatting").hint("it knows %d, %u, %x, %p and %s"));
        }
    }
    Type::Void
}

fn lower(cx: &mut dyn LowerCx, it: &Call) -> Lowered {
    let Some((format, values)) = it.args.split_first() else { return Lowered::Void };
    let mut text = cx.string_literal(format).unwrap_or_default();
    text.push(0);
    let format = cx.constant(&text);
    let mut args = vec![Operand::Value(format), Operand::Int(text.len() as i64)];
    for value in values {
        args.push(match cx.lower(value) {
            Lowered::Int(value) | Lowered::Mem(value) | Lowered::Remote(value, _) => Operand::Value(value),
            Lowered::Void => Operand::Int(0),
        });
    }
    args.resize(MOST + 2, Operand::Int(0));
    cx.ir().call(Helper::TracePrintk, args);
    Lowered::Void
}
