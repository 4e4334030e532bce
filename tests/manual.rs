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

const MACROS: &str = "\
A macro is replaced by its body wherever it is called; the last expression of the body is its value.

```
macro later($t, by) { $t += by; $t }
macro first(@m) { let $key; for ($kv : @m) { $key = $kv.0; break; } $key }
macro pair(t) { sizeof(t[2]) }
begin { $at = 1; print(later($at, 5)); @a[7] = 1; print(first(@a)); print(pair(typeof(uint32))); }
```

A parameter `$t` takes a variable and `@m` a map, which the body then changes; any other parameter takes an expression, put in at every use, or a
type (`typeof(uint32)`). Macros of one name differ in the number or the kinds of their parameters, and the one that fits best is taken. A body
has variables of its own and touches no map that it was not given. It cannot call itself, nor jump out of itself but with `exit()`.

`comptime e` is evaluated while the script is compiled. Of `if comptime` only the branch that is taken is looked at, so the other one may hold
what would be wrong here. `sizeof(e)`, `offsetof(T, a.b)` and `typeof(e)` evaluate nothing; `typeof(@m)` of a map with keys is the type of its key.

```
macro show(x) { if comptime is_str(x) { printf(\"%s\\n\", x); } else { printf(\"%d\\n\", x); } }
begin { show(comm); show(pid); let $id : typeof(pid) = 1; show($id); }
```

`import \"lib/net.bt\";` before the first probe adds what another file defines: probes, macros, map declarations. The path is relative to the
script; a directory stands for all files in it. Each file is read once. A `config` block belongs to the script alone.
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
    section(&mut text, "Macros, decisions at compile time, imports");
    say(&mut text, MACROS.trim());
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
        say(&mut text, &format!("Default: `{}`.", row.default));
    }
    text
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
