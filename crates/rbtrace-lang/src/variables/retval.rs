//! `retval`: what a traced function returns.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::Op;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::probes::{registers, uretprobe};
use crate::row::Builtin;

/// Probe types whose context is the registers at a function's return.
const AT_RETURN: [&str; 1] = [uretprobe::ROW.name];

/// The row.
pub static ROW: Builtin = Builtin {
    name: "retval",
    signature: "retval",
    manual: "What the function returns, as an unsigned 64-bit number. An `int` is in the lower half, so cast it: `(int32)retval`.\n\n\
             ```\nuretprobe:libc:malloc /retval == 0/ { printf(\"%s got nothing\\n\", comm); }\n```\n",
    type_of: |cx: &mut dyn TypeCx, call: &Call| {
        let row = cx.place().probe_type.name;
        if !AT_RETURN.contains(&row) {
            let message = "The retval builtin can only be used with 'kretprobe' and 'uretprobe' and 'fentry' probes";
            cx.report(Diagnostic::error(call.span, message).because(format!("in `{row}` nothing is returned")));
        }
        Type::U64
    },
    lower: |cx: &mut dyn LowerCx, _| {
        let offset = registers::return_value(cx.facts().arch());
        Lowered::Int(cx.ir().value(Op::LoadCtx { bytes: 8, signed: false, offset }))
    },
    ..Builtin::BASE
};
