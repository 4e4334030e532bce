//! Stacks: the arguments of the functions that take one, and the helper's call. Shared by both.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Builder, Cmp, EventDecl, Helper, LARGEST_SLOT, LoopKind, MapId, Op, Operand, Region, SlotId, Value};
use rbtrace_syntax::ast::Expr;
use rbtrace_types::{Arch, Feature, Space, Type};

use crate::compile::{Call, Complaint, LowerCx, Lowered, Place, TypeCx};
use crate::config;
use crate::named::stack::{self, Mode};
use crate::probes::registers;
use crate::variables::task_ids;
use crate::warnings::{FEW_FRAMES, STACK_LOST};

use super::stack_walk;
use super::stack_walk::returns::{self, Pending};

/// Frames of a stack when nothing is said.
const DEFAULT: u32 = 127;
/// Most frames.
const MOST: u32 = 1024;
/// `BPF_F_USER_STACK`
const USER: i64 = 1 << 8;
/// `BPF_F_USER_BUILD_ID`
const BUILD_ID: i64 = 1 << 11;

/// What a call asks for; says what is wrong with it.
pub(super) fn wanted(cx: &mut dyn TypeCx, function: &str, call: &Call, user: bool) -> (Mode, u32) {
    let (word, limit) = match call.args[..] {
        [] => (None, None),
        [only] if cx.identifier(only).is_some() => (Some(only), None),
        [only] => (None, Some(only)),
        [mode, limit, ..] => (Some(mode), Some(limit)),
    };
    let default = cx.config(config::stack_mode::ROW.name).and_then(|word| by_word(&word)).unwrap_or(Mode::Bpftrace);
    let mode = word.and_then(|arg| {
        let mode = cx.identifier(arg).and_then(by_word);
        if mode.is_none() {
            let message = format!(
                "Error parsing stack mode: {function}: Invalid value for stack_mode: valid values are bpftrace, raw, perf, and build_id."
            );
            let error = Diagnostic::error(arg.span, message).because("how the stack is written");
            cx.report(error);
        }
        mode
    });
    // The kernel itself has no build ids.
    let mode = Some(mode.unwrap_or(default)).filter(|mode| user || *mode != Mode::BuildId).unwrap_or(Mode::Raw);
    let limit = limit.map_or(DEFAULT, |arg| check_limit(cx, function, arg, most(mode)));
    (mode, limit)
}

/// The most frames of a stack: 1024, or what fits into one value.
fn most(mode: Mode) -> u32 {
    MOST.min((LARGEST_SLOT - stack::ENTRY_HEADER) / mode.frame_size())
}

fn check_limit(cx: &mut dyn TypeCx, function: &str, arg: &Expr, most: u32) -> u32 {
    let message = match cx.int_literal(arg) {
        Some(given) if given > most.into() => format!("{function}([int limit]): limit shouldn't exceed {most}, {given} given"),
        Some(given) if given >= 0 => return given as u32,
        Some(_) | None => format!("{function}: invalid limit value"),
    };
    cx.report(Diagnostic::error(arg.span, message).because(format!("a literal from 0 to {most} is wanted here")));
    DEFAULT
}

/// The kernel gives fewer frames than it is asked for where an administrator says so, and says nothing.
pub(super) fn warn_of_few(cx: &mut dyn TypeCx, function: &str, call: &Call, limit: u32) {
    // This many it gives anywhere.
    let most = if limit > DEFAULT { cx.facts().most_frames() } else { None };
    if let (Some(most), Some(arg)) = (most.filter(|most| *most < limit), call.args.last()) {
        let warning = FEW_FRAMES.at(arg.span, format!("the kernel gives {function} at most {most} frames"));
        cx.report(
            warning
                .because("what is further out is missing")
                .hint(format!("`sysctl kernel.perf_event_max_stack={limit}` has it give more")),
        );
    }
}

fn by_word(word: &str) -> Option<Mode> {
    Mode::ALL.into_iter().find(|mode| mode.word() == word)
}

/// Whose stack it is, and who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// That of the kernel.
    Kernel,
    /// That of the process, by frame pointers.
    Process,
    /// That of the process, by unwind tables.
    Unwound,
}

/// The stack of the kernel, or of the process with its id behind it.
pub(super) fn lower(cx: &mut dyn LowerCx, function: &str, call: &Call, source: Source) -> Lowered {
    let user = source != Source::Kernel;
    let (mode, limit) = wanted(cx, function, call, user);
    let process = user.then(|| task_ids::process_id(cx));
    let ir = cx.ir();
    let slot = ir.memory("stack", if user { stack::user(mode, limit) } else { stack::kernel(mode, limit) }.size());
    let value = ir.slot_addr(slot);
    if limit == 0 {
        let (nothing, mode) = (ir.int(0), ir.int(mode.number()));
        describe(ir, value, &Told { id: nothing, count: nothing, mode, table: 0, process });
        return Lowered::Mem(value);
    }
    let frames_size = mode.frame_size() * limit;
    let table = cx.stack_table(user, frames_size);
    let ir = cx.ir();
    let mark = ir.mark();
    let slot = ir.memory("frames", stack::ENTRY_HEADER + frames_size);
    let (bytes, mode_number) = match (source, process) {
        (Source::Unwound, Some(process)) => {
            let (bytes, cut) = stack_walk::lower(cx, call, slot, limit, process);
            (bytes, cx.ir().bin_int(Bin::Or, cut, mode.number() | stack::UNWOUND))
        }
        (Source::Unwound | Source::Kernel | Source::Process, _) => {
            // Build ids have no room for another's address.
            let is_plain = mode != Mode::BuildId;
            let caller = if is_plain && limit > 1 { caller(cx, user) } else { None };
            let (asked, ir) = (Asked::new(slot, frames_size, user, mode), cx.ir());
            let bytes = match &caller {
                Some(Caller { address, may_be_known: true }) => asked.take_without_or_with(ir, *address),
                Some(Caller { address, .. }) => asked.take_with(ir, *address),
                None => asked.take(ir, 0),
            };
            // Newer kernels do it themselves, but not with what was put in.
            if user && is_plain && (caller.is_some() || !cx.facts().has(Feature::WholeStacks)) {
                repair(cx, slot, bytes, frames_size);
            }
            (bytes, cx.ir().int(mode.number()))
        }
    };
    let ir = cx.ir();
    let entry = ir.slot_addr(slot);
    let frames = ir.value(Op::Offset(entry, stack::ENTRY_HEADER));
    let (id, check) = digest(ir, frames, bytes, frames_size);
    ir.store(8, entry, 0, check);
    let count = ir.bin_int(Bin::LShr, bytes, mode.frame_size().trailing_zeros().into());
    describe(ir, value, &Told { id, count, mode: mode_number, table: table.0, process });
    let process = process.unwrap_or_else(|| ir.int(0));
    ir.store(8, entry, stack::ENTRY_PROCESS, process);
    let is_named = matches!(mode, Mode::Bpftrace | Mode::Perf);
    if is_named && !user {
        cx.name_kernel();
    }
    let names = user && is_named && cx.follow_processes();
    cx.ir().open();
    keep(cx, call, &Stack { table, key: value, entry, check, process: names.then_some(process) });
    let ir = cx.ir();
    let then = ir.close();
    ir.push(Op::If { cond: count, then, otherwise: Region::default() });
    ir.release(mark);
    Lowered::Mem(value)
}

/// What the value of a stack says of it.
struct Told {
    id: Value,
    count: Value,
    mode: Value,
    table: u32,
    process: Option<Value>,
}

fn describe(ir: &mut Builder, value: Value, told: &Told) {
    ir.store(8, value, 0, told.id);
    ir.store(2, value, stack::COUNT, told.count);
    ir.store(2, value, stack::MODE, told.mode);
    let table = ir.int(told.table.into());
    ir.store(4, value, stack::TABLE, table);
    if let Some(process) = told.process {
        ir.store(8, value, stack::PROCESS, process);
    }
}

/// How the kernel is asked for a stack: behind an entry's header.
#[derive(Clone, Copy)]
struct Asked {
    slot: SlotId,
    /// Bytes of all frames.
    size: u32,
    flags: i64,
}

impl Asked {
    fn new(slot: SlotId, size: u32, user: bool, mode: Mode) -> Asked {
        let flags = if user { USER } else { 0 } | if mode == Mode::BuildId { BUILD_ID } else { 0 };
        Asked { slot, size, flags }
    }

    /// The frames' address, so many bytes behind the first one.
    fn frames(self, ir: &mut Builder, behind: u32) -> Value {
        let entry = ir.slot_addr(self.slot);
        ir.value(Op::Offset(entry, stack::ENTRY_HEADER + behind))
    }

    /// Has the kernel put the frames there; gives their bytes.
    fn take(self, ir: &mut Builder, behind: u32) -> Value {
        let to = self.frames(ir, behind);
        // The helper fills what it does not need with zeros, also when it fails.
        let size = Operand::Int((self.size - behind).into());
        let bytes = ir.call(Helper::GetStack, vec![Operand::Ctx, Operand::Value(to), size, Operand::Int(self.flags)]);
        let zero = ir.int(0);
        let failed = ir.cmp(Cmp::SLt, bytes, zero);
        ir.value(Op::Select(failed, zero, bytes))
    }

    /// The same, with the caller between the innermost frame and the others.
    fn take_with(self, ir: &mut Builder, caller: Value) -> Value {
        let bytes = self.take(ir, 8);
        let (frames, others) = (self.frames(ir, 0), self.frames(ir, 8));
        let innermost = ir.load(8, false, others, 0);
        ir.store(8, frames, 0, innermost);
        ir.store(8, others, 0, caller);
        let all = ir.bin_int(Bin::Add, bytes, 8);
        let zero = ir.int(0);
        let (nobody, nothing) = (ir.cmp_int(Cmp::Eq, caller, 0), ir.cmp_int(Cmp::Eq, bytes, 0));
        let all = ir.value(Op::Select(nobody, bytes, all));
        ir.value(Op::Select(nothing, zero, all))
    }

    /// The same, unless the kernel has put the caller there itself.
    fn take_without_or_with(self, ir: &mut Builder, caller: Value) -> Value {
        let result = ir.scalar("bytes");
        let bytes = self.take(ir, 0);
        ir.push(Op::Set(result, bytes));
        let frames = self.frames(ir, 0);
        let second = ir.load(8, false, frames, 8);
        let differs = ir.cmp(Cmp::Ne, second, caller);
        let add = |ir: &mut Builder| {
            let bytes = self.take_with(ir, caller);
            ir.push(Op::Set(result, bytes));
        };
        ir.if_else(differs, add, |_| ());
        ir.value(Op::Get(result))
    }
}

/// Who called the function whose first instruction is reached.
struct Caller {
    /// 0: it returns to nobody.
    address: Value,
    /// Whether the kernel may know it: what Linux 6.12 learned went into some that are older.
    may_be_known: bool,
}

/// Where the function returns to whose first instruction is reached, if the kernel leaves that out.
fn caller(cx: &mut dyn LowerCx, user: bool) -> Option<Caller> {
    let (facts, space) = (cx.facts(), if user { Space::User } else { Space::Kernel });
    let is_hidden = |place: &&Place| place.probe_type.space == space && (place.probe_type.hides_caller)(facts, place);
    if !cx.places().iter().all(is_hidden) {
        return None;
    }
    let may_be_known = facts.arch() == Arch::X86_64 && !facts.has(Feature::WholeStacks);
    // A stack that cannot be read is no failed read of the script's.
    let watched = std::mem::take(&mut cx.ir().watched);
    let address = registers::read_return_address(cx);
    cx.ir().watched = watched;
    Some(Caller { address, may_be_known })
}

/// Puts the callers of functions whose return is watched into the frames.
fn repair(cx: &mut dyn LowerCx, slot: SlotId, bytes: Value, frames_size: u32) {
    let Some(list) = returns::list(cx.facts()) else { return };
    let ir = cx.ir();
    // A list that ends is no failed read of the script's.
    let watched = std::mem::take(&mut ir.watched);
    let pending = Pending::new(ir, list);
    let entry = ir.slot_addr(slot);
    let frames = ir.value(Op::Offset(entry, stack::ENTRY_HEADER));
    pending.repair(ir, frames, bytes, frames_size);
    ir.watched = watched;
}

/// Two hashes of the words of a stack. One of 64 bits tells a million stacks apart (they meet by chance once in 10^7 runs); the other says
/// when it did not.
fn digest(ir: &mut Builder, frames: Value, bytes: Value, frames_size: u32) -> (Value, Value) {
    // Odd, so that no bit of a state is lost; the fraction of the golden ratio and a relative of it, with as many ones as zeros.
    const FACTORS: [i64; 2] = [0x9e37_79b9_7f4a_7c15_u64 as i64, 0xd1b5_4a32_d192_ed03_u64 as i64];
    let states = FACTORS.map(|factor| {
        let state = ir.scalar("digest");
        let start = ir.int(factor);
        ir.push(Op::Set(state, start));
        state
    });
    let index = ir.scalar("word");
    ir.open();
    let index_now = ir.value(Op::Get(index));
    let at = ir.bin_int(Bin::Shl, index_now, 3);
    let is_behind = ir.cmp(Cmp::ULe, bytes, at);
    ir.if_else(is_behind, |ir| ir.push(Op::Break), |_| ());
    let word = ir.value(Op::Index { base: frames, index: at, bound: frames_size - 7 });
    let word = ir.load(8, false, word, 0);
    for (state, factor) in states.into_iter().zip(FACTORS) {
        let now = ir.value(Op::Get(state));
        let mixed = ir.bin(Bin::Xor, now, word);
        let mixed = ir.bin_int(Bin::Mul, mixed, factor);
        ir.push(Op::Set(state, mixed));
    }
    let body = ir.close();
    ir.push(Op::Loop { kind: LoopKind::Bounded { count: frames_size / 8, index: Some(index) }, body });
    // A product's low bits know nothing of the high ones, and the kernel's table takes the key as it is.
    let [id, check] = states.map(|state| {
        let state = ir.value(Op::Get(state));
        let high = ir.bin_int(Bin::LShr, state, 32);
        ir.bin(Bin::Xor, state, high)
    });
    (id, check)
}

/// A stack on its way to its table.
#[derive(Clone, Copy)]
struct Stack {
    table: MapId,
    /// Address of its hash.
    key: Value,
    /// Address of what is kept.
    entry: Value,
    check: Value,
    /// The process, if it is wanted to be known.
    process: Option<Value>,
}

/// Puts a stack into its table, if it is not there.
fn keep(cx: &mut dyn LowerCx, call: &Call, stack: &Stack) {
    let (span, Stack { table, key, entry, check, process }) = (call.span, *stack);
    let ir = cx.ir();
    let known = ir.lookup(table, key);
    let is_new = ir.value(Op::IsNull(known));
    ir.open();
    let done = ir.update(table, key, entry, 0);
    let failed = ir.cmp_int(Cmp::SLt, done, 0);
    complain_if(cx, failed, Complaint { warning: &STACK_LOST, span, text: "", helper: Some((Helper::MapUpdate, done)) });
    if let Some(process) = process {
        // Equal wherever it stands, so that all stacks share one event.
        let met = EventDecl { handler: call.name.into(), args: vec![Type::U64], ..EventDecl::default() };
        cx.emit(met, &[Lowered::Int(process)]);
    }
    let then = cx.ir().close();
    cx.ir().open();
    let ir = cx.ir();
    let kept = ir.load(8, false, known, 0);
    let differs = ir.cmp(Cmp::Ne, kept, check);
    complain_if(
        cx,
        differs,
        Complaint { warning: &STACK_LOST, span, text: "two stacks have the same hash; the first one is shown for both", helper: None },
    );
    let otherwise = cx.ir().close();
    cx.ir().push(Op::If { cond: is_new, then, otherwise });
}

fn complain_if(cx: &mut dyn LowerCx, cond: Value, complaint: Complaint<'_>) {
    cx.ir().open();
    cx.complain(complaint);
    let then = cx.ir().close();
    cx.ir().push(Op::If { cond, then, otherwise: Region::default() });
}
