//! Functions whose return is watched (`uretprobe`): on the stack the kernel has put the address of its trampoline in the place of where they return
//! to, and keeps the true address in a list of the task.

use rbtrace_ir::{Bin, Builder, Cmp, Helper, LoopKind, Op, Region, SlotId, Value};
use rbtrace_types::{Arch, Facts, Type};

use super::{Walk, kernel_word};

/// Watched functions that have not returned, at most (`MAX_URETPROBE_DEPTH`).
const MOST: u32 = 64;
/// Of these so many are gone through for one frame where the kernel has no `bpf_loop` and its verifier walks all of it for each frame.
const FEW: u32 = 4;

/// Where this kernel keeps the list, by offsets.
#[derive(Clone, Copy)]
pub(in super::super) struct List {
    /// Of `struct task_struct`.
    task: u32,
    memory: u32,
    /// Of `struct uprobe_task`: the newest of the list.
    newest: u32,
    /// Of `struct mm_struct`: the page with the trampoline; of that: the trampoline's address.
    page: u32,
    trampoline: u32,
    /// Of `struct return_instance`.
    stack: u32,
    address: u32,
    chained: u32,
    next: u32,
}

/// The list as a program sees it.
#[derive(Clone, Copy)]
pub(in super::super) struct Pending {
    list: List,
    /// The next to be met; 0: none.
    entry: SlotId,
    trampoline: SlotId,
    word: SlotId,
}

/// None where the kernel does not watch returns, or does not say how.
pub(in super::super) fn list(facts: &dyn Facts) -> Option<List> {
    let of = |of: &'static str| {
        let Type::Struct(of) = facts.kernel_type(of)? else { return None };
        Some(move |name: &str| of.field(name).cloned())
    };
    let (task, instance) = (of("struct task_struct")?, of("struct return_instance")?);
    let state = of("struct mm_struct")?("uprobes_state")?;
    let Type::Struct(inner) = &state.ty else { return None };
    Some(List {
        task: task("utask")?.offset,
        memory: task("mm")?.offset,
        newest: of("struct uprobe_task")?("return_instances")?.offset,
        page: state.offset + inner.field("xol_area")?.offset,
        trampoline: of("struct xol_area")?("vaddr")?.offset,
        stack: instance("stack")?.offset,
        address: instance("orig_ret_vaddr")?.offset,
        chained: instance("chained")?.offset,
        next: instance("next")?.offset,
    })
}

impl Pending {
    /// Looks whether there is anything in the list of the current task.
    pub(in super::super) fn new(ir: &mut Builder, list: List) -> Self {
        let pending = Self { list, entry: ir.scalar("pending"), trampoline: ir.scalar("trampoline"), word: ir.memory("word", 8) };
        let zero = ir.int(0);
        ir.push(Op::Set(pending.entry, zero));
        ir.push(Op::Set(pending.trampoline, zero));
        let task = ir.call(Helper::CurrentTask, vec![]);
        let of_task = pending.at(ir, task, list.task);
        ir.open();
        let newest = pending.at(ir, of_task, list.newest);
        ir.push(Op::Set(pending.entry, newest));
        ir.open();
        let memory = pending.at(ir, task, list.memory);
        let page = pending.at(ir, memory, list.page);
        let trampoline = pending.at(ir, page, list.trampoline);
        ir.push(Op::Set(pending.trampoline, trampoline));
        let then = ir.close();
        ir.push(Op::If { cond: newest, then, otherwise: Region::default() });
        let then = ir.close();
        // Of most tasks nothing is watched.
        ir.push(Op::If { cond: of_task, then, otherwise: Region::default() });
        pending
    }

    fn at(&self, ir: &mut Builder, from: Value, offset: u32) -> Value {
        kernel_word(ir, self.word, 8, from, offset)
    }

    /// Whether that is where watched functions return to.
    fn is_trampoline(&self, ir: &mut Builder, address: Value) -> Value {
        let trampoline = ir.value(Op::Get(self.trampoline));
        let same = ir.cmp(Cmp::Eq, address, trampoline);
        let some = ir.cmp_int(Cmp::Ne, trampoline, 0);
        ir.bin(Bin::And, same, some)
    }

    /// Puts the true addresses into frames of which nobody knows where they lie, in the order of the list.
    pub(in super::super) fn repair(&self, ir: &mut Builder, frames: Value, bytes: Value, frames_size: u32) {
        let some = ir.value(Op::Get(self.trampoline));
        let index = ir.scalar("frame");
        ir.open();
        ir.open();
        let index_now = ir.value(Op::Get(index));
        let at = ir.bin_int(Bin::Shl, index_now, 3);
        let is_behind = ir.cmp(Cmp::ULe, bytes, at);
        ir.if_else(is_behind, |ir| ir.push(Op::Break), |_| ());
        let entry = ir.value(Op::Get(self.entry));
        let none_left = ir.cmp_int(Cmp::Eq, entry, 0);
        ir.if_else(none_left, |ir| ir.push(Op::Break), |_| ());
        let word = ir.value(Op::Index { base: frames, index: at, bound: frames_size - 7 });
        let address = ir.load(8, false, word, 0);
        let is_it = self.is_trampoline(ir, address);
        ir.open();
        let address = self.at(ir, entry, self.list.address);
        ir.store(8, word, 0, address);
        let next = self.at(ir, entry, self.list.next);
        ir.push(Op::Set(self.entry, next));
        // Two that lie at one place: the second was jumped to at the end of the first.
        let chained = kernel_word(ir, self.word, 1, entry, self.list.chained);
        ir.open();
        let next = self.at(ir, next, self.list.next);
        ir.push(Op::Set(self.entry, next));
        let then = ir.close();
        ir.push(Op::If { cond: chained, then, otherwise: Region::default() });
        let then = ir.close();
        ir.push(Op::If { cond: is_it, then, otherwise: Region::default() });
        let body = ir.close();
        ir.push(Op::Loop { kind: LoopKind::Bounded { count: frames_size / 8, index: Some(index) }, body });
        let then = ir.close();
        ir.push(Op::If { cond: some, then, otherwise: Region::default() });
    }
}

impl Walk {
    /// The true address for one that was found on the stack, of a frame that ends where the stack pointer of the walk is.
    pub(super) fn returns_to(&self, ir: &mut Builder, address: Value) -> Value {
        let Some(pending) = &self.pending else { return address };
        ir.push(Op::Set(self.number, address));
        let is_it = pending.is_trampoline(ir, address);
        ir.open();
        // The kernel notes the stack pointer at the function's first instruction.
        let pushed = match self.arch {
            Arch::X86_64 => 8,
            Arch::Aarch64 => 0,
        };
        let sp = ir.value(Op::Get(self.sp));
        let stack = ir.bin_int(Bin::Sub, sp, pushed);
        ir.open();
        let entry = ir.value(Op::Get(pending.entry));
        let none = ir.cmp_int(Cmp::Eq, entry, 0);
        ir.if_else(none, |ir| ir.push(Op::Break), |_| ());
        let next = pending.at(ir, entry, pending.list.next);
        let its_stack = pending.at(ir, entry, pending.list.stack);
        let its_address = pending.at(ir, entry, pending.list.address);
        ir.push(Op::Set(pending.entry, next));
        let is_it_here = ir.cmp(Cmp::Eq, its_stack, stack);
        ir.open();
        ir.push(Op::Set(self.number, its_address));
        ir.push(Op::Break);
        let then = ir.close();
        ir.push(Op::If { cond: is_it_here, then, otherwise: Region::default() });
        let body = ir.close();
        let count = if self.has_loop { MOST } else { FEW };
        ir.push(Op::Loop { kind: LoopKind::Bounded { count, index: None }, body });
        let then = ir.close();
        ir.push(Op::If { cond: is_it, then, otherwise: Region::default() });
        ir.value(Op::Get(self.number))
    }
}
