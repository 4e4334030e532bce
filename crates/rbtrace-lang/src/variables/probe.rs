//! `probe`: the full name of the attach point that fired.

use rbtrace_types::Type;

use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "probe",
    signature: "probe",
    manual: "The full name of the attach point that fired, wildcards resolved.\n\n\
             ```\ntracepoint:sched:sched_*, tracepoint:irq:* { @[probe] = count(); }\n```\n",
    type_of: |cx, _| Type::String(cx.probe_name_size()),
    lower: |cx, _| cx.probe_name(),
    ..Builtin::BASE
};
