//! `arg0`, `arg1`, …: the integer arguments of a traced function.

use rbtrace_diag::Diagnostic;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "arg0",
    numbered: 255,
    signature: "arg0, arg1, …",
    manual: "The integer and pointer arguments of the function that a probe is on, as unsigned 64-bit numbers: on x86-64 the first six, on \
             aarch64 the first eight. An `int` is in the lower half, so cast it: `(int32)arg0`. Marks of programs (`usdt`) have as many as \
             they have, as signed numbers; where a probe is on several marks, those that lack one say 0.\n\n\
             ```\nuprobe:libc:fopen { printf(\"%s %s\\n\", str(arg0), str(arg1)); }\n```\n",
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let place = cx.place();
    let (row, count) = (place.probe_type.name, (place.probe_type.arguments)(cx.facts(), place));
    let ty = if place.probe_type.has_signed_arguments { Type::I64 } else { Type::U64 };
    let error = match count {
        None => {
            Diagnostic::error(call.span, format!("The {} builtin can only be used with 'kprobes', 'uprobes' and 'usdt' probes", call.name))
                .because(format!("`{row}` has no numbered arguments"))
        }
        Some(count) if number(call) >= count => {
            Diagnostic::error(call.span, format!("{} doesn't support {}", cx.facts().arch().name(), call.name))
                .because(format!("`{row}` has {count} numbered arguments here"))
        }
        Some(_) => match (place.probe_type.unreadable)(cx.facts(), place, number(call)) {
            Some(why) => Diagnostic::error(call.span, format!("`{}` of {} cannot be read", call.name, place.name())).because(why),
            None => return ty,
        },
    };
    cx.report(error);
    ty
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let (argument, planned) = (cx.place().probe_type.argument, cx.planned().clone());
    Lowered::Int(argument(cx, &planned, number(call)))
}

/// The number in a name.
pub(super) fn number(call: &Call) -> u32 {
    call.name.trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().unwrap_or(u32::MAX)
}
