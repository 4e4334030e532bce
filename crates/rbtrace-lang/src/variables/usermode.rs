//! `usermode`: whether a probe interrupted a process or the kernel.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Cmp, Op, ProgramType, Role};
use rbtrace_types::{Arch, Type};

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::probes::registers;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "usermode",
    signature: "usermode",
    manual: "1 if the processor ran code of a process when the probe fired, 0 if it ran the kernel; 1 in probes that rbtrace runs itself, as \
             `begin`. On x86-64 only.\n\n\
             ```\nprofile:hz:99 { @[comm, usermode] = count(); }\n```\n",
    type_of: |cx: &mut dyn TypeCx, call: &Call| {
        if cx.facts().arch() != Arch::X86_64 {
            let error = Diagnostic::error(call.span, "'usermode' builtin is only supported on x86_64");
            cx.report(error.because(format!("this is {}", cx.facts().arch().name())));
        }
        Type::int(1, false)
    },
    lower,
    ..Builtin::BASE
};

/// The two low bits of the code segment are the privilege level, 3 for processes. Programs without registers were called by the kernel,
/// or by ourselves.
fn lower(cx: &mut dyn LowerCx, _: &Call) -> Lowered {
    let arch = cx.facts().arch();
    let planned = cx.planned();
    let (program_type, is_ours) = (planned.program_type, planned.role != Role::Traced);
    let segment = registers::by_name(arch, "cs").filter(|_| matches!(program_type, ProgramType::PerfEvent | ProgramType::Kprobe));
    let ir = cx.ir();
    Lowered::Int(match segment {
        _ if is_ours => ir.int(1),
        Some(offset) => {
            let segment = ir.value(Op::LoadCtx { bytes: 8, signed: false, offset });
            let level = ir.bin_int(Bin::And, segment, 3);
            ir.cmp_int(Cmp::Eq, level, 3)
        }
        None => ir.int(0),
    })
}
