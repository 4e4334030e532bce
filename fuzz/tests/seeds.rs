//! Every property on every case of the house, whole, cut short and stirred: a fuzzer for machines without one.

use std::path::{Path, PathBuf};

fn seeds(directory: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).expect("tests can be listed").flatten() {
        if entry.path().is_dir() {
            seeds(&entry.path(), found);
        } else {
            found.push((entry.path(), std::fs::read(entry.path()).expect("cases can be read")));
        }
    }
}

fn cases() -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    seeds(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests"), &mut found);
    assert!(found.len() > 10, "the cases are the seeds");
    found.sort();
    found
}

/// Numbers below what is asked for. Always the same for the same seed.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |most| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % most.max(1) as u64) as usize
    }
}

/// Words of two cases, taken in turn from either, with some left out, doubled or moved. Always the same for the same number.
fn stirred(cases: &[(PathBuf, Vec<u8>)], number: u64) -> Vec<u8> {
    let mut below = dice(number);
    let mut words: Vec<&[u8]> = Vec::new();
    for _ in 0..2 {
        let text = program(&cases[below(cases.len())].1);
        words.extend(text.split_inclusive(|byte| !byte.is_ascii_alphanumeric()));
    }
    for _ in 0..1 + below(6) {
        let (from, to) = (below(words.len()), below(words.len()));
        match below(3) {
            0 => drop(words.remove(from)),
            1 => words.insert(to, words[from]),
            _ => words.swap(from, to),
        }
    }
    words.concat()
}

/// A case's own program, without what is expected of it.
fn program(case: &[u8]) -> &[u8] {
    let end = case.windows(8).position(|bytes| bytes == b"\n// ----").unwrap_or(case.len());
    &case[..end]
}

#[test]
fn properties_hold_for_stirred_cases() {
    // ROUNDS=100000 looks harder.
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let cases: Vec<_> = cases().into_iter().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "bt")).collect();
    for number in 0..rounds {
        let text = stirred(&cases, number);
        for (name, property) in rbtrace_fuzz::PROPERTIES {
            println!("{name}: {number}: {}", String::from_utf8_lossy(&text));
            property(&text);
        }
    }
}

#[test]
fn properties_hold_for_the_cases() {
    for (path, seed) in &cases() {
        for (name, property) in rbtrace_fuzz::PROPERTIES {
            // Shown when it fails.
            println!("{name}: {}", path.display());
            property(seed);
            property(&seed[..seed.len() / 2]);
            property(&seed[seed.len() / 3..]);
        }
    }
}

/// Bytes of a program's debug sections, some of them changed. Always the same for the same number.
fn damaged(program: &[u8], number: u64) -> Vec<u8> {
    let mut below = dice(number);
    let mut bytes = program.to_vec();
    // The debug sections lie behind the code and before the tables at the end.
    let (first, last) = (bytes.len() / 3, bytes.len());
    for _ in 0..1 + below(20) {
        let at = first + below(last - first);
        bytes[at] = match below(4) {
            0 => 0,
            1 => 0xff,
            2 => bytes[at] ^ 1 << below(8),
            _ => below(256) as u8,
        };
    }
    bytes
}

/// Programs with debug information of every kind: how each is built.
const PROGRAMS: [(&str, &str, &[&str]); 6] = [
    ("gcc", "typed.c", &["-gdwarf-5", "-O1"]),
    ("gcc", "typed.c", &["-gdwarf-4", "-O1"]),
    ("g++", "classes.cpp", &["-gdwarf-5", "-O1"]),
    ("g++", "shapes.cpp", &["-gdwarf-5", "-O2", "-fdebug-types-section"]),
    ("gcc", "inlined.c", &["-gdwarf-5", "-O2", "-gz"]),
    ("gcc", "pieces.c", &["-gdwarf-5", "-O2"]),
];

#[test]
fn properties_hold_for_damaged_debug_information() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases/programs").canonicalize().expect("the programs are there");
    let output = std::env::temp_dir().join(format!("rbtrace-seed-{}", std::process::id()));
    for (compiler, source, options) in PROGRAMS {
        // Built where they are, under their bare names: a path of the machine would move what is damaged.
        let mut build = std::process::Command::new(compiler);
        build.current_dir(&programs).arg("-o").arg(&output).args(options).arg(source);
        let built = build.arg(format!("-fdebug-prefix-map={}=/programs", programs.display())).status();
        if !built.is_ok_and(|status| status.success()) {
            println!("skipped test: {compiler} is not here");
            continue;
        }
        let program = std::fs::read(&output).expect("it was built");
        for number in 0..rounds {
            println!("{source} {options:?}: {number}");
            let bytes = damaged(&program, number);
            rbtrace_fuzz::debug_info(&bytes);
            rbtrace_fuzz::unwind(&bytes);
            rbtrace_fuzz::names(&bytes);
        }
    }
    let _ = std::fs::remove_file(output);
}
