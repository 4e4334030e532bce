//! `usermode`: whether a probe interrupted a process or the kernel.

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
             `begin`.\n\n\
             ```\nprofile:hz:99 { @[comm, usermode] = count(); }\n```\n",
    type_of: |_: &mut dyn TypeCx, _: &Call| Type::int(1, false),
    lower,
    ..Builtin::BASE
};

/// Where a processor says how much the code it runs may do: register, bits, and what they are for processes. On x86-64 the two low bits of the
/// code segment are the privilege level, 3 for processes; on aarch64 the four low bits of the state are the exception level, 0 for them.
fn level(arch: Arch) -> (&'static str, i64, i64) {
    match arch {
        Arch::X86_64 => ("cs", 3, 3),
        Arch::Aarch64 => ("pstate", 15, 0),
    }
}

/// Programs without registers were called by the kernel, or by ourselves.
fn lower(cx: &mut dyn LowerCx, _: &Call) -> Lowered {
    let arch = cx.facts().arch();
    let (register, bits, process) = level(arch);
    let planned = cx.planned();
    let (program_type, is_ours) = (planned.program_type, planned.role != Role::Traced);
    let offset = registers::by_name(arch, register).filter(|_| matches!(program_type, ProgramType::PerfEvent | ProgramType::Kprobe));
    let ir = cx.ir();
    Lowered::Int(match offset {
        _ if is_ours => ir.int(1),
        Some(offset) => {
            let state = ir.value(Op::LoadCtx { bytes: 8, signed: false, offset });
            let level = ir.bin_int(Bin::And, state, bits);
            ir.cmp_int(Cmp::Eq, level, process)
        }
        None => ir.int(0),
    })
}
