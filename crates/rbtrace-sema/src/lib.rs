//! AST → IR, as passes in order. Pure: asks [`Facts`] about the machine, says what is wrong to a [`Sink`], never fails and never does IO.

use rbtrace_diag::{Sink, Sources};
use rbtrace_ir as ir;
use rbtrace_syntax::ast;
use rbtrace_types::Facts;

/// What the command line decides about a compilation.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Positional parameters: `$1` is the first.
    pub params: Vec<String>,
    /// The process given by `-p`.
    pub pid: Option<u32>,
    /// The process id of the `-c` child.
    pub child: Option<u32>,
    /// `--unsafe`
    pub is_unsafe: bool,
    /// Configuration from the environment, which overrides the script's block: key (lower case, without prefix) and value.
    pub config: Vec<(String, String)>,
    /// Bytes of memory available, for the size of the ring buffer.
    pub available_memory: u64,
}

/// Compiles a program. `None` if an error was pushed to the sink.
pub fn compile(program: &ast::Program, sources: &Sources, facts: &dyn Facts, options: &Options, sink: &mut Sink) -> Option<ir::Program> {
    let _ = (program, sources, facts, options);
    (!sink.has_errors()).then(ir::Program::default)
}
