//! IR → LLVM → BPF object file. The only crate that says `inkwell`; it translates operations and knows no builtin of the language.
//!
//! The object holds one section per kind of attachment, `.maps` described by BTF, read-only data and line information. What becomes of a
//! program is decided in this order: [`slots`] places its memory, [`function`] walks its regions and hands each operation to a method of
//! [`ops`], [`machine`] optimises and emits, [`frames`] checks the stack of what came out.

// A new variant is to break every place that forgets it.
#![warn(clippy::wildcard_enum_match_arm)]

mod builder;
mod c_code;
mod debug;
mod frames;
mod function;
mod loops;
mod machine;
mod maps;
mod module;
mod ops;
mod slots;

use std::fmt;

use rbtrace_ir::{Function, Program, Sources};

use crate::machine::Machine;
use crate::slots::Frugality;

/// The instruction set level of the kernel that will run the programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Jumps on less-than; every kernel since 4.14.
    V2,
    /// 32-bit jumps and arithmetic; 5.12.
    #[default]
    V3,
    /// Long jumps and sign-extending loads; 6.6.
    V4,
}

impl Isa {
    /// LLVM's name for it.
    pub fn cpu(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
            Self::V4 => "v4",
        }
    }
}

/// What to compile for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target {
    /// Instruction set level.
    pub isa: Isa,
    /// Also give the texts of [`Listings`].
    pub listings: bool,
    /// Keep values in memory from the start, as is done for programs that outgrow the stack. Slower code, but easy on the verifier, which
    /// follows registers and the stack.
    pub frugal: bool,
    /// Have LLVM check its text before the passes, as a mistake of ours may otherwise show far behind its cause.
    pub verify: bool,
}

/// A compiled script.
#[derive(Clone, Debug)]
pub struct Object {
    /// The ELF file.
    pub elf: Vec<u8>,
    /// Texts for `-d`, when asked for.
    pub listings: Option<Listings>,
}

/// The stages within the code generator, as texts.
#[derive(Clone, Debug)]
pub struct Listings {
    /// LLVM IR as built.
    pub llvm: String,
    /// LLVM IR after the passes.
    pub optimized: String,
    /// BPF assembly.
    pub asm: String,
}

/// Why no object came out. All but [`CodegenError::TooMuchMemory`] and those about functions of C are bugs of rbtrace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodegenError {
    /// LLVM refused; its words.
    Llvm(String),
    /// What a compiler of C wrote cannot be read; LLVM's words.
    Bitcode(String),
    /// A slot is larger than per-CPU memory can be.
    SlotTooLarge {
        /// The function.
        function: String,
        /// The slot.
        slot: String,
        /// Its bytes.
        size: u32,
    },
    /// The slots of a function take so many pieces of memory that their addresses fill the stack.
    TooMuchMemory {
        /// Its index in the program.
        function: usize,
        /// Bytes of all its slots.
        bytes: u32,
    },
    /// A function of C calls itself, directly or by way of others.
    Recursion {
        /// The function.
        function: String,
    },
    /// A function of C and what calls it need more stack than BPF has.
    CStackTooDeep {
        /// The function.
        function: String,
        /// Bytes of all of them.
        bytes: u32,
    },
    /// A function needs more stack than BPF has, in spite of everything.
    StackTooDeep {
        /// The function.
        function: String,
        /// Its bytes.
        bytes: u32,
    },
}

impl fmt::Display for CodegenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Llvm(message) => write!(f, "LLVM: {message}"),
            Self::Bitcode(message) => {
                let version = llvm_version();
                write!(f, "what clang made of an imported file cannot be read: {message}; a clang that is not newer than {version} helps")
            }
            Self::SlotTooLarge { function, slot, size } => {
                write!(f, "`{slot}` in program `{function}` takes {size} bytes; {} are possible", slots::CHUNK)
            }
            Self::TooMuchMemory { bytes, .. } => write!(f, "the values of this probe take {} KiB", bytes / 1024),
            Self::Recursion { function } => write!(f, "`{function}` calls itself, which the kernel lets no program do"),
            Self::CStackTooDeep { function, bytes } => {
                write!(f, "`{function}` and the functions that call it need {bytes} bytes of stack; BPF has {}", frames::STACK)
            }
            Self::StackTooDeep { function, bytes } => {
                write!(f, "program `{function}` needs {bytes} bytes of stack; BPF has {}", frames::STACK)
            }
        }
    }
}

impl std::error::Error for CodegenError {}

/// Compiles a verified program. `sources` are the texts its spans point into; without them there is no line information.
///
/// Values first live where LLVM likes. A program whose temporaries outgrow the BPF stack is compiled once more, with its values kept in
/// per-CPU memory: rare, slower, never refused.
pub fn compile(program: &Program, target: &Target, sources: Option<&Sources>) -> Result<Object, CodegenError> {
    let machine = Machine::new(target.isa)?;
    if !target.frugal {
        let normal = compile_with(program, target, sources, &machine, Frugality::Normal);
        if !matches!(normal, Err(CodegenError::StackTooDeep { .. } | CodegenError::CStackTooDeep { .. })) {
            return normal;
        }
    }
    compile_with(program, target, sources, &machine, Frugality::Frugal).map_err(|error| explained(error, program))
}

/// A stack that is full in spite of everything is full of addresses where there are many.
fn explained(error: CodegenError, program: &Program) -> CodegenError {
    const MANY: u32 = 16 * slots::CHUNK;
    let CodegenError::StackTooDeep { function: full, .. } = &error else { return error };
    let at = program.functions.iter().position(|function| *full == function.name || full.starts_with(&format!("{}__", function.name)));
    let bytes_of = |function: &Function| function.slots.iter().map(|slot| slot.size).sum::<u32>();
    match at.map(|function| (function, bytes_of(&program.functions[function]))) {
        Some((function, bytes)) if bytes >= MANY => CodegenError::TooMuchMemory { function, bytes },
        Some(_) | None => error,
    }
}

/// The LLVM inside.
pub fn llvm_version() -> String {
    let (major, minor, patch) = inkwell::support::get_llvm_version();
    format!("{major}.{minor}.{patch}")
}

fn compile_with(
    program: &Program,
    target: &Target,
    sources: Option<&Sources>,
    machine: &Machine,
    frugality: Frugality,
) -> Result<Object, CodegenError> {
    let places = slots::place(program, frugality)?;
    machine::in_context(|context| {
        let (module, chains) = module::build(context, machine, program, &places, sources)?;
        if target.verify {
            module.verify().map_err(|error| CodegenError::Llvm(error.to_string()))?;
        }
        let emitted = machine.emit(&module, target.listings)?;
        frames::check(&emitted.elf, &chains)?;
        Ok(emitted)
    })
}
