//! `func`: the function that a probe is on.

use rbtrace_diag::Diagnostic;
use rbtrace_types::{Facts, Type};

use crate::compile::{Call, LowerCx, Place, TypeCx};
use crate::row::Builtin;

/// The row.
///
/// Why not the instruction pointer, looked up when it is printed? Processes end, binaries are stripped, functions are chosen when they
/// are loaded, and what returns has no pointer into itself; the attach point knows better, and all processes count as one.
pub static ROW: Builtin = Builtin {
    name: "func",
    signature: "func",
    manual: "The name of the function that fired, wildcards resolved; C++ and Rust functions by their names in the source.\n\n\
             ```\nuprobe:libc:*alloc { @[func] = count(); }\n```\n",
    type_of: |cx: &mut dyn TypeCx, call: &Call| {
        let place = cx.place();
        let row = place.probe_type.name;
        if (place.probe_type.function)(cx.facts(), place).is_none() {
            let error = Diagnostic::error(call.span, format!("The func builtin can not be used with '{row}' probes"));
            cx.report(error.because("it is not about a function"));
        }
        Type::String(cx.place_text_size(name))
    },
    lower: |cx: &mut dyn LowerCx, _| cx.place_text(name),
    ..Builtin::BASE
};

fn name(facts: &dyn Facts, place: &Place) -> Vec<u8> {
    (place.probe_type.function)(facts, place).unwrap_or_default().into_bytes()
}
