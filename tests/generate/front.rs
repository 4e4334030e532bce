//! From a text to operations, as the command line does it, on the machine we run on, which can be made to look older.

use std::sync::Arc;

use rbtrace_diag::{Severity, Sink, Sources, Span};
use rbtrace_ir as ir;
use rbtrace_lang::{probes, row};
use rbtrace_sema::Options;
use rbtrace_sema::frontend::syntax;
use rbtrace_types::binary::{Function, Naming, Symbol};
use rbtrace_types::facts::RawTracepoint;
use rbtrace_types::format::TracepointFormat;
use rbtrace_types::headers::{Answer, Question};
use rbtrace_types::{Arch, Enum, Facts, Feature, Struct, Type};

/// What is given beside the script.
#[derive(Clone, Debug)]
pub struct Given {
    pub params: Vec<String>,
}

impl Default for Given {
    fn default() -> Given {
        Given { params: ["5", "two", "-3"].map(str::to_string).to_vec() }
    }
}

/// Why a script does not compile: the lines (from 0) that are wrong, and what was said.
#[derive(Clone, Debug)]
pub struct Refused {
    pub lines: Vec<usize>,
    pub messages: Vec<String>,
}

/// Compiles a script.
pub fn compile(script: &str, facts: &dyn Facts, given: &Given) -> Result<ir::Program, Refused> {
    compile_with(script, facts, given, &mut Sources::default())
}

/// The same; `sources` gets the texts that places in the program are about.
pub fn compile_with(script: &str, facts: &dyn Facts, given: &Given, sources: &mut Sources) -> Result<ir::Program, Refused> {
    let (id, mut sink) = (sources.add("generated", script), Sink::default());
    let tree = syntax::parse(sources, id, &mut sink);
    // Enough for a ring buffer of the smallest size.
    let options = Options { params: given.params.clone(), is_unsafe: true, available_memory: 1 << 28, ..Options::default() };
    let program = if sink.has_errors() { None } else { rbtrace_sema::compile(&tree, sources, facts, &options, &mut sink) };
    program.ok_or_else(|| {
        let errors = sink.sorted().into_iter().filter(|diagnostic| matches!(diagnostic.severity, Severity::Error));
        let mut refused = Refused { lines: Vec::new(), messages: Vec::new() };
        for error in errors {
            let line = |span: Span| script.get(..span.start as usize).map(|before| before.matches('\n').count());
            let own = error.labels.iter().map(|label| label.span).find(|span| span.source == id);
            refused.lines.extend(own.and_then(line));
            refused.messages.push(error.message.clone());
        }
        refused
    })
}

/// A probe of a type that exists here, as it is written.
pub fn some_probe(probe_type: &str, facts: &dyn Facts) -> Option<String> {
    probes_of(probes::by_name(probe_type)?, facts, 1).into_iter().next()
}

/// Some probes of a type that can be compiled here: what its example shows, and names spread over those that exist.
pub fn probes_of(row: &row::ProbeType, facts: &dyn Facts, most: usize) -> Vec<String> {
    let example = row.manual.split("```").nth(1).unwrap_or_default();
    let is_start = |c: char| c == '{' || c == '/';
    let shown = example.lines().filter_map(|line| line.find(is_start).map(|end| line[..end].trim().to_string()));
    let listed = (row.list)(facts, &["*"], false);
    let step = listed.len().div_ceil(most.max(1)).max(1);
    let names = listed.iter().step_by(step).map(|listed| listed.name.clone());
    let compiles = |name: &String| compile(&format!("{name} {{ @ = 1 }}"), facts, &Given::default()).is_ok();
    let mut found: Vec<String> =
        shown.filter(|name| !name.is_empty() && !name.contains(['*', ',', '$'])).chain(names).filter(compiles).collect();
    found.truncate(most);
    found
}

/// This machine without some features.
pub struct Older<'a> {
    pub machine: &'a dyn Facts,
    pub lacks: Vec<Feature>,
}

impl Facts for Older<'_> {
    fn arch(&self) -> Arch {
        self.machine.arch()
    }

    fn cpus(&self) -> u32 {
        self.machine.cpus()
    }

    fn most_frames(&self) -> Option<u32> {
        self.machine.most_frames()
    }

    fn has(&self, feature: Feature) -> bool {
        !self.lacks.contains(&feature) && self.machine.has(feature)
    }

    fn tracepoints(&self) -> Arc<[String]> {
        self.machine.tracepoints()
    }

    fn tracepoint(&self, category: &str, event: &str) -> Option<Arc<TracepointFormat>> {
        self.machine.tracepoint(category, event)
    }

    fn syscall_number(&self, name: &str) -> Option<u32> {
        self.machine.syscall_number(name)
    }

    fn raw_tracepoints(&self) -> Arc<[RawTracepoint]> {
        self.machine.raw_tracepoints()
    }

    fn has_raw_tracepoint(&self, event: &str) -> bool {
        self.machine.has_raw_tracepoint(event)
    }

    fn raw_tracepoint(&self, event: &str) -> Option<Arc<Struct>> {
        self.machine.raw_tracepoint(event)
    }

    fn kernel_type(&self, name: &str) -> Option<Type> {
        self.machine.kernel_type(name)
    }

    fn kernel_enum_constant(&self, name: &str) -> Option<(Arc<Enum>, i64)> {
        self.machine.kernel_enum_constant(name)
    }

    fn kernel_address(&self, name: &str) -> Option<u64> {
        self.machine.kernel_address(name)
    }

    fn has_kernel_function(&self, name: &str) -> bool {
        self.machine.has_kernel_function(name)
    }

    fn may_call(&self, function: &str, program_type: u32) -> bool {
        self.machine.may_call(function, program_type)
    }

    fn syscall_names(&self) -> Vec<String> {
        self.machine.syscall_names()
    }

    fn pid_namespace(&self) -> Option<(u64, u64)> {
        self.machine.pid_namespace()
    }

    fn import(&self, from: &str, path: &str) -> Result<Vec<(String, String)>, String> {
        self.machine.import(from, path)
    }

    fn iterators(&self) -> Vec<String> {
        self.machine.iterators()
    }

    fn header(&self, from: Option<&str>, name: &str, directories: &[String]) -> Result<Option<(String, String)>, String> {
        self.machine.header(from, name, directories)
    }

    fn headers(&self, question: &Question) -> Result<Answer, String> {
        self.machine.headers(question)
    }

    fn process(&self) -> Option<u32> {
        self.machine.process()
    }

    fn binaries(&self, text: &str) -> Vec<String> {
        self.machine.binaries(text)
    }

    fn binary_path(&self, binary: &str) -> String {
        self.machine.binary_path(binary)
    }

    fn functions(&self, binary: &str, naming: Naming) -> Result<Arc<[Function]>, String> {
        self.machine.functions(binary, naming)
    }

    fn function(&self, binary: &str, naming: Naming, name: &str) -> Result<Vec<Function>, String> {
        self.machine.function(binary, naming, name)
    }

    fn code_offset(&self, binary: &str, address: u64) -> Option<u64> {
        self.machine.code_offset(binary, address)
    }

    fn is_instruction(&self, binary: &str, function: &Function, address: u64) -> Option<bool> {
        self.machine.is_instruction(binary, function, address)
    }

    fn implementations(&self, binary: &str, function: &Function) -> Vec<u64> {
        self.machine.implementations(binary, function)
    }

    fn demangled(&self, symbol: &str) -> Option<String> {
        self.machine.demangled(symbol)
    }

    fn has_go_runtime(&self, binary: &str) -> bool {
        self.machine.has_go_runtime(binary)
    }

    fn kernel_variable(&self, name: &str) -> Option<Type> {
        self.machine.kernel_variable(name)
    }

    fn symbol(&self, binary: &str, name: &str) -> Option<Symbol> {
        self.machine.symbol(binary, name)
    }

    fn cgroup_id(&self, path: &str) -> Result<u64, String> {
        self.machine.cgroup_id(path)
    }
}
