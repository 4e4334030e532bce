//! The language manual is what the tables say, and its examples compile. `cargo xtask manual` writes it anew.

use std::fmt::Write;

use rbtrace_diag::{Sink, Sources, Style, render};
use rbtrace_lang::row::{Allowed, Builtin};
use rbtrace_lang::{aggregations, config, functions, probes, variables};
use rbtrace_sema::Options;
use rbtrace_sema::frontend::syntax;
use rbtrace_sema::frontend::types::fixture::Fixture;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/rbtrace-lang/MANUAL.md");

const INTRODUCTION: &str = "\
# The language of rbtrace: reference

Written by `cargo xtask manual` from the tables in `src/`; change it there. The README has a first tour, `rbtrace --help` the options.
";

#[test]
fn the_manual_is_what_the_tables_say() {
    let text = manual();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(PATH, &text).expect("the manual can be written");
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    let different = written.lines().zip(text.lines()).find(|(written, wanted)| written != wanted);
    assert!(written == text, "MANUAL.md is not what the tables say ({different:?}); run `cargo xtask manual`");
}

#[test]
fn its_examples_compile() {
    let machine = concat!(include_str!("facts/small.txt"), include_str!("facts/manual.txt"));
    let facts = Fixture::parse(machine).expect("tests/facts/*.txt are machines");
    let text = manual();
    let mut wrong = String::new();
    // Between fences: every second part.
    for example in text.split("```\n").skip(1).step_by(2) {
        let (mut sources, mut sink) = (Sources::default(), Sink::default());
        let source = sources.add("example", example);
        let tree = syntax::parse(&sources, source, &mut sink);
        let options =
            Options { available_memory: 1 << 30, is_unsafe: true, params: vec!["1".into(), "2".into(), "3".into()], ..Options::default() };
        if !sink.has_errors() {
            rbtrace_sema::compile(&tree, &mut sources, &facts, &options, &mut sink);
        }
        if sink.has_errors() {
            wrong.extend(sink.sorted().into_iter().map(|said| render(said, &sources, Style::default())));
        }
    }
    assert!(wrong.is_empty(), "examples of the manual do not compile:\n{wrong}");
}

fn manual() -> String {
    let mut text = INTRODUCTION.to_string();
    section(&mut text, "Probe types");
    for row in probes::ALL {
        page(&mut text, row.name, row.aliases, row.signature, row.manual);
    }
    section(&mut text, "Variables");
    variables::ALL.iter().for_each(|row| builtin(&mut text, row));
    section(&mut text, "Functions");
    functions::ALL.iter().for_each(|row| builtin(&mut text, row));
    section(&mut text, "Aggregations");
    for row in aggregations::ALL {
        page(&mut text, row.name, &[], row.signature, row.manual);
    }
    section(&mut text, "Configuration keys");
    for row in config::ALL {
        page(&mut text, row.name, row.aliases, "", row.manual);
        say(&mut text, &format!("Default: `{}`.", row.default));
    }
    text
}

fn section(text: &mut String, title: &str) {
    say(text, &format!("## {title}"));
}

fn builtin(text: &mut String, row: &Builtin) {
    page(text, row.name, row.aliases, row.signature, row.manual);
    if let Allowed::Only(probes) = row.allowed {
        say(text, &format!("Only in: {}.", probes.join(", ")));
    }
    if row.is_unsafe {
        say(text, "Needs `--unsafe`.");
    }
}

fn page(text: &mut String, name: &str, aliases: &[&str], signature: &str, manual: &str) {
    say(text, &format!("### {name}"));
    if !signature.is_empty() {
        let forms: Vec<String> = signature.lines().map(|form| format!("`{form}`")).collect();
        say(text, &forms.join(" · "));
    }
    say(text, manual.trim());
    if !aliases.is_empty() {
        let aliases: Vec<String> = aliases.iter().map(|alias| format!("`{alias}`")).collect();
        say(text, &format!("Also: {}.", aliases.join(", ")));
    }
}

/// A paragraph of its own.
fn say(text: &mut String, paragraph: &str) {
    writeln!(text, "\n{paragraph}").expect("strings take all text");
}
