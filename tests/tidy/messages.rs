//! What the compiler says: every message of a diagnostic is shown by a case.

use regex_lite::Regex;

use super::house::{File, files, nothing, rust_files};

/// The crates that explain a program to its author.
const SPEAKERS: [&str; 3] = ["rbtrace-syntax", "rbtrace-sema", "rbtrace-lang"];

/// Said only where rbtrace or its library is at fault, or on machines that a case cannot stand for.
const UNSHOWN: [&str; 4] = [
    // A case would be a megabyte.
    "this script is too large: \0 operations, at most \0 are possible",
    "this probe type cannot be attached",
    // The machine of the tests has the functions that are called.
    "this kernel cannot look up threads by their id",
    "the type of `$\0` is not known",
];

#[test]
fn messages_have_a_case() {
    let cases: String =
        files("tests/cases").into_iter().chain(rust_files("crates").into_iter().filter(File::is_test)).map(|file| file.text).collect();
    let mut without = Vec::new();
    for file in rust_files("crates").iter().filter(|file| SPEAKERS.contains(&file.in_crate()) && !file.is_test()) {
        for message in messages(file.code()) {
            let is_shown = |part: &&str| part.len() < 3 || cases.contains(*part);
            if !UNSHOWN.contains(&message.as_str()) && !message.split('\0').all(|part| is_shown(&part)) {
                without.push(format!("{}: {}", file.path, message.replace('\0', "…")));
            }
        }
    }
    nothing(without, "a message has a case in tests/cases/errors that shows it");
}

/// The messages that a file makes, with NUL where a value stands.
fn messages(code: &str) -> Vec<String> {
    let continued = Regex::new(r"\\\n\s*").expect("a valid pattern");
    let marked = Regex::new(
        r#"(?:let message = |Diagnostic::error\(|Diagnostic::general\(|warnings::[A-Z_]+\.(?:at|general)\()([^;"]*)"((?:[^"\\]|\\.)*)""#,
    );
    let value = Regex::new(r"\{[^{}]*\}").expect("a valid pattern");
    let code = continued.replace_all(code, "");
    let found =
        marked.expect("a valid pattern").captures_iter(&code).map(|found| (found[1].to_string(), found[2].to_string())).collect::<Vec<_>>();
    // A message that was made before is followed by other texts about it.
    let says = |(before, _): &&(String, String)| ![".because(", ".hint(", ".label("].iter().any(|aside| before.contains(aside));
    let plain = |text: &str| {
        value.replace_all(&text.replace("{{", "\u{1}").replace("}}", "\u{2}"), "\0").replace('\u{1}', "{").replace('\u{2}', "}")
    };
    found.iter().filter(says).map(|(_, text)| plain(text).replace("\\\"", "\"")).collect()
}
