//! Fields of tasks that are reached from a task: its parent's id, its leader's name. Where they are is asked of the kernel's types. Shared by
//! the variables that show one.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Builder, Helper, Op, Operand, Value};
use rbtrace_types::{Facts, Type};

use crate::compile::{Call, LowerCx, Lowered, TypeCx};

/// The kernel's name of a task.
const TASK: &str = "struct task_struct";

/// The member that holds the name of a thread.
pub(super) const COMM_FIELD: &str = "comm";

/// `TASK_COMM_LEN`
const COMM: u32 = 16;

/// A way from a task to a field: the member that points to another task, then the field there.
#[derive(Clone, Copy)]
pub(super) struct Path {
    pub to: &'static str,
    pub field: &'static str,
}

/// Where a task keeps a field.
pub(super) fn offset(facts: &dyn Facts, field: &str) -> Option<u32> {
    let Type::Struct(task) = facts.kernel_type(TASK)? else { return None };
    task.field(field).map(|field| field.offset)
}

/// Checks the argument, a task; without one it is the current task.
pub(super) fn type_of(cx: &mut dyn TypeCx, name: &str, call: &Call, path: Path, ty: Type) -> Type {
    if let Some(task) = call.args.first() {
        let given = cx.type_of(task);
        if !given.is_scalar() && given != Type::Void {
            let message = format!("{name}() expects a pointer to a task ({given} provided)");
            cx.report(Diagnostic::error(task.span, message).because("no address is here"));
        }
    }
    if offset(cx.facts(), path.to).is_none() || offset(cx.facts(), path.field).is_none() {
        let error = Diagnostic::error(call.span, format!("`{name}` needs the kernel's types"));
        cx.report(error.because("where a task keeps it is not known").hint("a kernel with BTF says it (CONFIG_DEBUG_INFO_BTF)"));
    }
    ty
}

/// An id, 4 bytes.
pub(super) fn id(cx: &mut dyn LowerCx, call: &Call, path: Path) -> Lowered {
    let from = address(cx, call, path);
    let ir = cx.ir();
    let to = read(ir, from, 4);
    Lowered::Int(ir.load(4, true, to, 0))
}

/// The name of a thread.
pub(super) fn comm(cx: &mut dyn LowerCx, call: &Call, path: Path) -> Lowered {
    let from = address(cx, call, path);
    Lowered::Mem(read(cx.ir(), from, COMM))
}

/// The type of a thread's name.
pub(super) fn comm_type() -> Type {
    Type::String(COMM)
}

/// Where the field is.
fn address(cx: &mut dyn LowerCx, call: &Call, path: Path) -> Value {
    let (to, field) = (offset(cx.facts(), path.to).unwrap_or(0), offset(cx.facts(), path.field).unwrap_or(0));
    let task = match call.args.first() {
        Some(task) => cx.lower_int(task),
        None => cx.ir().call(Helper::CurrentTask, vec![]),
    };
    let ir = cx.ir();
    let pointer = ir.bin_int(Bin::Add, task, to.into());
    let other = read(ir, pointer, 8);
    let other = ir.load(8, false, other, 0);
    ir.bin_int(Bin::Add, other, field.into())
}

/// Reads kernel memory; zeros where that fails.
fn read(ir: &mut Builder, from: Value, bytes: u32) -> Value {
    let slot = ir.memory("task", bytes.max(8));
    let to = ir.slot_addr(slot);
    ir.push(Op::Zero { addr: to, bytes: bytes.max(8) });
    ir.call(Helper::ProbeReadKernel, vec![Operand::Value(to), Operand::Int(bytes.into()), Operand::Value(from)]);
    to
}
