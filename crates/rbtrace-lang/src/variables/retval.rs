//! `retval`: what a traced function returns.

use rbtrace_diag::Diagnostic;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "retval",
    signature: "retval",
    manual: "What the function returns: in `fexit` with its type, else as an unsigned 64-bit number. An `int` is in the lower half of that, \
             so cast it: `(int32)retval`.\n\n\
             ```\nuretprobe:libc:malloc /retval == 0/ { printf(\"%s got nothing\\n\", comm); }\n```\n",
    type_of: |cx: &mut dyn TypeCx, call: &Call| {
        let place = cx.place();
        if let Some(result) = (place.probe_type.result)(cx.facts(), place) {
            return result;
        }
        let row = place.probe_type.name;
        let message = "The retval builtin can only be used with 'kretprobe' and 'uretprobe' and 'fentry' probes";
        let hint = "`kretprobe`, `uretprobe` and `fexit` run when a function returns";
        cx.report(Diagnostic::error(call.span, message).because(format!("in `{row}` nothing is returned here")).hint(hint));
        Type::U64
    },
    lower: |cx: &mut dyn LowerCx, _| {
        let (read, planned) = (cx.place().probe_type.read_result, cx.planned().clone());
        Lowered::Int(read(cx, &planned))
    },
    ..Builtin::BASE
};
