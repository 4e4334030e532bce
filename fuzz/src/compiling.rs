//! Properties of the whole front end, on a machine that is a text.

use std::sync::LazyLock;

use rbtrace_interp::{Machine, Nowhere};
use rbtrace_ir as ir;
use rbtrace_sema::Options;
use rbtrace_types::fixture::Fixture;

use crate::MACHINE;
use crate::texts::read;

static FACTS: LazyLock<Fixture> = LazyLock::new(|| Fixture::parse(MACHINE).expect("tests/facts/small.txt is a machine"));

/// What a process gives its first thread.
const STACK: usize = 8 << 20;

/// Larger than any context that a program reads from.
const CONTEXT: [u8; 4096] = [0; 4096];

/// Faults that are the interpreter's own limits: its patience, and that its memory has no place in a machine's.
const LIMITS: [&str; 2] = ["runs forever", "the context has no address here"];

/// Compiles on a stack as large as a program's own: the passes walk as deep as the limits on nesting allow, which a test's thread is too small for.
fn compiled(data: &[u8]) -> Option<ir::Program> {
    let compiler = std::thread::Builder::new().stack_size(STACK);
    std::thread::scope(|scope| {
        let thread = compiler.spawn_scoped(scope, || compiled_here(data)).expect("a thread can be started");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn compiled_here(data: &[u8]) -> Option<ir::Program> {
    let (mut sources, tree, mut sink) = read(data)?;
    if sink.has_errors() {
        return None;
    }
    let params = ["1", "two", "3"].map(str::to_string).to_vec();
    let options = Options { params, is_unsafe: true, available_memory: 1 << 30, ..Options::default() };
    let program = rbtrace_sema::compile(&tree, &mut sources, &*FACTS, &options, &mut sink);
    assert_eq!(program.is_none(), sink.has_errors(), "a program, or errors");
    program
}

/// What compiles keeps the invariants of the IR, and its manifest survives its text.
pub fn compile(data: &[u8]) {
    let Some(program) = compiled(data) else { return };
    assert_eq!(ir::verify(&program).err(), None);
    let text = serde_json::to_string(&program.manifest).expect("a manifest is plain data");
    let again: ir::Manifest = serde_json::from_str(&text).expect("a manifest reads its own text");
    assert_eq!(serde_json::to_string(&again).expect("plain data"), text);
}

/// What compiles touches no memory that is not its own: what the kernel's verifier would refuse is a fault here.
pub fn interpret(data: &[u8]) {
    let Some(program) = compiled(data) else { return };
    let mut machine = Machine::new(&program, Nowhere);
    // Loops are walked often enough by then, and a script may well say eight million rounds.
    machine.patience = 200_000;
    for function in &program.functions {
        if let Err(fault) = machine.run(function, &CONTEXT) {
            assert!(LIMITS.contains(&fault.0.as_str()), "{fault}");
        }
    }
}

/// Any text stands where an attach point does, and where a listing pattern does: it names places or is refused.
pub fn attach_point(data: &[u8]) {
    compile(&[data, b" { @ = count() }"].concat());
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parts: Vec<&str> = text.split(':').collect();
    for row in rbtrace_lang::probes::ALL {
        for listed in (row.list)(&*FACTS, &parts, true) {
            assert!(!listed.name.is_empty());
        }
    }
}
