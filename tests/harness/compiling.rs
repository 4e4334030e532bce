//! Cases of the compiler alone: what it says, and what it makes. They need no root, no BTF and no LLVM: the machine is a text.

use rbtrace_diag::{Sink, Sources, Style, render};
use rbtrace_sema::Options;
use rbtrace_sema::frontend::types::fixture::Fixture;
use rbtrace_sema::frontend::{ir, syntax};

use super::file::{CaseFile, words};

/// `errors`: every diagnostic as the user sees it, without colours.
pub fn errors(file: &CaseFile) -> Result<(), String> {
    let compiled = compile(file)?;
    if compiled.said.is_empty() {
        return Err("the compiler has nothing to say about this program".into());
    }
    let lines: Vec<&str> = compiled.said.lines().map(str::trim_end).collect();
    file.check("expect", &lines)
}

/// `sema`: the text of the program after lowering.
pub fn ir(file: &CaseFile) -> Result<(), String> {
    let compiled = compile(file)?;
    let Some(program) = &compiled.program else { return Err(compiled.said) };
    let text = ir::print(program);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    file.check("expect", &lines)
}

struct Compiled {
    program: Option<ir::Program>,
    said: String,
}

fn compile(file: &CaseFile) -> Result<Compiled, String> {
    let other: String = file.values("MACHINE").flat_map(|line| [line, "\n"]).collect();
    let machine = format!("{}\n{other}", include_str!("../facts/small.txt"));
    let facts = Fixture::parse(&machine).map_err(|error| format!("tests/facts/small.txt: {error}"))?;
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    let (mut sources, mut sink) = (Sources::default(), Sink::default());
    let source = sources.add(name, file.program.as_str());
    let tree = syntax::parse(&sources, source, &mut sink);
    let options = options(file)?;
    // As the command line does it: a text that does not parse is not looked at further.
    let program = if sink.has_errors() { None } else { rbtrace_sema::compile(&tree, &mut sources, &facts, &options, &mut sink) };
    let said = sink.sorted().into_iter().map(|diagnostic| render(diagnostic, &sources, Style::default())).collect();
    Ok(Compiled { program, said })
}

/// `RUN: --unsafe -p 7`, `PARAMS: a b`, `ENV: BPFTRACE_MAX_STRLEN=8`
fn options(file: &CaseFile) -> Result<Options<'_>, String> {
    // Tests must not depend on how much memory this machine has.
    let mut options = Options { available_memory: 1 << 30, ..Options::default() };
    options.params = words(file.value("PARAMS").unwrap_or_default())?;
    let flags = words(file.value("RUN").unwrap_or_default())?;
    let mut flags = flags.iter().map(String::as_str);
    while let Some(flag) = flags.next() {
        match flag {
            "--unsafe" => options.is_unsafe = true,
            "-p" => options.pid = flags.next().and_then(|pid| pid.parse().ok()),
            other => return Err(format!("RUN: `{other}` means nothing where nothing runs")),
        }
    }
    for (name, value) in file.values("ENV").filter_map(|variable| variable.split_once('=')) {
        let key = name.trim_start_matches("BPFTRACE_").trim_start_matches("RBTRACE_").to_lowercase();
        options.config.push((key, value.to_owned()));
    }
    Ok(options)
}
