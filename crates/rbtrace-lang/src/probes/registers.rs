//! Where the registers of a syscall are: offsets in the kernel's `struct pt_regs`, and how a program reads them. The only place that
//! knows an architecture's registers.
//!
//! Sources: `arch/x86/include/asm/ptrace.h`, `arch/arm64/include/asm/ptrace.h`; both layouts are as old as the architectures' BPF support.

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Helper, Op, Operand, ProgramType};
use rbtrace_types::{Arch, Facts, Feature, Type};

use crate::compile::LowerCx;

/// What a program may ask of the registers that a syscall was entered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Register {
    /// An argument of the syscall, from 0 to 5.
    Argument(u32),
    /// The number of the syscall.
    SyscallNumber,
}

/// Offset and size of a register.
fn place(arch: Arch, register: Register) -> (u32, u8) {
    match (arch, register) {
        // di, si, dx, r10, r8, r9
        (Arch::X86_64, Register::Argument(index)) => ([112, 104, 96, 56, 72, 64][index as usize % 6], 8),
        // orig_ax
        (Arch::X86_64, Register::SyscallNumber) => (120, 8),
        // The first argument's register gets the result; the kernel keeps a copy in orig_x0.
        (Arch::Aarch64, Register::Argument(0)) => (272, 8),
        (Arch::Aarch64, Register::Argument(index)) => (8 * index, 8),
        // syscallno, an int
        (Arch::Aarch64, Register::SyscallNumber) => (280, 4),
    }
}

/// The names that there are, for people.
pub fn names(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "ax, bx, cx, dx, si, di, bp, sp, r8 to r15, ip (or pc), flags, cs, ss, orig_rax",
        Arch::Aarch64 => "x0 to x30 (or r0 to r30), fp, lr, sp, pc, pstate",
    }
}

/// The offset of a register that C code calls so.
pub fn by_name(arch: Arch, name: &str) -> Option<u32> {
    // In the order of x86's `struct pt_regs`.
    const X86_64: [&str; 21] = [
        "r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di", "orig_rax", "ip", "cs", "flags",
        "sp", "ss",
    ];
    let index = match (arch, name) {
        (_, "pc") if arch == Arch::X86_64 => 16,
        (Arch::X86_64, name) => X86_64.iter().position(|known| *known == name)? as u32,
        (Arch::Aarch64, "fp") => 29,
        (Arch::Aarch64, "lr") => 30,
        (Arch::Aarch64, "sp") => 31,
        (Arch::Aarch64, "pc") => 32,
        (Arch::Aarch64, "pstate") => 33,
        // `regs` of C's struct, and as the assembler calls them.
        (Arch::Aarch64, name) => name.strip_prefix(['r', 'x'])?.parse().ok().filter(|number| *number <= 30)?,
    };
    Some(8 * index)
}

/// The offset of the register that debug information calls by a number; none for those that the kernel does not show.
pub(super) fn by_debug_number(arch: Arch, number: u16) -> Option<u32> {
    match arch {
        // ax, dx, cx, bx, si, di, bp, sp, r8 to r15, ip
        Arch::X86_64 => [80, 96, 88, 40, 104, 112, 32, 152, 72, 64, 56, 48, 24, 16, 8, 0, 128].get(usize::from(number)).copied(),
        Arch::Aarch64 => (number <= 31).then(|| 8 * u32::from(number)),
    }
}

/// How many arguments of a C function are in registers.
pub(super) fn argument_count(arch: Arch) -> u32 {
    match arch {
        Arch::X86_64 => 6,
        Arch::Aarch64 => 8,
    }
}

/// The offset of an argument of a C function.
fn argument(arch: Arch, index: u32) -> u32 {
    match arch {
        // di, si, dx, cx, r8, r9
        Arch::X86_64 => [112, 104, 96, 88, 72, 64][index as usize % 6],
        Arch::Aarch64 => 8 * (index % 8),
    }
}

/// The offset of what a C function returns: ax, x0.
fn return_value(arch: Arch) -> u32 {
    match arch {
        Arch::X86_64 => 80,
        Arch::Aarch64 => 0,
    }
}

/// The offset of the stack pointer.
pub(crate) fn stack_pointer(arch: Arch) -> u32 {
    match arch {
        Arch::X86_64 => 152,
        Arch::Aarch64 => 248,
    }
}

/// The offset of the instruction pointer.
pub(crate) fn instruction_pointer(arch: Arch) -> u32 {
    match arch {
        Arch::X86_64 => 128,
        Arch::Aarch64 => 256,
    }
}

/// How far behind a breakpoint the instruction pointer is when its program runs.
pub(crate) fn breakpoint_size(arch: Arch) -> i64 {
    match arch {
        Arch::X86_64 => 1,
        Arch::Aarch64 => 0,
    }
}

/// Words on the stack below the first argument there, where a function begins.
pub(crate) fn return_address_words(arch: Arch) -> u32 {
    match arch {
        Arch::X86_64 => 1,
        Arch::Aarch64 => 0,
    }
}

/// An argument of the C function that a program whose context is the registers is at.
pub(super) fn read_argument(cx: &mut dyn LowerCx, index: u32) -> ir::Value {
    let offset = argument(cx.facts().arch(), index);
    cx.ir().value(Op::LoadCtx { bytes: 8, signed: false, offset })
}

/// The offset of the register with an argument of a function, from 0; none for those on the stack.
pub(super) fn parameter(arch: Arch, index: u32) -> Option<u32> {
    (index < argument_count(arch)).then(|| argument(arch, index))
}

/// What a register holds of a value of a type: the rest of its bits is anything.
pub(crate) fn narrowed(b: &mut ir::Builder, register: ir::Value, ty: &Type) -> ir::Value {
    let (bytes, signed) = if let Type::Enum(of) = ty { (4, of.has_negative()) } else { (ty.size() as u8, ty.is_signed()) };
    if bytes == 8 { register } else { b.value(Op::Extend { value: register, bytes, signed }) }
}

/// What the C function returns that a program whose context is the registers is at the end of.
pub(super) fn read_result(cx: &mut dyn LowerCx) -> ir::Value {
    let offset = return_value(cx.facts().arch());
    cx.ir().value(Op::LoadCtx { bytes: 8, signed: false, offset })
}

/// Where a function of a process returns to, at its first instruction, on aarch64 one of the kernel, too: in a register (x30), or on the stack.
pub(crate) fn read_return_address(cx: &mut dyn LowerCx) -> ir::Value {
    let arch = cx.facts().arch();
    let b = cx.ir();
    match arch {
        Arch::Aarch64 => b.value(Op::LoadCtx { bytes: 8, signed: false, offset: 8 * 30 }),
        Arch::X86_64 => {
            let stack = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: stack_pointer(arch) });
            let slot = b.memory("register", 8);
            let to = b.slot_addr(slot);
            // Where it fails there are zeros.
            b.call(Helper::ProbeReadUser, vec![Operand::Value(to), Operand::Int(8), Operand::Value(stack)]);
            b.load(8, false, to, 0)
        }
    }
}

/// Reads a register through the `struct pt_regs *` that is the first word of the context.
pub(super) fn read(cx: &mut dyn LowerCx, program_type: ProgramType, register: Register) -> ir::Value {
    let (offset, bytes) = place(cx.facts().arch(), register);
    let b = cx.ir();
    let registers = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: 0 });
    if program_type == ProgramType::TypedRawTracepoint {
        return b.value(Op::LoadTrusted { bytes, signed: bytes < 8, pointer: registers, offset });
    }
    read_kernel(b, registers, offset, bytes)
}

/// Reads a signed integer from kernel memory; 0 where that fails.
fn read_kernel(b: &mut ir::Builder, base: ir::Value, offset: u32, bytes: u8) -> ir::Value {
    let slot = b.memory("register", 8);
    let to = b.slot_addr(slot);
    let from = b.bin_int(Bin::Add, base, offset.into());
    let args = vec![Operand::Value(to), Operand::Int(bytes.into()), Operand::Value(from)];
    b.call(Helper::ProbeReadKernel, args);
    b.load(bytes, true, to, 0)
}

/// Whether the current syscall is one of a 32-bit task on a 64-bit kernel; none where this kernel does not say how to tell.
pub(super) fn is_compat_call(cx: &mut dyn LowerCx) -> Option<ir::Value> {
    let (offset, bytes, bit) = compat_flag(cx.facts())?;
    let direct = cx.facts().has(Feature::CurrentTaskBtf);
    let b = cx.ir();
    let flags = if direct {
        let task = b.call(Helper::CurrentTaskBtf, vec![]);
        b.value(Op::LoadTrusted { bytes, signed: false, pointer: task, offset })
    } else {
        let task = b.call(Helper::CurrentTask, vec![]);
        read_kernel(b, task, offset, bytes)
    };
    Some(b.bin_int(Bin::And, flags, bit))
}

/// Offset in `struct task_struct`, size and mask of the flag that marks a 32-bit syscall. `struct thread_info` is the task's first member
/// (`CONFIG_THREAD_INFO_IN_TASK`, both architectures).
fn compat_flag(facts: &dyn Facts) -> Option<(u32, u8, i64)> {
    let (field, bit) = match facts.arch() {
        // TS_COMPAT
        Arch::X86_64 => ("status", 1 << 1),
        // TIF_32BIT
        Arch::Aarch64 => ("flags", 1 << 22),
    };
    let Type::Struct(info) = facts.kernel_type("struct thread_info")? else { return None };
    let field = info.field(field)?;
    Some((field.offset, field.ty.size() as u8, bit))
}
