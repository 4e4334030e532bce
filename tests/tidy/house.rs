//! The repository as the rules see it: its Rust files, with and without their tests; and what stands at its root.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a newcomer sees, all of it (DESIGN §2).
const ROOT: [&str; 8] = ["Cargo.toml", "build.rs", "crates", "grammar", "stdlib", "tests", "fuzz", "README.md"];

/// May stand beside it.
const BESIDE: [&str; 5] = ["Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT", "rust-toolchain.toml", "target"];

/// A Rust file.
pub struct File {
    /// From the root of the repository, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl File {
    /// Without the tests at its end.
    pub fn code(&self) -> &str {
        self.text.split_once("\n#[cfg(test)]\nmod ").map_or(&self.text, |(code, _)| code)
    }

    /// Whether all of it is tests.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// The crate it belongs to; empty outside `crates/`.
    pub fn in_crate(&self) -> &str {
        self.path.strip_prefix("crates/").and_then(|path| path.split('/').next()).unwrap_or_default()
    }
}

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the repository; empty where there is none.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// All Rust files below a directory of the repository, in order of their paths.
pub fn rust_files(directory: &str) -> Vec<File> {
    files(directory).into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

/// All text files below a directory of the repository, in order of their paths.
pub fn files(directory: &str) -> Vec<File> {
    let mut found = Vec::new();
    walk(&root().join(directory), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(directory: &Path, found: &mut Vec<File>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if entry.file_name() != "target" {
                walk(&path, found);
            }
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let path = path.strip_prefix(root()).expect("walked from the root").to_string_lossy().into_owned();
            found.push(File { path, text });
        }
    }
}

/// Fails with all that is wrong and what to do about it.
#[track_caller]
pub fn nothing(wrong: Vec<String>, remedy: &str) {
    assert!(wrong.is_empty(), "{remedy}:\n  {}\n", wrong.join("\n  "));
}

#[test]
fn the_root_shows_eight_names() {
    let entries = std::fs::read_dir(root()).expect("the root can be listed").flatten();
    let names: BTreeSet<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let known = |name: &str| name.starts_with('.') || ROOT.contains(&name) || BESIDE.contains(&name);
    nothing(names.iter().filter(|name| !known(name)).cloned().collect(), "the root holds more than DESIGN §2 names; find them a room");
    let missing = ROOT.iter().filter(|name| !names.contains(**name));
    nothing(missing.map(|name| name.to_string()).collect(), "the root lacks what DESIGN §2 names");
}
