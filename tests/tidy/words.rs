//! Words: the vocabulary of DESIGN §5 in declared names, promises without a condition, attributes without a reason.

use super::house::{files, nothing, rust_files};

/// Words that no declared name holds, and what we say instead.
const NOT: [(&str, &str); 12] = [
    ("intrinsic", "builtin"),
    ("intrinsics", "builtins"),
    ("reducer", "aggregation"),
    ("provider", "probe type"),
    ("clause", "probe"),
    ("hook", "attach point"),
    ("async", "event"),
    ("manager", "what it does"),
    ("util", "what it holds"),
    ("utils", "what it holds"),
    ("misc", "what it holds"),
    ("visitor", "a pass: a function over plain data"),
];

/// What no function is called by its first word.
const NOT_FIRST: [(&str, &str); 2] = [("visit", "lower, check, fold …"), ("do", "what it does")];

/// The name that a line declares.
fn declared(line: &str) -> Option<(&str, &str)> {
    let mut words = line.trim_start();
    for qualifier in ["pub(crate) ", "pub(super) ", "pub ", "const ", "unsafe "] {
        words = words.strip_prefix(qualifier).unwrap_or(words);
    }
    let (kind, rest) = words.split_once(' ')?;
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    ["fn", "struct", "enum", "trait", "type", "mod", "static"].contains(&kind).then_some((kind, name))
}

/// `LinkSpec`, `link_spec` → `link`, `spec`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if (c == '_' || c.is_uppercase()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().expect("never empty").extend(c.to_lowercase());
        }
    }
    words
}

#[test]
fn names_come_from_the_vocabulary() {
    assert_eq!(words("LinkSpec"), words("link_spec"));
    let mut wrong = Vec::new();
    for file in rust_files("crates") {
        for (kind, name) in file.text.lines().filter_map(declared) {
            let parts = words(name);
            let bad = NOT.iter().find(|(word, _)| parts.iter().any(|part| part == word));
            let bad = bad.or_else(|| NOT_FIRST.iter().find(|(word, _)| kind == "fn" && parts.len() > 1 && parts[0] == *word));
            wrong.extend(bad.map(|(word, instead)| format!("{}: {kind} {name}: not `{word}` but {instead}", file.path)));
        }
    }
    nothing(wrong, "DESIGN §5 has one word per thing");
}

#[test]
fn promises_have_a_condition() {
    let mut wrong = Vec::new();
    let all = rust_files("crates").into_iter().chain(files("stdlib")).chain(files("grammar"));
    for file in all {
        for (number, line) in file.text.lines().enumerate() {
            let open =
                line.split_once("TODO").is_some_and(|(_, rest)| !["when", "once", "after", "until"].iter().any(|word| rest.contains(word)));
            let left = ["FIXME", "XXX", "todo!(", "unimplemented!("].iter().any(|word| line.contains(word));
            if open || left {
                wrong.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    nothing(wrong, "a TODO says when it can be done; nothing else is left open");
}

#[test]
fn no_test_is_ignored_or_sleeps() {
    let mut wrong = Vec::new();
    let (ignored, sleeps) = (["#[", "ignore"].concat(), ["thread::", "sleep("].concat());
    for file in rust_files("crates").into_iter().chain(rust_files("tests")) {
        // A bench waits for what it measures, and a workload sleeps where its case says so.
        let may_sleep = file.in_crate() == "xtask" || file.path == "tests/harness/workload.rs";
        let bad = |line: &&str| line.trim_start().starts_with(&ignored) || (!may_sleep && line.contains(&sleeps));
        wrong.extend(file.text.lines().filter(bad).map(|line| format!("{}: {}", file.path, line.trim())));
    }
    nothing(wrong, "a test that does not run proves nothing, and one that waits for a time proves little");
}
