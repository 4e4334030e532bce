//! The operations. Structured: regions nest, control flow is `If`, `Switch` and `Loop`.
//!
//! There are two kinds of values: 64-bit integers and addresses of memory that a BPF program may touch directly. All
//! narrower types exist in memory only: a load extends, a store truncates. Kernel and user addresses are integers;
//! they are read through helpers. User variables are slots, never values: a value is used in the region that made it
//! or in regions nested in it, but never inside the body of a `Repeat`, `ForEach` or `Memory` loop that did not make it: that body becomes a
//! function of its own.

use rbtrace_diag::Span;

use crate::helper::Helper;
use crate::manifest::{EventId, LossId, Manifest, MapId};

/// The most bytes that one slot can have, and so the size of the largest value: the kernel gives a per-CPU map no larger entries.
pub const LARGEST_SLOT: u32 = 32 << 10;

/// A result of an instruction, numbered within its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub u32);

/// Memory of a function; an index into [`Function::slots`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub u32);

/// A subprogram; an index into [`Function::subprograms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubId(pub u32);

/// Read-only bytes; an index into [`Program::constants`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConstantId(pub u32);

/// Index into [`CCode::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CId(pub u32);

/// Everything that is compiled and shipped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// One BPF program each; `functions[i]` belongs to `manifest.programs[i]`.
    pub functions: Vec<Function>,
    /// Read-only data.
    pub constants: Vec<Constant>,
    /// What the functions call that was written in C.
    pub c_code: CCode,
    /// What the runtime needs.
    pub manifest: Manifest,
}

/// Functions that were written in C.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CCode {
    /// LLVM's bitcode, of one file each.
    pub bitcode: Vec<Vec<u8>>,
    /// Those that are called.
    pub functions: Vec<CFunction>,
}

/// A function that is in one of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CFunction {
    /// Its name.
    pub name: String,
    /// How many parameters it has: integers and pointers.
    pub params: usize,
    /// Of the value that it gives, which is an integer or a pointer: whether it is signed. `None`: it gives none.
    pub signed: Option<bool>,
}

/// Read-only bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    /// Its content; its length is a multiple of 8 (padded with zeros).
    pub bytes: Vec<u8>,
}

/// The kind of BPF program, which decides what the context looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProgramType {
    /// `raw_tp`: context is an array of u64.
    RawTracepoint,
    /// `tp_btf` on the named event: context is an array of u64 whose pointers may be loaded from directly.
    TypedRawTracepoint,
    /// `tracepoint`: context is the record of the format file.
    Tracepoint,
    /// `perf_event`
    PerfEvent,
    /// `iter` of some kind: context is an array of u64 whose pointers may be loaded from directly once they were tested.
    Iterator,
    /// `kprobe`, which serves functions of the kernel and of processes: context is `struct pt_regs`.
    Kprobe,
    /// `xdp`: the kernel runs it many times in a row when asked to, and measures. Its context is of no use to scripts.
    Xdp,
    /// `fentry`, `fexit`: context is an array of u64 with the function's arguments, whose pointers may be loaded from directly, and at its
    /// end the result behind them.
    Trampoline,
}

impl ProgramType {
    /// The kernel's number of it, `BPF_PROG_TYPE_…`.
    pub fn number(self) -> u32 {
        match self {
            ProgramType::Kprobe => 2,
            ProgramType::Tracepoint => 5,
            ProgramType::Xdp => 6,
            ProgramType::PerfEvent => 7,
            ProgramType::RawTracepoint => 17,
            ProgramType::TypedRawTracepoint | ProgramType::Iterator | ProgramType::Trampoline => 26,
        }
    }
}

/// The body of one BPF program.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Symbol and kernel name: a C identifier, unique.
    pub name: String,
    /// Its program type.
    pub program_type: ProgramType,
    /// Its memory.
    pub slots: Vec<SlotDecl>,
    /// What it does. Falls off the end: returns 0.
    pub body: Region,
    /// What it invokes, each before those that invoke it.
    pub subprograms: Vec<Subprogram>,
    /// One more than the largest [`Value`] in use.
    pub values: u32,
}

/// A part of a program that can be run from several places of it. Arguments and result lie in slots of the function that both sides know.
#[derive(Clone, Debug, PartialEq)]
pub struct Subprogram {
    /// For people.
    pub name: String,
    /// What it does; `Return` leaves it, and only it. Uses only its own values, like the body of a callback loop.
    pub body: Region,
}

/// Memory of a function. The code generator decides where it lives: a register, the stack within a fixed budget, or
/// per-CPU scratch. Content at entry is undefined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotDecl {
    /// For people: `$x`, `key`.
    pub name: String,
    /// Bytes, > 0.
    pub size: u32,
    /// Only used by `Get` and `Set` (size ≤ 8): may live in a register.
    pub scalar: bool,
}

/// Instructions in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Region {
    /// In order; `Break`, `Continue` and `Return` only last.
    pub insts: Vec<Inst>,
}

/// An operation, its result and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Inst {
    /// The value it defines, for operations that have one.
    pub result: Option<Value>,
    /// What to do.
    pub op: Op,
    /// The source it was lowered from; becomes BPF line information.
    pub span: Option<Span>,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A 64-bit integer.
    Int,
    /// An address that may be loaded from and stored to.
    Addr,
    /// An address or null: must be tested with `IsNull` first.
    AddrOrNull,
}

/// Binary operations on 64-bit integers. Shift counts are taken modulo 64; division by zero gives 0, modulo by zero the dividend (as BPF
/// does).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "U and S prefix: unsigned, signed")]
pub enum Bin {
    Add,
    Sub,
    Mul,
    UDiv,
    SDiv,
    URem,
    SRem,
    And,
    Or,
    Xor,
    Shl,
    LShr,
    AShr,
}

/// Comparisons; the result is 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "U and S prefix: unsigned, signed")]
pub enum Cmp {
    Eq,
    Ne,
    ULt,
    ULe,
    UGt,
    UGe,
    SLt,
    SLe,
    SGt,
    SGe,
}

/// An argument of a helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// An integer or an address.
    Value(Value),
    /// A constant integer.
    Int(i64),
    /// The program's context.
    Ctx,
    /// A map of the manifest.
    Map(MapId),
}

/// What a loop goes over.
#[derive(Clone, Debug, PartialEq)]
pub enum LoopKind {
    /// A small fixed number of times, emitted inline: the verifier walks it.
    Bounded {
        /// How often, ≤ 4096.
        count: u32,
        /// Counts from 0.
        index: Option<SlotId>,
    },
    /// At most `times` (an integer value, clamped to 8,388,608) times; `index` counts from 0. Needs `bpf_loop`.
    Repeat {
        /// How often.
        times: Value,
        /// Counts from 0.
        index: Option<SlotId>,
    },
    /// Once per entry of a map; the entry's key and value are copied to slots first. For a per-CPU map the value is that
    /// of the current CPU. Needs `bpf_for_each_map_elem`.
    ForEach {
        /// The map.
        map: MapId,
        /// Gets the key.
        key: SlotId,
        /// Gets the value.
        value: Option<SlotId>,
    },
    /// Once, if the current process has memory at a place and the kernel can look at once, which it cannot where others change that memory;
    /// else not at all. Needs `bpf_find_vma`.
    Memory {
        /// The place.
        at: Value,
        /// Gets the kernel's address of what describes it, a `struct vm_area_struct`.
        area: SlotId,
    },
}

/// One operation. Addresses are values of kind `Addr`; offsets are constant bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// → Int.
    Const(i64),
    /// → Int.
    Bin(Bin, Value, Value),
    /// → Int, 0 or 1.
    Cmp(Cmp, Value, Value),
    /// → Int: keeps the low `bytes` (1, 2, 4) and extends them to 64 bits.
    Extend {
        /// The integer.
        value: Value,
        /// 1, 2 or 4.
        bytes: u8,
        /// Sign or zero extension.
        signed: bool,
    },
    /// → Int: `if cond != 0 then a else b`.
    Select(Value, Value, Value),
    /// → Int: the smaller (unsigned) of a value and a constant, in a form the verifier can follow.
    Clamp(Value, u32),
    /// → Int: the content of a scalar slot, extended to 64 bits as it was stored.
    Get(SlotId),
    /// Stores 64 bits into a scalar slot.
    Set(SlotId, Value),
    /// → Addr of a slot's memory.
    Slot(SlotId),
    /// → Addr of read-only bytes.
    ConstAddr(ConstantId),
    /// → Addr: a constant number of bytes further.
    Offset(Value, u32),
    /// → Addr: `index` bytes further, where `index` < `bound` is guaranteed (clamped) by the code generator.
    Index {
        /// The start.
        base: Value,
        /// An integer, in bytes.
        index: Value,
        /// Largest index + 1; the accessed bytes must lie within the memory even for index `bound - 1`.
        bound: u32,
    },
    /// → Int, extended to 64 bits.
    Load {
        /// 1, 2, 4 or 8.
        bytes: u8,
        /// Sign or zero extension.
        signed: bool,
        /// Where.
        addr: Value,
        /// Constant offset.
        offset: u32,
    },
    /// Stores the low bytes.
    Store {
        /// 1, 2, 4 or 8.
        bytes: u8,
        /// Where.
        addr: Value,
        /// Constant offset.
        offset: u32,
        /// What.
        value: Value,
    },
    /// Copies a constant number of bytes; the areas do not overlap.
    Copy {
        /// To.
        to: Value,
        /// From.
        from: Value,
        /// Bytes.
        bytes: u32,
    },
    /// Fills with zeros.
    Zero {
        /// Where.
        addr: Value,
        /// Bytes.
        bytes: u32,
    },
    /// Adds to an aligned 8-byte integer in map memory, atomically among CPUs.
    AtomicAdd {
        /// Where.
        addr: Value,
        /// Constant offset.
        offset: u32,
        /// What.
        value: Value,
    },
    /// → Int: 1 if the first `bytes` of both areas are equal.
    MemEq(Value, Value, u32),
    /// → Int: a field of the program's context, extended to 64 bits.
    LoadCtx {
        /// 1, 2, 4 or 8.
        bytes: u8,
        /// Sign or zero extension.
        signed: bool,
        /// Constant offset.
        offset: u32,
    },
    /// → Int: the kernel address of the program's context, for what lies in it at offsets only known at run time (`__data_loc`).
    CtxAddr,
    /// → Int: an address as a number, for scripts that ask for it. The verifier still knows what it points to.
    AddrInt(Value),
    /// → Int: reads through a pointer that the verifier trusts (an argument of a typed raw tracepoint, the current task).
    LoadTrusted {
        /// 1, 2, 4 or 8.
        bytes: u8,
        /// Sign or zero extension.
        signed: bool,
        /// The pointer.
        pointer: Value,
        /// Constant offset.
        offset: u32,
    },
    /// → as the helper's row says. Calls a kernel helper.
    Call(Helper, Vec<Operand>),
    /// → AddrOrNull of the single entry of an array or per-CPU array map (for per-CPU: of this CPU).
    Global(MapId),
    /// → Int, 1 if null. In a branch taken when it is 0 the address may be used.
    IsNull(Value),
    /// Reserves `bytes` of payload for an event, runs `fill` with the payload's address as `payload`, submits. When the buffer is
    /// full the event's loss is counted and `fill` is not run.
    Emit {
        /// Which event; the record's header is written by the code generator.
        event: EventId,
        /// Payload bytes.
        bytes: u32,
        /// Addr defined inside `fill`.
        payload: Value,
        /// Only loads, stores, copies and arithmetic: no loop, no `Return`, no second `Emit`.
        fill: Region,
    },
    /// Counts one loss.
    Loss(LossId),
    /// → Int: how often that was lost so far.
    Lost(LossId),
    /// `if cond != 0`
    If {
        /// The condition.
        cond: Value,
        /// If not 0.
        then: Region,
        /// If 0.
        otherwise: Region,
    },
    /// Takes the region whose keys contain the value, else `default`.
    Switch {
        /// The value.
        value: Value,
        /// Keys are unique over all cases.
        cases: Vec<(Vec<u64>, Region)>,
        /// Otherwise.
        default: Region,
    },
    /// Runs `body` again and again.
    Loop {
        /// Over what.
        kind: LoopKind,
        /// What.
        body: Region,
    },
    /// Runs a subprogram, then goes on here.
    Invoke(SubId),
    /// → Int: calls a function of [`CCode`]; each argument is cut to what its parameter holds. 0 for one that gives no value.
    CallC(CId, Vec<Operand>),
    /// Leaves the innermost loop.
    Break,
    /// Goes on with the next round of the innermost loop.
    Continue,
    /// Leaves the program or the subprogram, also from within loops.
    Return(i64),
}
