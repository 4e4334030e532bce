//! The syntax, case by case: each file of tests/cases/syntax is a script followed by the tree and the diagnostics it gives.
//!
//! `UPDATE_EXPECT=1` writes what they give now; read the difference like code.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "the crate is pure, its test reads the cases")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rbtrace_diag::{Sink, Sources, location};
use rbtrace_syntax::{parse, print};

/// Separates a script from what is expected of it.
const MARK: &str = "// ---- expect\n";

#[test]
fn scripts_give_the_expected_trees_and_diagnostics() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/syntax");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = String::new();
    let files = scripts(&dir);
    assert!(files.len() >= 30, "only {} cases in {}", files.len(), dir.display());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("cases are UTF-8 files");
        let (script, expected) = text.split_once(MARK).unwrap_or((&text, ""));
        let got: String = outcome(script).lines().map(|line| format!("// {line}").trim_end().to_string() + "\n").collect();
        if got == expected {
            continue;
        }
        if update {
            std::fs::write(&file, format!("{script}{MARK}{got}")).expect("cases can be written");
        } else {
            writeln!(wrong, "==== {}\n---- expected\n{expected}---- got\n{got}", file.display()).expect("strings grow");
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nUPDATE_EXPECT=1 accepts what is there now");
}

/// Scripts of others, which are not part of this repository: `RBTRACE_CORPUS` names their directory.
#[test]
fn a_corpus_parses() {
    let Some(dir) = std::env::var_os("RBTRACE_CORPUS") else { return };
    let mut wrong = String::new();
    for file in scripts(Path::new(&dir)) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("the corpus can be read")).into_owned();
        let problems = diagnostics(&text);
        if !problems.is_empty() {
            writeln!(wrong, "{}\n{problems}", file.display()).expect("strings grow");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn scripts(dir: &Path) -> Vec<PathBuf> {
    let list = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut files: Vec<_> =
        list.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.extension().is_some_and(|e| e == "bt")).collect();
    files.sort();
    files
}

/// The diagnostics, if any, then the tree.
fn outcome(script: &str) -> String {
    let mut sources = Sources::default();
    let id = sources.add("case", script);
    let program = parse(&sources, id, &mut Sink::default());
    diagnostics(script) + &print(&program)
}

fn diagnostics(script: &str) -> String {
    let mut sources = Sources::default();
    let id = sources.add("case", script);
    let mut sink = Sink::default();
    parse(&sources, id, &mut sink);
    let mut out = String::new();
    for problem in sink.sorted() {
        let primary = problem.labels.first().expect("syntax errors have a place");
        writeln!(out, "{}: {}", location(primary.span, &sources), problem.message).expect("strings grow");
        writeln!(out, "  {:?}: {}", sources.text(primary.span), primary.text).expect("strings grow");
        for label in &problem.labels[1..] {
            writeln!(out, "  {}: {}", location(label.span, &sources), label.text).expect("strings grow");
        }
        for hint in &problem.hints {
            writeln!(out, "  hint: {hint}").expect("strings grow");
        }
    }
    out
}
