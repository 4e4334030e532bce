//! AST → IR, as passes in order. Pure: asks [`Facts`] about the machine, says what is wrong to a [`Sink`], never fails and never does IO.
//!
//! `imports` → `macros` → `config` → `attach_points` → `names` → `infer` (types to a fixpoint, then one round that reports) → `lower`. What a pass learns goes to side
//! tables keyed by expression; the AST stays what was written.

// A new variant is to break every place that forgets it.
#![warn(clippy::wildcard_enum_match_arm)]

mod alternatives;
mod args;
mod attach_points;
mod c_imports;
mod c_types;
mod config;
mod fold;
mod forms;
mod functions;
mod imports;
mod infer;
mod lookup;
mod lower;
mod macros;
mod modes;
mod names;
mod params;
mod program_options;
mod sessions;
mod shared;
mod stdlib;
mod types;
mod walk;

use std::cell::RefCell;

use rbtrace_diag::{HeldBack, Sink, Sources};
use rbtrace_ir as ir;
use rbtrace_syntax::ast;
use rbtrace_types::Facts;
use rbtrace_types::headers::Answer;

use crate::c_imports::CImports;
use crate::c_types::Reading;
use crate::imports::Merged;
use crate::shared::Shared;

/// Which probes of a script are compiled to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Those that trace.
    #[default]
    Run,
    /// `--test`
    Test,
    /// `--bench`
    Bench,
    /// All of them, to be looked at.
    Everything,
}

/// Whether the kernel lets a program be attached as planned, and why not. Asked of attach points that have alternatives.
#[derive(Clone, Copy)]
pub struct Trial<'a>(pub &'a dyn Fn(&ir::AttachPlan) -> Result<(), String>);

impl std::fmt::Debug for Trial<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trial")
    }
}

/// What the command line decides about a compilation.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// Positional parameters: `$1` is the first.
    pub params: Vec<String>,
    /// Named parameters, as they were written behind `--`: `--name` or `--name=value`.
    pub named: Vec<(String, Option<String>)>,
    /// `--include`: headers that are read before the script.
    pub includes: Vec<String>,
    /// `-I`: where headers are looked for, too.
    pub include_directories: Vec<String>,
    /// The process given by `-p`.
    pub pid: Option<u32>,
    /// The process id of the `-c` child.
    pub child: Option<u32>,
    /// `--unsafe`
    pub is_unsafe: bool,
    /// `--test`, `--bench`
    pub mode: Mode,
    /// `--probe-filter`
    pub probe_filter: Option<regex_lite::Regex>,
    /// `-k`: also failed reads, and look-ups of keys that are not there, are said.
    pub more_warnings: bool,
    /// `--no-warnings`
    pub held_back: HeldBack,
    /// Configuration from the environment, which overrides the script's block: key (lower case, without prefix) and value.
    pub config: Vec<(String, String)>,
    /// Bytes of memory available, for the size of the ring buffer.
    pub available_memory: u64,
    /// `None`: what exists is taken to be attachable.
    pub trial: Option<Trial<'a>>,
}

/// Compiles a program. `None` if an error was pushed to the sink. What it imports, and the files of the standard library that it needs, are
/// added to the sources. It may be that nothing is there to be attached: that is no mistake of the text.
pub fn compile(
    program: &ast::Program,
    sources: &mut Sources,
    facts: &dyn Facts,
    options: &Options,
    sink: &mut Sink,
) -> Option<ir::Program> {
    let Merged { program, c_files } = imports::merge(program, sources, facts, options, sink);
    let imports = c_imports::compile(&c_files, facts, &options.include_directories, sink);
    with_headers(&program, sources, facts, options, sink, &mut |c, sources, sink| {
        compile_with(c, &program, &imports, sources, options, sink)
    })
}

/// The attachable names of a program's probes, for `-l`; special probes are left out (SPEC §8.6).
pub fn probe_names(program: &ast::Program, sources: &mut Sources, facts: &dyn Facts, options: &Options, sink: &mut Sink) -> Vec<String> {
    let Merged { program, .. } = imports::merge(program, sources, facts, options, sink);
    let names = with_headers(&program, sources, facts, options, sink, &mut |c, sources, sink| {
        let units = probes(c, &program, sources, options, sink);
        (!sink.has_errors()).then_some(units)
    });
    names.unwrap_or_default()
}

/// The C side of a script in one attempt to compile it.
struct CSide<'a> {
    reading: &'a Reading<'a>,
    /// What a compiler found in headers, if one was asked.
    answer: Option<&'a Answer>,
}

/// One attempt to make something of a program.
type Attempt<'a, T> = &'a mut dyn FnMut(CSide, &mut Sources, &mut Sink) -> Option<T>;

/// Tries without the headers that only a C compiler can read, where that has a chance, for most scripts of the kernel do not need them; then with.
fn with_headers<T>(
    program: &ast::Program,
    sources: &mut Sources,
    facts: &dyn Facts,
    options: &Options,
    sink: &mut Sink,
    attempt: Attempt<T>,
) -> Option<T> {
    let reading = Reading::new(program, sources, facts, options, sink);
    if !reading.must_ask() {
        let mut trial = Sink::default();
        let found = attempt(CSide { reading: &reading, answer: None }, sources, &mut trial);
        if found.is_some() || !reading.has_unread() || !c_types::could_help(&trial) {
            sink.absorb(trial);
            return found.filter(|_| !sink.has_errors());
        }
    }
    let asked = reading.ask(sources, options);
    let found = attempt(CSide { reading: &reading, answer: asked.answer.as_ref().ok() }, sources, sink);
    reading.explain(&asked, found.is_some(), sources, sink);
    found.filter(|_| !sink.has_errors())
}

fn compile_with(
    c: CSide,
    program: &ast::Program,
    c_imports: &CImports,
    sources: &mut Sources,
    options: &Options,
    sink: &mut Sink,
) -> Option<ir::Program> {
    let CSide { reading, answer } = c;
    let mut unit = reading.unit(answer, sink);
    c_types::add_header_macros(&mut unit, answer, program, sources);
    let c_macros = c_types::script_macros(&unit, answer);
    let macros::Expanded { program, expansions } = macros::expand(program, c_macros, sources, sink);
    let program = &program;
    let config = config::resolve(program, options, sink);
    let held_back = config::held_back(&config, options, sink);
    let c = c_types::CTypes::of(unit, reading.facts, answer, sink);
    let folded = RefCell::default();
    let shared = Shared { facts: reading.facts, options, sources, c, config, held_back, c_imports, expansions: &expansions, folded };
    imports::check_statements(program, &shared, sink);
    program_options::check(program, &shared, sink);
    params::check(program, &shared, sink);
    let units = attach_points::expand(program, &shared, sink);
    shared.c.set_programs(units.iter().flat_map(|unit| &unit.bodies).map(|body| body.places[0].0.clone()));
    modes::check(&units, options.mode, sink);
    let functions = functions::collect(program, sink);
    let names = names::resolve(program, &functions, &expansions, sink);
    // Types are inferred even after errors, so that one run says all there is to say; what is already in error has type `void`.
    let typed = infer::infer(program, &shared, units, &functions, &names, sink);
    if sink.has_errors() {
        return None;
    }
    let compiled = lower::lower(&shared, &typed, sink);
    if sink.has_errors() {
        return None;
    }
    let broken = ir::verify(&compiled).err();
    debug_assert_eq!(broken, None, "lowering keeps the invariants of the IR");
    Some(compiled)
}

fn probes(c: CSide, program: &ast::Program, sources: &mut Sources, options: &Options, sink: &mut Sink) -> Vec<String> {
    let CSide { reading, answer } = c;
    let mut unit = reading.unit(answer, sink);
    c_types::add_header_macros(&mut unit, answer, program, sources);
    let c_macros = c_types::script_macros(&unit, answer);
    let macros::Expanded { program, expansions } = macros::expand(program, c_macros, sources, sink);
    let config = config::resolve(&program, options, sink);
    let held_back = config::held_back(&config, options, sink);
    let c = c_types::CTypes::of(unit, reading.facts, answer, sink);
    let (c_imports, folded) = (&CImports::default(), RefCell::default());
    let shared = Shared { facts: reading.facts, options, sources, c, config, held_back, c_imports, expansions: &expansions, folded };
    let units = attach_points::expand(&program, &shared, sink);
    let traced = units.iter().filter(|unit| unit.planned.role == ir::Role::Traced);
    traced
        .flat_map(|unit| unit.bodies.iter())
        .filter(|body| body.leaves.is_none())
        .flat_map(|body| body.places.iter())
        .map(|(place, _)| place.name())
        .collect()
}

/// The crates below, for the command line: it names this crate and no other of the front end (DESIGN §2).
pub mod frontend {
    pub use rbtrace_ir as ir;
    pub use rbtrace_lang as lang;
    pub use rbtrace_syntax as syntax;
    pub use rbtrace_types as types;
}
