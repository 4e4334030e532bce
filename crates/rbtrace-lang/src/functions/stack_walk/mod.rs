//! Walks the stack of a process by unwind tables (`rbtrace_types::unwind` says how they lie in maps): what `dw_ustack` puts in the place of the
//! kernel's helper, which goes by frame pointers. Who fills the maps is not known here; what is missing is asked for.

mod frame;
mod memory;
pub(super) mod returns;
mod search;
mod tree;

use rbtrace_ir::{
    Bin, Builder, Cmp, EventDecl, Helper, LoopKind, Manifest, MapDecl, MapId, Op, Operand, Region, SlotId, Storage, SubId, Value,
};
use rbtrace_types::unwind;
use rbtrace_types::{Arch, Facts, Feature, Type};

use self::memory::Places;
use self::returns::Pending;
use self::tree::{Tree, Way};
use crate::compile::{Call, Complaint, LowerCx, Lowered};
use crate::named::stack;
use crate::warnings::STACK_CUT;

/// The number of an event that asks for a table, among those of its handler.
pub(super) const ASKS: i64 = 1;
/// A process is asked for again after so many nanoseconds at the earliest.
const PATIENCE: i64 = 50_000_000;
/// Size of a stack of the kernel, on both architectures, where the kernel does not tell where a task's registers are.
const KERNEL_STACK: i64 = 16384;

/// Frames where the kernel has no `bpf_loop`: its verifier walks all steps of all searches, and keeps no more than 8192 branches.
const FEW: u32 = 32;

/// Why a walk ended.
mod end {
    /// There was no caller more, or no room.
    pub const WHOLE: i64 = 0;
    pub const NO_TABLE: i64 = 1;
    pub const UNKNOWN: i64 = 2;
    pub const UNREADABLE: i64 = 3;
    pub const SENSELESS: i64 = 4;
    pub const COMPAT: i64 = 5;
    pub const FEW: i64 = 6;
}

/// What is said of stacks that end early.
const COMPLAINTS: [(i64, &str); 6] = [
    (end::NO_TABLE, "No DWARF unwind data available for this process yet: its stacks are whole once it was read"),
    (end::UNKNOWN, "a stack is cut off: a function on it is not described in its file's .eh_frame, or in a way that cannot be followed"),
    (end::UNREADABLE, "a stack is cut off: its memory cannot be read here"),
    (end::SENSELESS, "a stack is cut off: the next frame would lie in the wrong direction"),
    (end::COMPAT, "a stack is cut off: those of 32-bit processes cannot be unwound"),
    (end::FEW, "a stack is cut off: on kernels before Linux 5.17, without the helper bpf_loop, 32 frames are unwound"),
];

/// What an architecture's kernel keeps of the registers.
struct Layout {
    /// Of `struct pt_regs`: where what is read of it begins, and how many bytes; the others are counted from there.
    from: u32,
    bytes: u32,
    pc: u32,
    sp: u32,
    fp: u32,
    /// The register with the return address.
    lr: Option<u32>,
    /// What says in which mode the processor was.
    mode: u32,
    /// The same in the frame around a handler of signals, from the stack pointer.
    signal: [i64; 4],
}

fn layout(arch: Arch) -> Layout {
    match arch {
        // bp … ip, cs, flags, sp; the handler returns to what finds `struct ucontext` on the stack: its registers are at 40.
        Arch::X86_64 => {
            Layout { from: 32, bytes: 128, pc: 96, sp: 120, fp: 0, lr: None, mode: 104, signal: [40 + 16 * 8, 40 + 15 * 8, 40 + 10 * 8, 0] }
        }
        // x29, x30, sp, pc, pstate; `struct rt_sigframe` is 128 bytes of siginfo, then `struct ucontext` with the registers at 184.
        Arch::Aarch64 => {
            let register = |number: i64| 128 + 184 + 8 * number;
            Layout {
                from: 232,
                bytes: 40,
                pc: 24,
                sp: 16,
                fp: 0,
                lr: Some(8),
                mode: 32,
                signal: [register(32), register(31), register(29), register(30)],
            }
        }
    }
}

/// Whether this kernel shows where the registers of a process are.
pub(super) fn is_possible(facts: &dyn Facts) -> bool {
    registers_at(facts).is_some()
}

/// Where the registers of a task are: offset of the stack in `struct task_struct`, offset of the registers on it. Zeros: the kernel tells.
fn registers_at(facts: &dyn Facts) -> Option<(u32, i64)> {
    if facts.has(Feature::TaskRegisters) && facts.has(Feature::CurrentTaskBtf) {
        return Some((0, 0));
    }
    let (Type::Struct(task), Type::Struct(registers)) = (facts.kernel_type("struct task_struct")?, facts.kernel_type("struct pt_regs")?)
    else {
        return None;
    };
    Some((task.field("stack")?.offset, KERNEL_STACK - i64::from(registers.size)))
}

/// The maps.
#[derive(Clone, Copy)]
struct Maps {
    rows: MapId,
    rules: MapId,
    code: MapId,
    processes: MapId,
}

fn maps(cx: &mut dyn LowerCx) -> Maps {
    let words = |bytes: u32| Type::Array(Type::U64.into(), bytes / 8);
    let mut map = |symbol: &str, storage, bytes, max_entries| {
        let (symbol, key, value) = (symbol.to_owned(), Some(Type::U32), words(bytes));
        cx.internal_table(MapDecl { name: String::new(), symbol, storage, key, value, max_entries, preallocate: true })
    };
    Maps {
        rows: map(Manifest::UNWIND_ROWS, Storage::Arrays, unwind::ROW_BYTES, unwind::SHARDS),
        rules: map(Manifest::UNWIND_RULES, Storage::Array, unwind::RULE_BYTES, unwind::RULES),
        code: map(Manifest::UNWIND_CODE, Storage::Array, unwind::STRETCH_BYTES, unwind::STRETCHES),
        processes: map(Manifest::UNWIND_PROCESSES, Storage::Hash, unwind::PROCESS_BYTES, unwind::PROCESSES),
    }
}

/// What a walk knows: variables of the program that a step, a subprogram, shares with it.
struct Walk {
    maps: Maps,
    arch: Arch,
    /// How to ask the kernel for what user space has not noted.
    places: Option<Places>,
    /// How to look where the kernel does not let itself be asked.
    tree: Option<(Tree, Way)>,
    has_loop: bool,
    /// Functions whose return is watched.
    pending: Option<Pending>,
    frames: SlotId,
    limit: u32,
    /// How many frames there are.
    count: SlotId,
    pc: SlotId,
    sp: SlotId,
    fp: SlotId,
    lr: SlotId,
    /// All bits that an address may have.
    address_bits: SlotId,
    /// Where the kernel keeps the registers of the place, while it is the one that the processor was at; else 0.
    registers: SlotId,
    /// 1: the processor is at that place; 0: it will return there, and the call is before it.
    exact: SlotId,
    /// Whether the walk is over, and why.
    over: SlotId,
    why: SlotId,
    /// The first of the process's stretches of code, and the one behind the last.
    first: SlotId,
    last: SlotId,
    /// The stretch that was found last: most frames are where the one before is.
    start: SlotId,
    end: SlotId,
    bias: SlotId,
    row_first: SlotId,
    row_last: SlotId,
    /// Ends of a search.
    low: SlotId,
    high: SlotId,
    /// A number on its way out of a branch.
    number: SlotId,
    key: SlotId,
    word: SlotId,
    /// Whether the kernel was asked; its area at a place, and what tells the area's file from others.
    asked: SlotId,
    area: SlotId,
    file_key: SlotId,
}

/// Puts the frames behind an entry's header in a slot; gives their bytes, and whether the last one's caller is unknown.
pub(super) fn lower(cx: &mut dyn LowerCx, call: &Call, entry: SlotId, limit: u32, process: Value) -> (Value, Value) {
    let (maps, arch) = (maps(cx), cx.facts().arch());
    // Who begins another program has other tables from then on.
    cx.follow_processes();
    let registers_at = registers_at(cx.facts()).expect("checked when the call was typed");
    let (has_loop, places, list) = (cx.facts().has(Feature::Loop), memory::places(cx), returns::list(cx.facts()));
    let tree = places.and_then(|_| tree::tree(cx.facts()));
    let size_at = (arch == Arch::Aarch64).then(|| frame::size_at(cx.facts()));
    let ir = cx.ir();
    // A stack that ends is no failed read of the script's.
    let watched = std::mem::take(&mut ir.watched);
    let pending = list.map(|list| Pending::new(ir, list));
    let tree = tree.map(|tree| (tree, Way::new(ir)));
    let walk = Walk { places, tree, has_loop, pending, ..Walk::new(ir, maps, arch, entry, limit) };
    if let Some(size_at) = size_at {
        walk.measure(ir, size_at);
    }
    walk.begin(ir, registers_at, process);
    let step = walk.step(ir);
    walk.run(ir, step);
    ir.watched = watched;
    let why = ir.value(Op::Get(walk.why));
    for (reason, text) in COMPLAINTS {
        let matches = cx.ir().cmp_int(Cmp::Eq, why, reason);
        cx.ir().open();
        cx.complain(Complaint { warning: &STACK_CUT, span: call.span, text, helper: None });
        let then = cx.ir().close();
        cx.ir().push(Op::If { cond: matches, then, otherwise: Region::default() });
    }
    let ir = cx.ir();
    // Also where the kernel knew: what is noted is found sooner.
    let (missing, asked) = (ir.cmp_int(Cmp::Eq, why, end::NO_TABLE), ir.value(Op::Get(walk.asked)));
    let wanted = ir.bin(Bin::Or, missing, asked);
    ir.open();
    ask(cx, call, &walk, process);
    let then = cx.ir().close();
    cx.ir().push(Op::If { cond: wanted, then, otherwise: Region::default() });
    let ir = cx.ir();
    let count = ir.value(Op::Get(walk.count));
    let bytes = ir.bin_int(Bin::Shl, count, 3);
    let cut = ir.cmp_int(Cmp::Ne, why, end::WHOLE);
    let cut = ir.bin_int(Bin::Mul, cut, stack::CUT);
    (bytes, cut)
}

/// Asks user space for the table of a process, unless it was asked a moment ago.
fn ask(cx: &mut dyn LowerCx, call: &Call, walk: &Walk, process: Value) {
    let ir = cx.ir();
    let asks = ir.scalar("asks");
    let zero = ir.int(0);
    ir.push(Op::Set(asks, zero));
    let now = ir.call(Helper::KtimeNs, vec![]);
    let fresh = ir.memory("process", unwind::PROCESS_BYTES);
    let key = walk.key_of(ir, process);
    let known = ir.lookup(walk.maps.processes, key);
    let is_new = ir.value(Op::IsNull(known));
    ir.if_else(
        is_new,
        |ir| {
            let entry = ir.slot_addr(fresh);
            let zero = ir.int(0);
            ir.store(8, entry, 0, zero);
            ir.store(8, entry, 8, now);
            // Two CPUs may be here at once: one of them is first.
            let done = ir.update(walk.maps.processes, key, entry, 1);
            let done = ir.cmp_int(Cmp::Eq, done, 0);
            ir.push(Op::Set(asks, done));
        },
        |ir| {
            let before = ir.load(8, false, known, 8);
            let since = ir.bin(Bin::Sub, now, before);
            let late = ir.cmp_int(Cmp::UGt, since, PATIENCE);
            ir.push(Op::Set(asks, late));
            let said = ir.value(Op::Select(late, now, before));
            ir.store(8, known, 8, said);
        },
    );
    let asks = ir.value(Op::Get(asks));
    ir.open();
    let event = EventDecl { handler: call.name.into(), numbers: vec![ASKS], args: vec![Type::U64], ..EventDecl::default() };
    cx.emit(event, &[Lowered::Int(process)]);
    let then = cx.ir().close();
    cx.ir().push(Op::If { cond: asks, then, otherwise: Region::default() });
}

impl Walk {
    fn new(ir: &mut Builder, maps: Maps, arch: Arch, frames: SlotId, limit: u32) -> Self {
        Self {
            maps,
            arch,
            places: None,
            tree: None,
            has_loop: false,
            pending: None,
            frames,
            limit,
            count: ir.scalar("frame_count"),
            pc: ir.scalar("pc"),
            sp: ir.scalar("sp"),
            fp: ir.scalar("fp"),
            lr: ir.scalar("lr"),
            address_bits: ir.scalar("address_bits"),
            registers: ir.scalar("registers_at"),
            exact: ir.scalar("exact"),
            over: ir.scalar("over"),
            why: ir.scalar("why"),
            first: ir.scalar("first"),
            last: ir.scalar("last"),
            start: ir.scalar("start"),
            end: ir.scalar("end"),
            bias: ir.scalar("bias"),
            row_first: ir.scalar("row_first"),
            row_last: ir.scalar("row_last"),
            low: ir.scalar("low"),
            high: ir.scalar("high"),
            number: ir.scalar("number"),
            key: ir.memory("unwind_key", 8),
            word: ir.memory("word", 8),
            asked: ir.scalar("asked"),
            area: ir.scalar("area"),
            file_key: ir.memory("file_key", 8 * unwind::FILE_KEY_WORDS as u32),
        }
    }

    fn key_of(&self, ir: &mut Builder, number: Value) -> Value {
        let key = ir.slot_addr(self.key);
        ir.store(4, key, 0, number);
        key
    }

    /// Takes the registers of the process, and its stretches of code.
    fn begin(&self, ir: &mut Builder, registers_at: (u32, i64), process: Value) {
        let layout = layout(self.arch);
        let zero = ir.int(0);
        let one = ir.int(1);
        for slot in [self.count, self.over, self.why, self.first, self.last, self.start, self.end, self.lr, self.asked] {
            ir.push(Op::Set(slot, zero));
        }
        ir.push(Op::Set(self.exact, one));
        let slot = ir.memory("registers", layout.bytes);
        let registers = ir.slot_addr(slot);
        let all = self.all_registers(ir, registers_at);
        ir.push(Op::Set(self.registers, all));
        let from = ir.bin_int(Bin::Add, all, layout.from.into());
        let failed =
            ir.call(Helper::ProbeReadKernel, vec![Operand::Value(registers), Operand::Int(layout.bytes.into()), Operand::Value(from)]);
        for (slot, offset) in [(self.pc, layout.pc), (self.sp, layout.sp), (self.fp, layout.fp)] {
            let value = ir.load(8, false, registers, offset);
            ir.push(Op::Set(slot, value));
        }
        if let Some(offset) = layout.lr {
            let value = ir.load(8, false, registers, offset);
            ir.push(Op::Set(self.lr, value));
        }
        let mode = ir.load(8, false, registers, layout.mode);
        let (compat, kernel) = match self.arch {
            // The code segment of 32-bit programs; the lowest bits are the rights of the code.
            Arch::X86_64 => ((0xff, 0x23), Some((3, 0))),
            Arch::Aarch64 => ((0x10, 0x10), None),
        };
        let masked = ir.bin_int(Bin::And, mode, compat.0);
        let compat = ir.cmp_int(Cmp::Eq, masked, compat.1);
        self.stop_if(ir, compat, end::COMPAT, |_| ());
        if let Some((mask, wanted)) = kernel {
            let masked = ir.bin_int(Bin::And, mode, mask);
            let kernel = ir.cmp_int(Cmp::Eq, masked, wanted);
            self.stop_if(ir, kernel, end::WHOLE, |_| ());
        }
        let failed = ir.cmp_int(Cmp::SLt, failed, 0);
        self.stop_if(ir, failed, end::UNREADABLE, |_| ());
        let pc = ir.value(Op::Get(self.pc));
        let nowhere = ir.cmp_int(Cmp::Eq, pc, 0);
        self.stop_if(ir, nowhere, end::WHOLE, |_| ());
        let key = self.key_of(ir, process);
        let known = ir.lookup(self.maps.processes, key);
        let unknown = ir.value(Op::IsNull(known));
        ir.if_else(
            unknown,
            |_| (),
            |ir| {
                let first = ir.load(4, false, known, 0);
                let count = ir.load(4, false, known, 4);
                let last = ir.bin(Bin::Add, first, count);
                ir.push(Op::Set(self.first, first));
                ir.push(Op::Set(self.last, last));
            },
        );
    }

    /// The kernel's address of them.
    fn all_registers(&self, ir: &mut Builder, (stack, on_stack): (u32, i64)) -> Value {
        if on_stack == 0 {
            let task = ir.call(Helper::CurrentTaskBtf, vec![]);
            ir.call(Helper::TaskPtRegs, vec![Operand::Value(task)])
        } else {
            let task = ir.call(Helper::CurrentTask, vec![]);
            let from = ir.bin_int(Bin::Add, task, stack.into());
            let word = ir.slot_addr(self.word);
            ir.call(Helper::ProbeReadKernel, vec![Operand::Value(word), Operand::Int(8), Operand::Value(from)]);
            let stack = ir.load(8, false, word, 0);
            ir.bin_int(Bin::Add, stack, on_stack)
        }
    }

    /// Ends the walk if a condition holds; `leave` leaves what is under way.
    fn stop_if(&self, ir: &mut Builder, condition: Value, why: i64, leave: impl FnOnce(&mut Builder)) {
        ir.open();
        let (one, why) = (ir.int(1), ir.int(why));
        ir.push(Op::Set(self.over, one));
        ir.push(Op::Set(self.why, why));
        leave(ir);
        let then = ir.close();
        ir.push(Op::If { cond: condition, then, otherwise: Region::default() });
    }

    /// Steps until the walk is over, or there is no room.
    fn run(&self, ir: &mut Builder, step: SubId) {
        ir.open();
        let over = ir.value(Op::Get(self.over));
        ir.if_else(over, |ir| ir.push(Op::Break), |_| ());
        ir.push(Op::Invoke(step));
        let body = ir.close();
        if self.has_loop {
            let times = ir.int(self.limit.into());
            return ir.push(Op::Loop { kind: LoopKind::Repeat { times, index: None }, body });
        }
        ir.push(Op::Loop { kind: LoopKind::Bounded { count: self.limit.min(FEW), index: None }, body });
        if self.limit > FEW {
            let over = ir.value(Op::Get(self.over));
            let more = ir.cmp_int(Cmp::Eq, over, 0);
            self.stop_if(ir, more, end::FEW, |_| ());
        }
    }

    /// A subprogram that notes the place it is at and goes to its caller.
    fn step(&self, ir: &mut Builder) -> SubId {
        let outer = ir.begin_subprogram();
        self.note(ir);
        let at = self.place(ir);
        self.find_code(ir, at);
        let rule = self.find_rule(ir, at);
        self.go(ir, rule);
        ir.end_subprogram("unwind", outer)
    }

    fn note(&self, ir: &mut Builder) {
        let count = ir.value(Op::Get(self.count));
        let entry = ir.slot_addr(self.frames);
        let frames = ir.value(Op::Offset(entry, stack::ENTRY_HEADER));
        let index = ir.bin_int(Bin::Shl, count, 3);
        let to = ir.value(Op::Index { base: frames, index, bound: self.limit * 8 - 7 });
        let pc = ir.value(Op::Get(self.pc));
        ir.store(8, to, 0, pc);
        let count = ir.bin_int(Bin::Add, count, 1);
        ir.push(Op::Set(self.count, count));
    }

    /// The place that is looked up.
    fn place(&self, ir: &mut Builder) -> Value {
        let (pc, exact) = (ir.value(Op::Get(self.pc)), ir.value(Op::Get(self.exact)));
        let at = ir.bin(Bin::Add, pc, exact);
        ir.bin_int(Bin::Sub, at, 1)
    }
}

/// Leaves a step.
fn leave(ir: &mut Builder) {
    ir.push(Op::Return(0));
}

/// A number in the kernel's memory, read into a word's; 0 where there is none.
fn kernel_word(ir: &mut Builder, word: SlotId, bytes: u8, from: Value, offset: u32) -> Value {
    let word = ir.slot_addr(word);
    let at = ir.bin_int(Bin::Add, from, offset.into());
    ir.call(Helper::ProbeReadKernel, vec![Operand::Value(word), Operand::Int(bytes.into()), Operand::Value(at)]);
    ir.load(bytes, false, word, 0)
}
