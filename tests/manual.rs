//! The language manual is what the tables say, and its examples compile. `cargo xtask manual` writes it anew.

use std::fmt::Write;

use rbtrace_diag::{Sink, Sources, Style, render};
use rbtrace_lang::row::{Allowed, Builtin};
use rbtrace_lang::{aggregations, config, functions, probes, variables, warnings};
use rbtrace_sema::frontend::syntax;
use rbtrace_sema::frontend::types::fixture::Fixture;
use rbtrace_sema::{Mode, Options};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/rbtrace-lang/MANUAL.md");

const INTRODUCTION: &str = "\
# The language of rbtrace: reference

Written by `cargo xtask manual` from the tables in `src/`, the chapters in `reference/` and the definitions of the options; change it there. The
README has a first tour.
";

/// Chapters that no table holds. Every block of code in them is a script of its own.
const CHAPTERS: [&str; 5] = [
    include_str!("../crates/rbtrace-lang/reference/programs.md"),
    include_str!("../crates/rbtrace-lang/reference/values.md"),
    include_str!("../crates/rbtrace-lang/reference/maps.md"),
    include_str!("../crates/rbtrace-lang/reference/macros.md"),
    include_str!("../crates/rbtrace-lang/reference/output.md"),
];

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
    let text = manual();
    let said = examples(&text).map(compile).filter(|(_, sink)| sink.has_errors());
    let wrong: String = said.map(|(sources, sink)| rendered(&sources, &sink)).collect();
    assert!(wrong.is_empty(), "examples of the manual do not compile:\n{wrong}");
}

#[test]
fn the_example_of_a_warning_gives_it() {
    for warning in warnings::ALL.iter().filter(|warning| warning.compiling) {
        for example in examples(warning.manual) {
            let (sources, sink) = compile(example);
            let given = sink.sorted().iter().any(|said| said.code == Some(warning.code));
            assert!(given, "{}: this gives no such warning:\n{example}\n{}", warning.code, rendered(&sources, &sink));
        }
    }
}

/// What stands between fences: every second part.
fn examples(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").skip(1).step_by(2)
}

/// Everything that is said about a script on the machine of the tests.
fn compile(example: &str) -> (Sources, Sink) {
    let machine = concat!(include_str!("facts/small.txt"), include_str!("facts/manual.txt"));
    let facts = Fixture::parse(machine).expect("tests/facts/*.txt are machines");
    let (mut sources, mut sink) = (Sources::default(), Sink::default());
    let source = sources.add("example", example);
    let tree = syntax::parse(&sources, source, &mut sink);
    let params = vec!["1".into(), "2".into(), "3".into()];
    let options = Options { available_memory: 1 << 30, is_unsafe: true, params, mode: Mode::Everything, ..Options::default() };
    if !sink.has_errors() {
        rbtrace_sema::compile(&tree, &mut sources, &facts, &options, &mut sink);
    }
    (sources, sink)
}

fn rendered(sources: &Sources, sink: &Sink) -> String {
    sink.sorted().into_iter().map(|said| render(said, sources, Style::default())).collect()
}

fn manual() -> String {
    let mut text = INTRODUCTION.to_string();
    CHAPTERS.into_iter().for_each(|chapter| say(&mut text, chapter.trim()));
    section(&mut text, "Probe types");
    for row in probes::ALL {
        page(&mut text, row.name, row.aliases, row.signature, row.manual);
    }
    section(&mut text, "Variables");
    variables::ALL.iter().for_each(|row| builtin(&mut text, row));
    section(&mut text, "Functions");
    functions::ALL.iter().for_each(|row| builtin(&mut text, row));
    section(&mut text, "Macros of the standard library");
    say(&mut text, "Part of every script, written in the language itself; a script's own macro of the same name and parameters wins.");
    stdlib(&mut text);
    section(&mut text, "Aggregations");
    for row in aggregations::ALL {
        page(&mut text, row.name, &[], row.signature, row.manual);
    }
    section(&mut text, "Configuration keys");
    for row in config::ALL {
        page(&mut text, row.name, row.aliases, "", row.manual);
        if !row.default.is_empty() {
            say(&mut text, &format!("Default: `{}`.", row.default));
        }
        say(&mut text, &format!("```\nconfig = {{ {} = {} }}\nbegin {{ exit(); }}\n```", row.name, config_value(row.default)));
    }
    section(&mut text, "Warnings");
    say(
        &mut text,
        "The code of a warning stands below it; in JSON it is the member `code` (with `-v`, where the line has a shape that other programs know). `rbtrace --explain CODE` shows its page, `--no-warnings=CODE` holds such warnings back.",
    );
    for warning in warnings::ALL {
        page(&mut text, warning.code, &[], "", warning.manual);
    }
    section(&mut text, "Command line");
    text + "\n" + &rbtrace_cli::manual()
}

/// A value as a script writes it: numbers and words as they are, everything else in quotes.
fn config_value(text: &str) -> String {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain { text.to_string() } else { format!("\"{text}\"") }
}

/// The comment above a macro is its page; what is indented there is its example.
fn stdlib(text: &mut String) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/stdlib");
    let files = std::fs::read_dir(folder).expect("stdlib/ is there").map(|entry| entry.expect("readable").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "bt")).collect();
    files.sort();
    for file in files {
        let source = std::fs::read_to_string(file).expect("the library can be read");
        let mut about = String::new();
        for line in source.lines() {
            match (line.strip_prefix("//"), line.strip_prefix("macro ")) {
                (Some(comment), _) => writeln!(about, "{}", comment.strip_prefix(' ').unwrap_or(comment)).expect("strings take all text"),
                (None, Some(head)) => stdlib_page(text, head.trim_end_matches(" {"), &std::mem::take(&mut about)),
                (None, None) => about.clear(),
            }
        }
    }
}

fn stdlib_page(text: &mut String, signature: &str, about: &str) {
    let (said, example): (Vec<&str>, Vec<&str>) = about.lines().partition(|line| !line.starts_with("    "));
    let example: Vec<&str> = example.iter().map(|line| line.trim_start()).collect();
    let manual = format!("{}\n\n```\n{}\n```", said.join("\n").trim(), example.join("\n"));
    page(text, signature.split('(').next().unwrap_or(signature), &[], signature, &manual);
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
