//! This machine: BTF, tracefs, procfs, syscall numbers, features. [`Host`] answers [`Facts`].
//!
//! Nothing is read before it is asked for, and nothing is read twice. Knows no language and no BPF program.

// A new variant is to break every place that forgets it.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod binaries;
mod broken;
pub mod btf;
pub mod cgroups;
pub mod clang;
mod cut_short;
pub mod dwarf;
pub mod features;
pub mod functions;
mod imports;
pub mod proc;
pub mod symbols;
pub mod syscalls;
pub mod tracefs;
pub mod unwind;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rbtrace_types::binary::{Function, Marker, Naming, Symbol};
use rbtrace_types::c_object::{CFailure, CObject};
use rbtrace_types::debug_info::{Declaration, NoLine, SourceLine, Variable};
pub use rbtrace_types::facts::BpfFunction;
use rbtrace_types::facts::{KernelFunction, Prototype, RawTracepoint};
use rbtrace_types::format::TracepointFormat;
use rbtrace_types::headers::{Answer, Question};
use rbtrace_types::{Arch, Enum, Struct, Type};
pub use rbtrace_types::{Facts, Feature};

use crate::binaries::debuginfod::{Servers, Settings};
use crate::binaries::{Binaries, DebugPlaces};
use crate::btf::KernelBtf;
use crate::clang::KernelTree;
use crate::functions::Functions;
use crate::proc::{KernelRelease, Users};

/// The machine we run on.
#[derive(Debug)]
pub struct Host {
    btf: KernelBtf,
    /// Features that are not to be used.
    without: Vec<Feature>,
    binaries: Binaries,
    release: OnceLock<KernelRelease>,
    cpus: OnceLock<u32>,
    tracefs: OnceLock<Option<PathBuf>>,
    tracepoints: OnceLock<Arc<[String]>>,
    raw_tracepoints: OnceLock<Arc<[RawTracepoint]>>,
    users: OnceLock<Users>,
    functions: Functions,
    typed_functions: OnceLock<TypedFunctions>,
    formats: Cache<TracepointFormat>,
    raw_arguments: Cache<Struct>,
    types: Mutex<HashMap<String, Option<Type>>>,
    call_test: OnceLock<CallTest>,
    program_list: Option<ProgramList>,
    kernel_tree: KernelTree,
    /// The program of the command that is traced.
    command: Option<PathBuf>,
}

/// Whether programs of a type (`BPF_PROG_TYPE_…`) may call a kernel function: only who can load programs can tell.
pub type CallTest = fn(&Host, function: &str, program_type: u32) -> bool;

/// The functions of loaded BPF programs: likewise.
pub type ProgramList = fn() -> Vec<BpfFunction>;

/// Functions as module and name.
type TypedFunctions = Arc<[(Arc<str>, Box<str>)]>;

/// Answers by name; a `None` is remembered too.
type Cache<T> = Mutex<HashMap<String, Option<Arc<T>>>>;

impl Default for Host {
    fn default() -> Host {
        Host::new()
    }
}

impl Host {
    /// The machine with the kernel's own BTF. Reads nothing.
    pub fn new() -> Host {
        Host::with_btf(btf::VMLINUX_PATH.into())
    }

    /// The machine with BTF from another file.
    pub fn with_btf(vmlinux: PathBuf) -> Host {
        Host {
            btf: KernelBtf::new(vmlinux, "/sys/kernel/btf".into()),
            without: Vec::new(),
            binaries: Binaries::default(),
            release: OnceLock::new(),
            cpus: OnceLock::new(),
            tracefs: OnceLock::new(),
            tracepoints: OnceLock::new(),
            raw_tracepoints: OnceLock::new(),
            users: OnceLock::new(),
            functions: Functions::default(),
            typed_functions: OnceLock::new(),
            formats: Cache::default(),
            raw_arguments: Cache::default(),
            types: Mutex::default(),
            call_test: OnceLock::new(),
            program_list: None,
            kernel_tree: KernelTree::default(),
            command: None,
        }
    }

    /// The same machine, but without some features of its kernel.
    pub fn without(mut self, features: Vec<Feature>) -> Host {
        self.without = features;
        self
    }

    /// Says which program a command that is traced will run.
    pub fn running(mut self, command: Option<PathBuf>) -> Host {
        self.command = command;
        self
    }

    /// Says how the kernel is asked who may call its functions. Without it nobody may.
    pub fn with_call_test(self, test: CallTest) -> Host {
        // A new machine has none.
        let _ = self.call_test.set(test);
        self
    }

    /// Says how the kernel is asked which BPF programs it has. Without it there are none.
    pub fn with_program_list(mut self, list: ProgramList) -> Host {
        self.program_list = Some(list);
        self
    }

    /// With the kernel's headers at another place than where distributions put them.
    pub fn with_kernel_tree(mut self, tree: KernelTree) -> Host {
        self.kernel_tree = tree;
        self
    }

    /// The same machine, with the files that a process sees.
    pub fn seen_by(mut self, process: Option<u32>) -> Host {
        self.binaries = self.binaries.seen_by(process);
        self
    }

    /// The same machine, with debug files in these directories; lists of them are separated by colons. None: in the usual ones. And with those of
    /// servers.
    pub fn with_debug_files(mut self, lists: &[String], servers: &Settings) -> Host {
        self.binaries = self.binaries.with_debug_places(DebugPlaces::new(lists).with_servers(Servers::new(servers.clone())));
        self
    }

    /// Where debug files are looked for.
    pub fn debug_places(&self) -> &DebugPlaces {
        self.binaries.places()
    }

    /// What went wrong while files were looked for and read, since this was last asked.
    pub fn take_complaints(&self) -> Vec<String> {
        let of_servers = self.debug_places().take_complaints().into_iter();
        of_servers.chain(cut_short::take_complaint()).chain(broken::take_complaints()).collect()
    }

    /// The same machine, where only the functions that a file lists can be probed, if one is given.
    pub fn with_functions(mut self, path: Option<PathBuf>) -> Host {
        if let Some(path) = path {
            self.functions = Functions::of_file(path);
        }
        self
    }

    /// The kernel's types.
    pub fn btf(&self) -> &KernelBtf {
        &self.btf
    }

    /// The running kernel's release.
    pub fn release(&self) -> &KernelRelease {
        self.release.get_or_init(proc::kernel_release)
    }

    /// Where tracefs is mounted.
    pub fn tracefs(&self) -> Option<&PathBuf> {
        self.tracefs.get_or_init(tracefs::find).as_ref()
    }

    /// The users of this machine.
    pub fn users(&self) -> &Users {
        self.users.get_or_init(Users::read)
    }
}

/// One answer per name: the first question works, the others look it up.
fn cached<K: Eq + Hash, T: Clone>(cache: &Mutex<HashMap<K, T>>, name: K, answer: impl FnOnce() -> T) -> T {
    // A panic elsewhere leaves the map whole: entries are only ever added.
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    cache.entry(name).or_insert_with(answer).clone()
}

impl Facts for Host {
    fn arch(&self) -> Arch {
        // rbtrace is built for the machine it runs on, so this is no question for `uname` (a personality can change that).
        const ARCH: Arch = if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 };
        ARCH
    }

    fn cpus(&self) -> u32 {
        *self.cpus.get_or_init(|| {
            // Ids may have gaps; memory that programs index by CPU id needs room up to the last.
            let possible = proc::possible_cpus().ok().and_then(|cpus| cpus.last().map(|last| last + 1));
            possible.or_else(|| std::thread::available_parallelism().ok().map(|cpus| cpus.get() as u32)).unwrap_or(1)
        })
    }

    fn most_frames(&self) -> Option<u32> {
        std::fs::read_to_string("/proc/sys/kernel/perf_event_max_stack").ok()?.trim().parse().ok()
    }

    fn has(&self, feature: Feature) -> bool {
        !self.without.contains(&feature) && features::has(feature, self.release().release, &self.btf)
    }

    fn tracepoints(&self) -> Arc<[String]> {
        let read = || self.tracefs().and_then(|place| tracefs::tracepoints(place).ok()).unwrap_or_default().into();
        Arc::clone(self.tracepoints.get_or_init(read))
    }

    fn tracepoint(&self, category: &str, event: &str) -> Option<Arc<TracepointFormat>> {
        let place = self.tracefs()?;
        let read = || tracefs::format(place, category, event).ok().flatten().map(Arc::new);
        cached(&self.formats, format!("{category}:{event}"), read)
    }

    fn syscall_number(&self, name: &str) -> Option<u32> {
        syscalls::number(self.arch(), name)
    }

    fn raw_tracepoints(&self) -> Arc<[RawTracepoint]> {
        Arc::clone(self.raw_tracepoints.get_or_init(|| self.btf.raw_tracepoints().into()))
    }

    fn has_raw_tracepoint(&self, event: &str) -> bool {
        self.btf.has_raw_tracepoint(event)
    }

    fn raw_tracepoint(&self, event: &str) -> Option<Arc<Struct>> {
        cached(&self.raw_arguments, event.to_owned(), || self.btf.raw_tracepoint(event).map(Arc::new))
    }

    fn kernel_type(&self, name: &str) -> Option<Type> {
        cached(&self.types, name.to_owned(), || self.btf.kernel_type(name))
    }

    fn kernel_variable(&self, name: &str) -> Option<Type> {
        self.btf.variable_type(name)
    }

    fn iterators(&self) -> Vec<String> {
        self.btf.iterators()
    }

    fn kernel_enum_constant(&self, name: &str) -> Option<(Arc<Enum>, i64)> {
        self.btf.enum_constant(name)
    }

    fn kernel_address(&self, name: &str) -> Option<u64> {
        symbols::kernel_address(name)
    }

    fn has_kernel_function(&self, name: &str) -> bool {
        self.btf.is_callable(name)
    }

    fn may_call(&self, function: &str, program_type: u32) -> bool {
        self.has_kernel_function(function) && self.call_test.get().is_some_and(|test| test(self, function, program_type))
    }

    fn kernel_functions(&self) -> Arc<[KernelFunction]> {
        Arc::clone(self.functions.all(self.tracefs().map(PathBuf::as_path)))
    }

    fn kernel_functions_named(&self, name: &str) -> Vec<KernelFunction> {
        // The lists are long, and a function that BTF describes is one that the compiler has made. Whether the kernel lets it be probed
        // is seen when that is tried.
        let is_known = !self.functions.is_given() && !self.functions.is_read() && self.btf.has_function(name);
        if is_known {
            return vec![KernelFunction { module: btf::VMLINUX.into(), name: name.into() }];
        }
        let all = self.kernel_functions();
        let start = all.partition_point(|function| *function.name < *name);
        let named: Vec<KernelFunction> = all[start..].iter().take_while(|function| *function.name == *name).cloned().collect();
        if named.is_empty() { self.functions.under_other_names(name, self.tracefs().map(PathBuf::as_path)) } else { named }
    }

    fn kernel_function_addresses(&self, module: Option<&str>, function: &str) -> Vec<u64> {
        self.functions.addresses(module, function)
    }

    fn bpf_functions(&self) -> Vec<BpfFunction> {
        self.program_list.map(|list| list()).unwrap_or_default()
    }

    fn kernel_function_size(&self, module: Option<&str>, function: &str) -> Option<u64> {
        self.functions.size(module, function)
    }

    fn typed_functions(&self) -> TypedFunctions {
        Arc::clone(self.typed_functions.get_or_init(|| {
            let all = self.kernel_functions();
            let known: HashSet<(&str, &str)> = all.iter().map(|function| (&*function.module, &*function.name)).collect();
            let typed = self.btf.functions().into_iter().filter(|place| known.contains(place));
            let mut typed: Vec<(Arc<str>, Box<str>)> = typed.map(|(module, name)| (module.into(), name.into())).collect();
            typed.sort_unstable();
            typed.dedup();
            typed.into()
        }))
    }

    fn modules_with(&self, function: &str) -> Vec<String> {
        self.btf.function_ids(function).into_iter().map(|(module, _)| module.to_owned()).collect()
    }

    fn prototype(&self, module: Option<&str>, function: &str) -> Option<Prototype> {
        self.btf.prototype(module, function)
    }

    fn parameter_texts(&self, module: Option<&str>, function: &str) -> Vec<String> {
        self.btf.c_parameters(module, function).unwrap_or_default()
    }

    fn has_module(&self, name: &str) -> bool {
        functions::has_module(name)
    }

    fn forbids_probes(&self, function: &str) -> bool {
        self.functions.forbids(function)
    }

    fn syscall_names(&self) -> Vec<String> {
        syscalls::names(self.arch())
    }

    fn pid_namespace(&self) -> Option<(u64, u64)> {
        proc::pid_namespace().ok().flatten()
    }

    fn process(&self) -> Option<u32> {
        self.binaries.process()
    }

    fn binaries(&self, text: &str) -> Vec<String> {
        let mut found = self.binaries.find(text);
        // The command of `-c` is not in memory yet, and will be.
        let command = self.command.as_ref().filter(|_| text == "*").map(|path| path.to_string_lossy().into_owned());
        found.extend(command.filter(|path| !found.contains(path)));
        found
    }

    fn why_no_binary(&self, text: &str) -> String {
        self.binaries.why_none(text)
    }

    fn is_stripped(&self, binary: &str) -> bool {
        self.binaries.open(binary).is_ok_and(|binary| binary.is_stripped())
    }

    fn traced_program(&self) -> Option<String> {
        let exe = |pid| std::fs::read_link(format!("/proc/{pid}/exe")).ok();
        let path = self.command.clone().or_else(|| self.binaries.process().and_then(exe))?;
        Some(path.to_string_lossy().into_owned())
    }

    fn binary_path(&self, binary: &str) -> String {
        self.binaries.path(binary).to_string_lossy().into_owned()
    }

    fn functions(&self, binary: &str, naming: Naming) -> Result<Arc<[Function]>, String> {
        self.binaries.functions(binary, naming)
    }

    fn function(&self, binary: &str, naming: Naming, name: &str) -> Result<Vec<Function>, String> {
        self.binaries.function(binary, naming, name)
    }

    fn code_offset(&self, binary: &str, address: u64) -> Option<u64> {
        self.binaries.open(binary).ok()?.offset(address)
    }

    fn nameless_function(&self, binary: &str, address: u64) -> Option<Function> {
        self.binaries.nameless_function(binary, address)
    }

    fn is_instruction(&self, binary: &str, function: &Function, address: u64) -> Option<bool> {
        self.binaries.is_instruction(binary, function, address)
    }

    fn breakpoint(&self, binary: &str, address: u64) -> Option<u64> {
        self.binaries.breakpoint(binary, address)
    }

    fn begins_recognisably(&self, binary: &str, address: u64) -> bool {
        self.binaries.begins_recognisably(binary, address)
    }

    fn implementations(&self, binary: &str, function: &Function) -> Vec<u64> {
        self.binaries.implementations(binary, function)
    }

    fn symbol(&self, binary: &str, name: &str) -> Option<Symbol> {
        self.binaries.open(binary).ok()?.symbol(name)
    }

    fn demangled(&self, symbol: &str) -> Option<String> {
        binaries::demangle(symbol)
    }

    fn markers(&self, binary: &str) -> Result<Arc<[Marker]>, String> {
        self.binaries.open(binary)?.markers()
    }

    fn has_go_runtime(&self, binary: &str) -> bool {
        // One is the runtime's table of functions, the other says what the program was built from.
        let has_either = |binary: &binaries::Binary| [".gopclntab", ".go.buildinfo"].into_iter().any(|name| binary.has_section(name));
        self.binaries.open(binary).is_ok_and(|binary| has_either(&binary))
    }

    fn declaration(&self, binary: &str, address: u64) -> Result<Option<Arc<Declaration>>, String> {
        self.binaries.declaration(binary, address)
    }

    fn variables(&self, binary: &str, address: u64) -> Result<Arc<[Variable]>, String> {
        self.binaries.variables(binary, address)
    }

    fn program_type(&self, binary: &str, near: Option<u64>, name: &str) -> Option<Type> {
        self.binaries.named_type(binary, near, name)
    }

    fn source_line(&self, binary: &str, line: &SourceLine) -> Result<Vec<u64>, NoLine> {
        self.binaries.debug_info(binary).map_err(NoLine::DebugInfo)?.line(line)
    }

    fn program_constant(&self, binary: &str, near: Option<u64>, name: &str) -> Option<(Arc<Enum>, i64)> {
        let Type::Enum(of) = self.binaries.debug_info(binary).ok()?.enum_with(name, near)? else { return None };
        let value = of.constants.iter().find(|(constant, _)| constant == name)?.1;
        Some((of, value))
    }

    fn import(&self, from: &str, path: &str) -> Result<Vec<(String, String)>, String> {
        imports::read(from, path)
    }

    fn header(&self, from: Option<&str>, name: &str, directories: &[String]) -> Result<Option<(String, String)>, String> {
        imports::header(from, name, directories)
    }

    fn headers(&self, question: &Question) -> Result<Answer, String> {
        let tree = self.kernel_tree.or_installed(&self.release().text);
        clang::ask(question, &tree, self.arch())
    }

    fn c_object(&self, path: &str, directories: &[String]) -> Result<CObject, CFailure> {
        clang::compile_object(path, directories, self.arch())
    }

    fn cgroup_id(&self, path: &str) -> Result<u64, String> {
        proc::cgroup_id(path).map_err(|error| format!("{error:#}"))
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("rbtrace knows the registers and syscalls of x86_64 and aarch64 only");

#[cfg(test)]
/// Says that a test cannot run here. Written to the stream itself: what `print` macros say is captured, and a skip would be counted as passed.
pub(crate) fn skip(why: &str) {
    use std::io::Write as _;
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // A closed stream has nobody who counts.
    let _ = writeln!(std::io::stdout(), "\nskipped test: {test}: {why}");
}
