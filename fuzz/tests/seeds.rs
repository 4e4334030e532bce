//! Every property on every case of the house, whole and cut short: the seeds of the fuzzer, without the fuzzer.

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

#[test]
fn properties_hold_for_the_cases() {
    let mut found = Vec::new();
    seeds(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests"), &mut found);
    assert!(found.len() > 10, "the cases are the seeds");
    for (path, seed) in &found {
        for (name, property) in rbtrace_fuzz::PROPERTIES {
            // Shown when it fails.
            println!("{name}: {}", path.display());
            property(seed);
            property(&seed[..seed.len() / 2]);
            property(&seed[seed.len() / 3..]);
        }
    }
}
