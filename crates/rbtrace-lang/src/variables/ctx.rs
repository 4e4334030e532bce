//! `ctx`: what the kernel hands to the program of a probe.

use std::sync::Arc;

use rbtrace_diag::Diagnostic;
use rbtrace_ir::Op;
use rbtrace_types::{Space, Struct, Type};

use crate::compile::{Call, Lowered, TypeCx};
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "ctx",
    signature: "ctx",
    manual: "What the kernel hands to the program, as a pointer to a struct that depends on the probe: `struct bpf_iter__KIND` in iterators, the \
             registers (`struct pt_regs`) in functions of processes and of the kernel, `struct bpf_perf_event_data` in timers and other perf \
             events.\n\n\
             ```\niter:task { printf(\"%d %s\\n\", ctx.task.pid, ctx.task.comm); }\n```\n",
    type_of,
    lower: |cx, _| Lowered::Int(cx.ir().value(Op::CtxAddr)),
    field: Some(|cx, _, field| Some((cx.place().probe_type.context_field)(cx, field))),
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let place = cx.place();
    let row = place.probe_type;
    if let Some(name) = (row.context)(cx.facts(), place) {
        return Type::Struct(Arc::new(Struct { name, fields: Vec::new(), size: 0 })).pointer(Space::Kernel);
    }
    let has_args = (row.args)(cx.facts(), place).is_some();
    let message = match has_args {
        true => format!("Use args instead of ctx in {}", row.name),
        false => format!("The ctx builtin can not be used with '{}' probes", row.name),
    };
    cx.report(Diagnostic::error(call.span, message).because("there is no context to look at"));
    Type::Void
}
