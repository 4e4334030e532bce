//! What a machine can tell a compiler: [`Facts`]. No answer is ever guessed; an unknown thing is `None`.

use std::sync::Arc;

use crate::binary::{Function, Marker, Naming, Symbol, named};
use crate::c_object::{CFailure, CObject};
use crate::debug_info::{Declaration, NoLine, SourceLine, Variable};
use crate::format::TracepointFormat;
use crate::headers::{Answer, Question};
use crate::ty::{Enum, Struct, Type};

/// The module name of what is built into the kernel.
pub const VMLINUX: &str = "vmlinux";

/// A processor architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their own names")]
pub enum Arch {
    X86_64,
    Aarch64,
}

/// Something a kernel has or lacks (SPEC Appendix D).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    /// `bpf_loop` (5.17).
    Loop,
    /// `bpf_for_each_map_elem` (5.13).
    ForEachMapElem,
    /// `bpf_map_lookup_percpu_elem` (5.19).
    LookupPerCpu,
    /// `bpf_ktime_get_boot_ns` (5.8).
    BootTime,
    /// `bpf_ktime_get_tai_ns` (6.1).
    TaiTime,
    /// Raw tracepoints with typed arguments (`tp_btf`, 5.5 with BTF).
    TypedRawTracepoint,
    /// `bpf_get_attach_cookie` (5.15).
    AttachCookie,
    /// `bpf_get_ns_current_pid_tgid` (5.7).
    NamespacePid,
    /// BPF instruction set v3 with 32-bit jumps and atomics (5.12).
    IsaV3,
    /// Instruction set v4 with long jumps and signed division (6.6).
    IsaV4,
    /// `bpf_get_current_task_btf` (5.11).
    CurrentTaskBtf,
    /// `bpf_task_pt_regs` (5.15).
    TaskRegisters,
    /// `bpf_find_vma` (5.17).
    FindVma,
    /// `bpf_get_stack` knows the callers of functions whose return is watched and, on x86-64, of most of those that begin (6.11).
    WholeStacks,
    /// Keys of hash maps longer than 512 bytes (5.11).
    LongKeys,
    /// kfunc `bpf_map_sum_elem_count` (6.6).
    MapSumElemCount,
    /// `bpf_strncmp` (5.17).
    Strncmp,
    /// `bpf_iter_num_*` kfuncs (6.4).
    IterNum,
    /// One link for many places of a binary (6.6).
    UprobeMulti,
    /// Such a link of one process watches all of its threads (6.10); before, only the first.
    UprobeMultiPid,
    /// `bpf_get_func_ip` in programs on places of processes (6.6).
    UprobeFuncIp,
    /// Probes on instructions of the kernel (`CONFIG_KPROBES`).
    Kprobes,
    /// One link for many kprobes (5.18 with `CONFIG_FPROBE`).
    KprobeMulti,
    /// Such a link for both beginning and end of functions (6.10).
    KprobeSession,
    /// `bpf_get_func_ip` in trampolines (5.17); in kprobes it came with cookies.
    TrampolineFuncIp,
    /// Trampolines for functions whose parameters are not all in registers (6.6 on x86-64).
    TrampolineStackParameters,
    /// `bpf_d_path` in iterators (5.12).
    IteratorPath,
    /// The kernel's stack in programs on the tracepoint of a system call (6.12); before, it was that of the process, and empty.
    SyscallStack,
}

impl Arch {
    /// `x86_64`, `aarch64`: as `uname -m` says it.
    pub fn parse(name: &str) -> Option<Arch> {
        [Arch::X86_64, Arch::Aarch64].into_iter().find(|arch| arch.name() == name)
    }

    /// The inverse of [`Arch::parse`].
    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
        }
    }
}

impl Feature {
    /// Every feature.
    pub const ALL: [Feature; 28] = [
        Feature::Loop,
        Feature::ForEachMapElem,
        Feature::LookupPerCpu,
        Feature::BootTime,
        Feature::TaiTime,
        Feature::TypedRawTracepoint,
        Feature::AttachCookie,
        Feature::NamespacePid,
        Feature::IsaV3,
        Feature::IsaV4,
        Feature::CurrentTaskBtf,
        Feature::TaskRegisters,
        Feature::FindVma,
        Feature::WholeStacks,
        Feature::LongKeys,
        Feature::MapSumElemCount,
        Feature::Strncmp,
        Feature::IterNum,
        Feature::UprobeMulti,
        Feature::UprobeMultiPid,
        Feature::UprobeFuncIp,
        Feature::Kprobes,
        Feature::KprobeMulti,
        Feature::KprobeSession,
        Feature::TrampolineFuncIp,
        Feature::TrampolineStackParameters,
        Feature::IteratorPath,
        Feature::SyscallStack,
    ];

    /// Its name in fixtures and in `--info`: the kernel's, where the kernel has one.
    pub fn name(self) -> &'static str {
        match self {
            Feature::Loop => "loop",
            Feature::ForEachMapElem => "for_each_map_elem",
            Feature::LookupPerCpu => "map_lookup_percpu_elem",
            Feature::BootTime => "ktime_get_boot_ns",
            Feature::TaiTime => "ktime_get_tai_ns",
            Feature::TypedRawTracepoint => "tp_btf",
            Feature::AttachCookie => "get_attach_cookie",
            Feature::NamespacePid => "get_ns_current_pid_tgid",
            Feature::IsaV3 => "isa_v3",
            Feature::IsaV4 => "isa_v4",
            Feature::CurrentTaskBtf => "get_current_task_btf",
            Feature::TaskRegisters => "task_pt_regs",
            Feature::FindVma => "find_vma",
            Feature::WholeStacks => "uretprobe_stacks",
            Feature::LongKeys => "long_keys",
            Feature::MapSumElemCount => "map_sum_elem_count",
            Feature::Strncmp => "strncmp",
            Feature::IterNum => "iter_num",
            Feature::UprobeMulti => "uprobe_multi",
            Feature::UprobeMultiPid => "uprobe_multi_pid",
            Feature::UprobeFuncIp => "uprobe_get_func_ip",
            Feature::Kprobes => "kprobes",
            Feature::KprobeMulti => "kprobe_multi",
            Feature::KprobeSession => "kprobe_session",
            Feature::TrampolineFuncIp => "get_func_ip_trampoline",
            Feature::TrampolineStackParameters => "trampoline_stack_parameters",
            Feature::IteratorPath => "d_path_iterator",
            Feature::SyscallStack => "syscall_stack",
        }
    }
}

/// A raw tracepoint: its module (`vmlinux` for the kernel itself) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RawTracepoint {
    /// Module.
    pub module: String,
    /// Event.
    pub event: String,
}

/// A function of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelFunction {
    /// Its name.
    pub name: Box<str>,
    /// Its module; `vmlinux` for the kernel itself.
    pub module: Arc<str>,
}

/// A function of a BPF program that is loaded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BpfFunction {
    /// Its name.
    pub name: String,
    /// The id of its program.
    pub program: u32,
}

/// Whether a name is that of a copy of a function which the compiler has made and which is not quite the function any more: `name.isra.0`.
pub fn is_copy(name: &str, of: &str) -> bool {
    let ending = of.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
    ending.is_some_and(|ending| ["isra.", "constprop.", "part."].iter().any(|kind| ending.starts_with(kind)))
}

/// The declaration of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Prototype {
    /// The parameters as a struct of 8-byte slots, in order; what is larger than a slot takes several.
    pub params: Arc<Struct>,
    /// What it returns; `void` if nothing.
    pub result: Type,
}

/// What a kernel, its tracefs and BTF, and the process we run in can tell us.
pub trait Facts {
    /// The architecture programs are compiled for.
    fn arch(&self) -> Arch;
    /// Possible CPUs, ≥ 1.
    fn cpus(&self) -> u32;
    /// The most frames that the kernel takes of a stack; `None`: it does not say.
    fn most_frames(&self) -> Option<u32>;
    /// Whether the kernel has a feature.
    fn has(&self, feature: Feature) -> bool;
    /// `category:event` of every tracepoint, sorted.
    fn tracepoints(&self) -> Arc<[String]>;
    /// The format of one tracepoint; `None` when there is none of that name.
    fn tracepoint(&self, category: &str, event: &str) -> Option<Arc<TracepointFormat>>;
    /// The number of the syscall that the events `sys_enter_NAME` and `sys_exit_NAME` are about.
    fn syscall_number(&self, name: &str) -> Option<u32>;
    /// Every raw tracepoint that BTF knows, sorted.
    fn raw_tracepoints(&self) -> Arc<[RawTracepoint]>;
    /// Whether BTF knows a raw tracepoint of this name: cheaper to ask for one name than the list is.
    fn has_raw_tracepoint(&self, event: &str) -> bool {
        self.raw_tracepoints().iter().any(|raw| raw.event == event)
    }
    /// The parameters of a raw tracepoint as a struct of 8-byte slots: field `i` has offset `8 * i`.
    fn raw_tracepoint(&self, event: &str) -> Option<Arc<Struct>>;
    /// The type of a variable of the kernel.
    fn kernel_variable(&self, _name: &str) -> Option<Type> {
        None
    }
    /// The kinds of objects that BPF programs can go through, sorted.
    fn iterators(&self) -> Vec<String> {
        Vec::new()
    }
    /// A kernel type by its C name: `struct task_struct`, `enum x`, `pid_t`. Pointers inside are resolved one level deep.
    fn kernel_type(&self, name: &str) -> Option<Type>;
    /// An enum of the kernel that has a constant of this name.
    fn kernel_enum_constant(&self, name: &str) -> Option<(Arc<Enum>, i64)>;
    /// The address of a function or variable of the kernel.
    fn kernel_address(&self, _name: &str) -> Option<u64> {
        None
    }
    /// Whether the kernel has a function of this name that BPF may call (a kfunc).
    fn has_kernel_function(&self, _name: &str) -> bool {
        false
    }
    /// Whether programs of a type (the kernel's number, `BPF_PROG_TYPE_…`) may call that function.
    fn may_call(&self, _function: &str, _program_type: u32) -> bool {
        false
    }
    /// Every function of the kernel and its modules that can be probed, sorted, once for each place that has its name; the compiler's own
    /// copies and parts (`f.isra.0`) included.
    fn kernel_functions(&self) -> Arc<[KernelFunction]> {
        Arc::default()
    }
    /// The functions of a name that can be probed. Cheaper than the whole list.
    fn kernel_functions_named(&self, name: &str) -> Vec<KernelFunction> {
        let all = self.kernel_functions();
        let start = all.partition_point(|function| *function.name < *name);
        all[start..].iter().take_while(|function| *function.name == *name).cloned().collect()
    }
    /// Where functions of this name are; in any module if none is said.
    fn kernel_function_addresses(&self, _module: Option<&str>, _function: &str) -> Vec<u64> {
        Vec::new()
    }
    /// The functions of BPF programs that are loaded and described by BTF, sorted.
    fn bpf_functions(&self) -> Vec<BpfFunction> {
        Vec::new()
    }
    /// How many bytes a function of the kernel has at most; `None`: nobody knows.
    fn kernel_function_size(&self, _module: Option<&str>, _function: &str) -> Option<u64> {
        None
    }
    /// Every function that BTF describes, as module and name, sorted.
    fn typed_functions(&self) -> Arc<[(Arc<str>, Box<str>)]> {
        Arc::default()
    }
    /// The modules in which BTF describes a function of this name.
    fn modules_with(&self, _function: &str) -> Vec<String> {
        Vec::new()
    }
    /// How a function is declared, as BTF has it; in any module if none is said.
    fn prototype(&self, _module: Option<&str>, _function: &str) -> Option<Prototype> {
        None
    }
    /// The parameters of a function as C text, `struct file * file`, and last what it returns, called `retval`, if anything.
    fn parameter_texts(&self, module: Option<&str>, function: &str) -> Vec<String> {
        let Some(prototype) = self.prototype(module, function) else { return Vec::new() };
        let result = (prototype.result != Type::Void).then(|| format!("{} retval", prototype.result));
        let params = prototype.params.fields.iter().map(|field| format!("{} {}", field.ty, field.name));
        params.chain(result).collect()
    }
    /// Whether a module is loaded; `vmlinux` always is.
    fn has_module(&self, name: &str) -> bool {
        name == VMLINUX
    }
    /// Whether the kernel forbids probes in this function.
    fn forbids_probes(&self, _function: &str) -> bool {
        false
    }
    /// The name of every syscall by its number; those that do not exist are empty.
    fn syscall_names(&self) -> Vec<String> {
        Vec::new()
    }
    /// Device and inode of our pid namespace; `None` when it is the initial one.
    fn pid_namespace(&self) -> Option<(u64, u64)>;
    /// The files that an import in the script `from` names, relative to that script: name and text of each, sorted; why there are none.
    fn import(&self, from: &str, path: &str) -> Result<Vec<(String, String)>, String> {
        let _ = (from, path);
        Err("no files can be read here".to_string())
    }
    /// The name and text of a header, for the script `from`: beside it where it stands in quotes, or in one of the directories. `None`: there
    /// is none; an error: what there is cannot be read.
    fn header(&self, from: Option<&str>, name: &str, directories: &[String]) -> Result<Option<(String, String)>, String> {
        let _ = (from, name, directories);
        Ok(None)
    }
    /// What a C compiler makes of a text and the headers that it includes; why there is no compiler.
    fn headers(&self, question: &Question) -> Result<Answer, String> {
        let _ = question;
        Err("there is no C compiler here".to_string())
    }
    /// What a C compiler makes of a file of functions for BPF, which `path` names as [`Facts::import`] does. Headers are looked for in the
    /// directories, too.
    fn c_object(&self, path: &str, directories: &[String]) -> Result<CObject, CFailure> {
        let _ = (path, directories);
        Err(CFailure { why: "there is no C compiler here".to_string(), ..CFailure::default() })
    }
    /// The process that the run is about (`-p`): binaries are named as it sees them.
    fn process(&self) -> Option<u32> {
        None
    }
    /// The programs and libraries that a text means, each by a name that the other questions about binaries take: a path, a command, a
    /// library (`libc`), a pattern for paths, `*` for all that processes have mapped. Empty: nothing here is meant.
    fn binaries(&self, text: &str) -> Vec<String> {
        let _ = text;
        Vec::new()
    }
    /// Why [`Facts::binaries`] knows none.
    fn why_no_binary(&self, text: &str) -> String {
        let _ = text;
        "there is no such file, command or library".to_string()
    }
    /// Whether a binary's table of symbols was taken away, and is not to be had from a debug file either.
    fn is_stripped(&self, binary: &str) -> bool {
        let _ = binary;
        false
    }
    /// The binary that the process of `-p` or the command of `-c` runs.
    fn traced_program(&self) -> Option<String> {
        None
    }
    /// Where a binary can be opened.
    fn binary_path(&self, binary: &str) -> String {
        binary.to_owned()
    }
    /// The functions of a binary, sorted by name, then by address; why there are none.
    fn functions(&self, binary: &str, naming: Naming) -> Result<Arc<[Function]>, String> {
        let _ = naming;
        Err(format!("{binary}: no such file"))
    }
    /// The functions of one name: cheaper to ask for than the list is.
    fn function(&self, binary: &str, naming: Naming, name: &str) -> Result<Vec<Function>, String> {
        self.functions(binary, naming).map(|all| named(&all, name).to_vec())
    }
    /// A function or variable of a binary.
    fn symbol(&self, binary: &str, name: &str) -> Option<Symbol> {
        let found = self.function(binary, Naming::Symbol, name).ok()?;
        found.first().map(|function| Symbol { address: function.address, size: function.size, is_fixed: false })
    }
    /// Where in its file a binary keeps the code at an address; `None`: no code is there.
    fn code_offset(&self, binary: &str, address: u64) -> Option<u64> {
        let _ = (binary, address);
        None
    }
    /// The function around an address that no symbol names, where the tables for exceptions have it. Its name is empty.
    fn nameless_function(&self, binary: &str, address: u64) -> Option<Function> {
        let _ = (binary, address);
        None
    }
    /// Whether an instruction begins at an address of a function; `None`: nobody knows.
    fn is_instruction(&self, binary: &str, function: &Function, address: u64) -> Option<bool> {
        let _ = (binary, function, address);
        None
    }
    /// The first address from one on where the kernel takes a breakpoint: it has to run a copy of the instruction elsewhere. It is another
    /// one only where that is hit as often and sees the same arguments; `None`: there is none.
    fn breakpoint(&self, binary: &str, address: u64) -> Option<u64> {
        let _ = binary;
        Some(address)
    }
    /// Whether the kernel sees by a binary's instruction that a function begins there (see [`Feature::WholeStacks`]).
    fn begins_recognisably(&self, binary: &str, address: u64) -> bool {
        let _ = (binary, address);
        true
    }
    /// The addresses that an indirect function may really be at; empty: nobody knows.
    fn implementations(&self, binary: &str, function: &Function) -> Vec<u64> {
        let _ = (binary, function);
        Vec::new()
    }
    /// A symbol as its source says it; `None`: it is a plain name.
    fn demangled(&self, symbol: &str) -> Option<String> {
        let _ = symbol;
        None
    }
    /// The marks of a binary, sorted; why there are none.
    fn markers(&self, binary: &str) -> Result<Arc<[Marker]>, String> {
        Err(format!("{binary}: no such file"))
    }
    /// Whether a binary holds Go's runtime, which moves stacks.
    fn has_go_runtime(&self, binary: &str) -> bool {
        let _ = binary;
        false
    }
    /// How the function that begins at an address of a binary is declared, as its debug information has it. `None`: nothing is said about it;
    /// an error: why there is no debug information.
    fn declaration(&self, binary: &str, address: u64) -> Result<Option<Arc<Declaration>>, String> {
        let _ = address;
        Err(format!("no debuginfo found for {binary}"))
    }
    /// What the source calls by a name at an instruction inside of a function, the innermost of equal names; an error: why that is not known.
    fn variables(&self, binary: &str, address: u64) -> Result<Arc<[Variable]>, String> {
        let _ = address;
        Err(format!("no debuginfo found for {binary}"))
    }
    /// A type of a binary by its C name, as [`Facts::kernel_type`]; of several, that which the code at an address knows.
    fn program_type(&self, binary: &str, near: Option<u64>, name: &str) -> Option<Type> {
        let _ = (binary, near, name);
        None
    }
    /// The addresses of a place in the source: one for each function that holds the line, and for each place that a function was inlined into.
    fn source_line(&self, binary: &str, line: &SourceLine) -> Result<Vec<u64>, NoLine> {
        let _ = line;
        Err(NoLine::DebugInfo(format!("no debuginfo found for {binary}")))
    }
    /// An enum of a binary that has a constant of this name.
    fn program_constant(&self, binary: &str, near: Option<u64>, name: &str) -> Option<(Arc<Enum>, i64)> {
        let _ = (binary, near, name);
        None
    }
    /// The id of the cgroup at a path.
    fn cgroup_id(&self, path: &str) -> Result<u64, String>;
}
