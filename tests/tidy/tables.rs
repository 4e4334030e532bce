//! The tables of rbtrace-lang: each row's name stands in one file, and each row has a case.

use rbtrace_lang::{aggregations, config, functions, named, probes, variables, warnings};

use super::house::{File, files, nothing, rust_files};

/// Shorter names are words of every text.
const SHORTEST: usize = 4;

/// Where a name is said as something else.
const OTHER_MEANINGS: [(&str, &str, &str); 14] = [
    ("test", "crates/rbtrace-cli/src/args/mode.rs", "a mode of the command line"),
    ("bench", "crates/rbtrace-cli/src/args/mode.rs", "a mode of the command line"),
    ("strncmp", "crates/rbtrace-ir/src/helper.rs", "the kernel's helper"),
    ("strncmp", "crates/rbtrace-types/src/facts.rs", "whether the kernel has it"),
    ("cgroup", "crates/rbtrace-types/src/fixture.rs", "a statement of the machine's text"),
    ("cgroup", "crates/rbtrace-host/src/cgroups.rs", "the kernel's file system"),
    ("comm", "crates/rbtrace-lang/src/variables/task_fields.rs", "a member of the kernel's tasks"),
    ("signal", "crates/rbtrace-lang/src/probes/own_signal.rs", "a part of an attach point"),
    ("probe", "crates/rbtrace-syntax/src/print.rs", "a node of the printed tree"),
    ("count", "crates/rbtrace-lang/src/aggregations/stats.rs", "a field of what `stats` prints"),
    ("tracepoint", "crates/rbtrace-ir/src/print.rs", "a mechanism of attaching"),
    ("license", "crates/rbtrace-codegen/src/module.rs", "a section of the object"),
    ("config", "crates/rbtrace-syntax/src/lexer/mod.rs", "the word before a block of settings"),
    ("config", "crates/rbtrace-syntax/src/print.rs", "a node of the printed tree"),
];

/// Which table, the row's name, and all names a script may use for it.
fn rows() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let mut rows = Vec::new();
    rows.extend(functions::ALL.iter().map(|row| ("function", row.name, [&[row.name], row.aliases].concat())));
    rows.extend(variables::ALL.iter().map(|row| ("variable", row.name, [&[row.name], row.aliases].concat())));
    rows.extend(aggregations::ALL.iter().map(|row| ("aggregation", row.name, vec![row.name])));
    rows.extend(probes::ALL.iter().map(|row| ("probe type", row.name, [&[row.name], row.aliases].concat())));
    rows.extend(config::ALL.iter().map(|row| ("config key", row.name, [&[row.name], row.aliases].concat())));
    rows
}

#[test]
fn a_name_has_one_owner() {
    let sources = rust_files("crates");
    let mut wrong = Vec::new();
    for (table, name, _) in rows().into_iter().filter(|(_, name, _)| name.len() >= SHORTEST) {
        let literal = format!("\"{name}\"");
        let other = |path: &str| OTHER_MEANINGS.iter().any(|(word, file, _)| *word == name && *file == path);
        let looked_at = |file: &File| file.in_crate() != "xtask" && !file.is_test() && !other(&file.path);
        let says = |file: &&File| looked_at(file) && file.code().lines().any(|line| says_as_name(line, &literal));
        let owners: Vec<&str> = sources.iter().filter(says).map(|file| file.path.as_str()).collect();
        if owners.len() != 1 {
            wrong.push(format!("{table} {literal}: {}", owners.join(", ")));
        }
    }
    nothing(wrong, "a name of a row stands as a literal in exactly one file; give the row a field instead of comparing names");
}

/// Comments explain with names, and another row may have this name as an old one of its own.
fn says_as_name(line: &str, literal: &str) -> bool {
    let code = line.trim_start();
    !code.starts_with("//") && !code.starts_with("aliases:") && code.contains(literal)
}

#[test]
fn rows_are_sorted_and_unique() {
    let tables: [(&str, Vec<&str>); 6] = [
        ("functions", functions::ALL.iter().map(|row| row.name).collect()),
        ("variables", variables::ALL.iter().map(|row| row.name).collect()),
        ("aggregations", aggregations::ALL.iter().map(|row| row.name).collect()),
        ("probes", probes::ALL.iter().map(|row| row.name).collect()),
        ("config", config::ALL.iter().map(|row| row.name).collect()),
        ("named", named::ALL.iter().map(|row| row.name).collect()),
    ];
    for (table, names) in tables {
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted, "{table}/mod.rs is alphabetical and names each row once");
    }
}

/// What a case says in the language or on a command line: not its comments, not what it expects.
fn written(case: &File) -> String {
    let options = ["// RUN:", "// ENV:", "// PARAMS:"];
    let of_program = |line: &&str| !line.starts_with("//") || options.iter().any(|option| line.starts_with(option));
    let is_program = case.path.ends_with(".bt");
    let says = |line: &&str| if is_program { of_program(line) } else { line.starts_with('$') };
    case.text.lines().filter(says).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn rows_have_a_case() {
    let cases = ["tests/cases/run", "tests/cases/cli", "tests/cases/list"].into_iter().flat_map(files);
    let text: String = cases.map(|case| written(&case)).collect();
    assert!(!text.is_empty(), "no cases in tests/cases");
    let words: std::collections::BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let used = |names: &[&str]| names.iter().any(|name| words.contains(name) || words.contains(as_variable(name).as_str()));
    let without = rows().into_iter().filter(|(_, _, names)| !used(names)).map(|(table, name, _)| format!("{table} {name}"));
    nothing(without.collect(), "every row of a table is used by a case that runs, in tests/cases/run or cases/cli");
}

/// A configuration key as the environment spells it.
fn as_variable(name: &str) -> String {
    format!("BPFTRACE_{}", name.to_uppercase())
}

#[test]
fn rows_explain_themselves() {
    let mut pages: Vec<(&str, &str, bool)> = Vec::new();
    pages.extend(functions::ALL.iter().chain(variables::ALL).map(|row| (row.name, row.manual, true)));
    pages.extend(aggregations::ALL.iter().map(|row| (row.name, row.manual, true)));
    pages.extend(probes::ALL.iter().map(|row| (row.name, row.manual, true)));
    pages.extend(config::ALL.iter().map(|row| (row.name, row.manual, false)));
    let bare = |(_, manual, example): &(&str, &str, bool)| manual.trim().is_empty() || (*example && !manual.contains("```"));
    nothing(pages.into_iter().filter(bare).map(|page| page.0.to_string()).collect(), "a row has a manual text with an example");
}

/// Warnings of what no case can bring about: that the formatter meets what it cannot write, that root may not watch processes, and more stacks
/// than there is room for. What `warnf` says has a code that is not shown.
const NOT_GIVEN: &[&str] = &["not-formatted", "unfollowed-processes", "stack-lost", "warnf"];

#[test]
fn warnings_have_a_case() {
    let cases: Vec<File> =
        ["tests/cases/errors", "tests/cases/run", "tests/cases/cli", "tests/cases/list"].into_iter().flat_map(files).collect();
    let given = |code: &str| {
        let forms = [format!("──╯ {code}"), format!("~ {code}"), format!("[{code}]")];
        NOT_GIVEN.contains(&code) || cases.iter().any(|case| forms.iter().any(|form| case.text.contains(form)))
    };
    let without = warnings::ALL.iter().filter(|warning| !given(warning.code)).map(|warning| warning.code.to_string());
    nothing(without.collect(), "every warning is given by a case");
    assert!(warnings::ALL.is_sorted_by_key(|warning| warning.code), "warnings.rs is alphabetical");
}
