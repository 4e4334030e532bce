//! Sizes of files and functions, first lines, `unsafe`: the rooms of the house.

use super::house::{File, nothing, read, rust_files};

/// Lines of a file without its tests: the middle one, nine of ten, all.
const FILE_LINES: (usize, usize, usize) = (200, 400, 500);

/// Lines of a function: nine of ten, 99 of a hundred, all.
const FUNCTION_LINES: (usize, usize, usize) = (35, 80, 120);

/// The only files that may say `unsafe`, and for what.
const UNSAFE: &[(&str, &str)] = &[
    ("crates/rbtrace-codegen/src/builder.rs", "LLVM's address arithmetic, which inkwell calls unsafe"),
    ("crates/rbtrace-codegen/src/machine.rs", "LLVM's diagnostics, which inkwell hides, and its parser of BPF assembly"),
    ("crates/rbtrace-host/src/binaries/file.rs", "maps programs and libraries"),
    ("crates/rbtrace-host/src/binaries/indirect.rs", "dlsym"),
    ("crates/rbtrace-host/src/binaries/names.rs", "the C++ library, which knows the names of C++"),
    ("crates/rbtrace-host/src/btf/mod.rs", "maps the kernel's type information"),
    ("crates/rbtrace-host/src/clang/library.rs", "libclang, which is a C library"),
    ("crates/rbtrace-host/src/cut_short.rs", "a signal handler"),
    ("crates/rbtrace-runtime/src/sys/mod.rs", "descriptors that system calls hand out"),
    ("crates/rbtrace-runtime/src/sys/bpf.rs", "loading, attaching and running programs"),
    ("crates/rbtrace-runtime/src/sys/fork.rs", "the command that waits, and leaving slow closes behind"),
    ("crates/rbtrace-runtime/src/sys/kernel_btf.rs", "the types of modules and of loaded programs"),
    ("crates/rbtrace-runtime/src/sys/maps.rs", "batches of entries, which libbpf-rs does not offer for per-CPU maps"),
    ("crates/rbtrace-runtime/src/sys/object.rs", "libbpf's relocated programs, which libbpf-rs does not hand out"),
    ("crates/rbtrace-runtime/src/sys/mapping.rs", "memory shared with the kernel"),
    ("crates/rbtrace-runtime/src/sys/perf.rs", "perf_event_open"),
    ("crates/rbtrace-runtime/src/sys/ptrace.rs", "ptrace, by numbers only"),
    ("crates/rbtrace-runtime/src/sys/signal.rs", "a signal handler"),
    ("crates/rbtrace-runtime/src/sys/time.rs", "strftime in the local zone"),
    ("crates/xtask/src/bench/child.rs", "wait4: what one finished child has used"),
];

fn percentile(sorted: &[usize], percent: usize) -> usize {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

#[test]
fn files_have_one_subject() {
    let files = rust_files("crates");
    let size = |file: &File| file.code().lines().count();
    let mut sizes: Vec<usize> = files.iter().map(size).collect();
    sizes.sort_unstable();
    let (middle, most) = (percentile(&sizes, 50), percentile(&sizes, 90));
    println!("files: {}, lines p50 {middle}, p90 {most}, max {}", sizes.len(), percentile(&sizes, 100));
    let large = files.iter().filter(|file| size(file) > FILE_LINES.2);
    nothing(large.map(|file| format!("{}: {} lines", file.path, size(file))).collect(), "split by subject");
    assert!(middle <= FILE_LINES.0 && most <= FILE_LINES.1, "files grow: p50 {middle}, p90 {most}");
}

#[test]
fn functions_fit_a_screen() {
    let mut functions: Vec<(usize, String)> = rust_files("crates")
        .iter()
        .flat_map(|file| functions(file.code()).into_iter().map(|(n, name)| (n, format!("{}: {name}", file.path))))
        .collect();
    functions.sort();
    let sizes: Vec<usize> = functions.iter().map(|(size, _)| *size).collect();
    let (most, nearly_all) = (percentile(&sizes, 90), percentile(&sizes, 99));
    println!("functions: {}, lines p90 {most}, p99 {nearly_all}, max {}", sizes.len(), percentile(&sizes, 100));
    let large = functions.iter().rev().take_while(|(size, _)| *size > FUNCTION_LINES.2);
    nothing(large.map(|(size, name)| format!("{name}: {size} lines")).collect(), "split by thought");
    let longest = functions.iter().rev().take(5).map(|(size, name)| format!("{size} {name}"));
    let longest = longest.collect::<Vec<_>>().join(", ");
    assert!(most <= FUNCTION_LINES.0 && nearly_all <= FUNCTION_LINES.1, "functions grow: p90 {most}, p99 {nearly_all}: {longest}");
}

/// Lines and name of each function. The texts are rustfmt's, so a function ends where its indentation comes back.
fn functions(code: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let closing = format!("{indentation}}}");
        // A declaration without a body, or a body on one line, ends where it begins.
        let opened = lines[start..].iter().position(|line| line.ends_with('{') || line.ends_with(';') || line.ends_with('}'));
        let Some(opened) = opened.filter(|&at| lines[start + at].ends_with('{')) else { continue };
        let length = lines[start + opened..].iter().position(|line| line.trim_end() == closing);
        found.extend(length.map(|length| (opened + length + 1, name.to_string())));
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let mut words = line.trim_start();
    while let Some(rest) =
        ["pub ", "pub(crate) ", "pub(super) ", "const ", "unsafe ", "extern \"C\" "].iter().find_map(|word| words.strip_prefix(word))
    {
        words = rest;
    }
    words.strip_prefix("fn ")?.split(['(', '<']).next()
}

#[test]
fn a_function_is_measured_from_its_name_to_its_brace() {
    let text = "impl A {\n    pub fn one(\n        a: u8,\n    ) -> u8 {\n        a\n    }\n    fn two() {}\n    fn three();\n}\nfn four() {\n    x\n}\n";
    assert_eq!(functions(text), [(5, "one".to_string()), (3, "four".to_string())]);
}

#[test]
fn files_say_what_they_know() {
    let all = ["crates", "tests", "fuzz"].into_iter().flat_map(rust_files);
    let silent = all.filter(|file| !file.text.starts_with("//! ") || file.text.starts_with("//! (written"));
    nothing(silent.map(|file| file.path).collect(), "the first line of a file is `//!` and says what the file knows");
    assert!(read("build.rs").starts_with("//! "));
}

#[test]
fn unsafe_stays_in_its_files() {
    let says = |file: &File| file.text.lines().map(code_of_line).any(|code| UNSAFE_WORDS.iter().any(|word| code.contains(word)));
    let listed = |path: &str| UNSAFE.iter().any(|(file, _)| *file == path);
    let wrong = rust_files("crates").into_iter().filter(|file| says(file) && !listed(&file.path));
    nothing(wrong.map(|file| file.path).collect(), "`unsafe` outside the listed files; find a safe way or argue for the list");
    let idle = UNSAFE.iter().filter(|(path, _)| !says(&File { path: path.to_string(), text: read(path) }));
    nothing(idle.map(|(path, _)| path.to_string()).collect(), "no `unsafe` there any more: shorten the list");
}

const UNSAFE_WORDS: [&str; 4] = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"];

/// A line without its comment.
fn code_of_line(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

#[test]
fn the_grammar_is_one_readable_file() {
    let grammar = read("grammar/rbtrace.lalrpop");
    let lines = grammar.lines().count();
    assert!((1..=700).contains(&lines), "the grammar has {lines} lines");
    let entries = grammar.lines().filter(|line| line.starts_with("pub ")).count();
    assert!(entries <= 3, "the grammar has {entries} entry points");
}

#[test]
fn main_only_starts() {
    let lines = read("crates/rbtrace-cli/src/main.rs").lines().count();
    assert!((1..=80).contains(&lines), "main.rs has {lines} lines: it starts the program and no more");
}
