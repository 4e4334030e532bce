//! `probe`: the full name of the attach point that fired.

use rbtrace_types::{Facts, Type};

use crate::compile::Place;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "probe",
    signature: "probe",
    manual: "The full name of the attach point that fired, wildcards resolved.\n\n\
             ```\ntracepoint:sched:sched_*, tracepoint:irq:* { @[probe] = count(); }\n```\n",
    asks_place: |_| true,
    type_of: |cx, _| Type::String(cx.place_text_size(name)),
    lower: |cx, _| cx.place_text(name),
    ..Builtin::BASE
};

fn name(_: &dyn Facts, place: &Place) -> Vec<u8> {
    place.name().into_bytes()
}
