//! The ids of the current task, in the pid namespace the script asks for. Shared by `pid` and `tid`.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Helper, Operand};
use rbtrace_types::{Feature, Type};

use crate::compile::{Call, LowerCx, Lowered, TypeCx};

/// Which of the two.
#[derive(Clone, Copy)]
pub(super) enum Id {
    /// The process: the kernel's tgid.
    Process,
    /// The thread: the kernel's pid.
    Thread,
}

/// Namespaces that may be asked for; without one it is ours.
const OURS: &str = "curr_ns";
const INITIAL: &str = "init";

pub(super) fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    if let Some(arg) = call.args.first() {
        let word = cx.identifier(arg).unwrap_or("");
        if word != OURS && word != INITIAL {
            let message = format!("Invalid PID namespace mode: {word} (expects: {OURS} or {INITIAL})");
            cx.report(Diagnostic::error(arg.span, message).because("a namespace is wanted here"));
        }
    }
    Type::U32
}

pub(super) fn lower(cx: &mut dyn LowerCx, call: &Call, id: Id) -> Lowered {
    let initial = call.args.first().is_some_and(|arg| cx.identifier(arg) == Some(INITIAL));
    let namespace = cx.facts().pid_namespace().filter(|_| !initial && cx.facts().has(Feature::NamespacePid));
    Lowered::Int(match namespace {
        Some(namespace) => in_namespace(cx, namespace, id),
        None => in_initial(cx, id),
    })
}

fn in_initial(cx: &mut dyn LowerCx, id: Id) -> rbtrace_ir::Value {
    let ir = cx.ir();
    let both = ir.call(Helper::CurrentPidTgid, vec![]);
    match id {
        Id::Process => ir.bin_int(Bin::LShr, both, 32),
        Id::Thread => ir.bin_int(Bin::And, both, 0xffff_ffff),
    }
}

/// The helper fills `struct bpf_pidns_info { u32 pid, tgid; }`, with zeros for a task that the namespace does not see.
fn in_namespace(cx: &mut dyn LowerCx, (device, inode): (u64, u64), id: Id) -> rbtrace_ir::Value {
    let ir = cx.ir();
    let slot = ir.memory("pidns_info", 8);
    let info = ir.slot_addr(slot);
    let args = vec![Operand::Int(device as i64), Operand::Int(inode as i64), Operand::Value(info), Operand::Int(8)];
    ir.call(Helper::NsCurrentPidTgid, args);
    let offset = match id {
        Id::Process => 4,
        Id::Thread => 0,
    };
    ir.load(4, false, info, offset)
}

/// The id of the current process in our namespace: what `-p` filters by.
pub fn process_id(cx: &mut dyn LowerCx) -> rbtrace_ir::Value {
    match cx.facts().pid_namespace().filter(|_| cx.facts().has(Feature::NamespacePid)) {
        Some(namespace) => in_namespace(cx, namespace, Id::Process),
        None => in_initial(cx, Id::Process),
    }
}
