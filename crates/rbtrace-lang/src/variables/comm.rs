//! `comm`: the name of a thread.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Builder, Helper, Op, Operand, Value};
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::functions::warnf;
use crate::row::Builtin;
use crate::warnings;

use super::task_fields;

/// `TASK_COMM_LEN`
const SIZE: u32 = 16;
/// Room for the name of another thread (SPEC §6.3).
const OTHER: u32 = 64;
/// The name of who does not exist.
const NOBODY: &[u8] = b"N/A";

/// What is said of it.
const MISSING: &[u8] = b"No such process (pid=%d)";

/// The row.
pub static ROW: Builtin = Builtin {
    name: "comm",
    signature: "comm or comm(pid)",
    manual: "The name of the current thread, at most 15 bytes.\n\n\
             With a number it is the name of the thread with that id, as the initial pid namespace counts; `N/A` and a warning if there is none. \
             For this the kernel looks the thread up, which Linux 6.2 can do, and not in every type of probe.\n\n\
             ```\ntracepoint:raw_syscalls:sys_enter { @[comm] = count(); }\n\
             tracepoint:sched:sched_wakeup { @woken[comm(args.pid)] = count(); }\n```\n",
    args: (0, 1),
    typed_from: 1,
    type_of,
    lower: |cx, call| {
        let size = if call.args.is_empty() { SIZE } else { OTHER };
        let slot = cx.ir().memory("comm", size);
        let addr = cx.ir().slot_addr(slot);
        read(cx, call, addr);
        Lowered::Mem(addr)
    },
    lower_into: Some(read),
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some(pid) = call.args.first() else { return Type::String(SIZE) };
    let ty = cx.type_of(pid);
    if !ty.is_integer() && ty != Type::Void {
        cx.report(Diagnostic::error(pid.span, format!("comm() expects the id of a thread ({ty} provided)")).because("not a number"));
    }
    let caller = cx.program_type().number();
    let function = Helper::TaskFromPid.kernel_function().unwrap_or_default();
    if !cx.facts().has_kernel_function(&function) {
        let error = Diagnostic::error(call.span, "this kernel cannot look up threads by their id");
        cx.report(error.because(format!("it has no function `{function}`")).hint("Linux 6.2 has it; `comm` alone is the current thread"));
    } else if !cx.facts().may_call(&function, caller) {
        let probe = cx.place().probe_type.class;
        let error = Diagnostic::error(call.span, format!("Syntax comm(PID) is not supported in this probe type yet. Type: {probe}"));
        cx.report(error.because(format!("the kernel does not let it call `{function}`")).hint("tracepoints, iterators and timers may"));
    }
    Type::String(OTHER)
}

fn read(cx: &mut dyn LowerCx, call: &Call, to: Value) {
    match call.args.first() {
        None => {
            // Kernels from 5.19 to 6.1 leave what is behind the name as it was (`strscpy` without padding); two keys would look the same.
            cx.ir().push(Op::Zero { addr: to, bytes: SIZE });
            cx.ir().call(Helper::CurrentComm, vec![Operand::Value(to), Operand::Int(SIZE.into())]);
        }
        Some(pid) => {
            let pid = cx.lower_int(pid);
            read_other(cx, call, pid, to);
        }
    }
}

fn read_other(cx: &mut dyn LowerCx, call: &Call, pid: Value, to: Value) {
    let offset = task_fields::offset(cx.facts(), task_fields::COMM_FIELD).unwrap_or(0);
    let nobody = cx.constant(NOBODY);
    let mut warning = cx.event(warnf::ROW.name, call.span);
    warning.texts.push(MISSING.to_vec());
    warning.args.push(Type::I32);
    warning.code = warnings::NO_SUCH_PROCESS.code.to_owned();
    let ir = cx.ir();
    ir.push(Op::Zero { addr: to, bytes: OTHER });
    let task = ir.call(Helper::TaskFromPid, vec![Operand::Value(pid)]);
    ir.open();
    copy_name(ir, task, offset, to);
    let found = ir.close();
    ir.open();
    ir.push(Op::Copy { to, from: nobody, bytes: NOBODY.len() as u32 });
    cx.emit(warning, &[Lowered::Int(pid)]);
    let missing = cx.ir().close();
    cx.ir().push(Op::If { cond: task, then: found, otherwise: missing });
}

/// The task is ours until it is released.
fn copy_name(ir: &mut Builder, task: Value, offset: u32, to: Value) {
    let from = ir.bin_int(Bin::Add, task, offset.into());
    ir.call(Helper::ProbeReadKernelStr, vec![Operand::Value(to), Operand::Int(SIZE.into()), Operand::Value(from)]);
    ir.push(Op::Call(Helper::TaskRelease, vec![Operand::Value(task)]));
}
