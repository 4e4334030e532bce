//! Which crate may name which (DESIGN §2), read from the manifests. Tests may reach further: only `[dependencies]` counts.

use super::house::{files, nothing, read, root};

/// From, and what it may name; whoever is named stands further down, so there is no way round in a circle.
const ARROWS: [(&str, &[&str]); 12] = [
    ("xtask", &[]),
    ("rbtrace-cli", &["rbtrace-sema", "rbtrace-codegen", "rbtrace-runtime", "rbtrace-host", "rbtrace-diag"]),
    ("rbtrace-runtime", &["rbtrace-lang", "rbtrace-ir", "rbtrace-host"]),
    ("rbtrace-sema", &["rbtrace-lang", "rbtrace-syntax", "rbtrace-ir", "rbtrace-types", "rbtrace-diag"]),
    ("rbtrace-codegen", &["rbtrace-ir", "rbtrace-types"]),
    ("rbtrace-interp", &["rbtrace-ir", "rbtrace-types"]),
    ("rbtrace-host", &["rbtrace-types"]),
    ("rbtrace-lang", &["rbtrace-syntax", "rbtrace-ir", "rbtrace-types", "rbtrace-diag"]),
    ("rbtrace-ir", &["rbtrace-types", "rbtrace-diag"]),
    ("rbtrace-syntax", &["rbtrace-diag"]),
    ("rbtrace-types", &["rbtrace-diag"]),
    ("rbtrace-diag", &[]),
];

/// Libraries with one owner.
const OWNED: [(&str, &str); 8] = [
    ("logos", "rbtrace-syntax"),
    ("lalrpop", "rbtrace-syntax"),
    ("lalrpop-util", "rbtrace-syntax"),
    ("ariadne", "rbtrace-diag"),
    ("inkwell", "rbtrace-codegen"),
    ("libbpf-rs", "rbtrace-runtime"),
    ("libbpf-sys", "rbtrace-runtime"),
    ("clap", "rbtrace-cli"),
];

/// Crates without IO, clock and environment; clippy sees to it by their clippy.toml.
const PURE: [&str; 7] = ["rbtrace-diag", "rbtrace-syntax", "rbtrace-types", "rbtrace-ir", "rbtrace-lang", "rbtrace-sema", "rbtrace-interp"];

/// Names under `[dependencies]`, build and target dependencies included.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]") && !line.contains("dev-dependencies") && !line.contains("workspace");
        } else if inside && line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            names.extend(line.split(['.', '=', ' ']).next().map(str::to_string));
        }
    }
    names
}

#[test]
fn the_list_has_no_circle_and_no_gap() {
    for (place, (from, targets)) in ARROWS.iter().enumerate() {
        for target in *targets {
            let down = ARROWS[place + 1..].iter().any(|(name, _)| name == target);
            assert!(down, "{from} ─► {target} leads back up the list");
        }
    }
    let manifests = files("crates").into_iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    let unknown = manifests.map(|file| file.in_crate().to_string()).filter(|name| !ARROWS.iter().any(|(from, _)| from == name));
    nothing(unknown.collect(), "a crate that DESIGN §2 does not know");
}

#[test]
fn arrows() {
    let mut wrong = Vec::new();
    for (from, allowed) in ARROWS {
        let manifest = read(&format!("crates/{from}/Cargo.toml"));
        let house = |name: &String| name.starts_with("rbtrace") && !allowed.contains(&name.as_str());
        wrong.extend(dependencies(&manifest).into_iter().filter(house).map(|name| format!("{from} ─► {name}")));
    }
    let top = dependencies(&read("Cargo.toml")).into_iter().filter(|name| name != "rbtrace-cli");
    wrong.extend(top.map(|name| format!("the root ─► {name}")));
    nothing(wrong, "a new arrow: DESIGN §2 decides, then this list follows");
}

#[test]
fn libraries_have_one_owner() {
    let mut wrong = Vec::new();
    for (from, _) in ARROWS {
        let names = dependencies(&read(&format!("crates/{from}/Cargo.toml")));
        let foreign = OWNED.iter().filter(|(library, owner)| *owner != from && names.iter().any(|name| name == library));
        wrong.extend(foreign.map(|(library, owner)| format!("{from} names {library}, which belongs to {owner}")));
    }
    nothing(wrong, "a library outside the room that knows it");
}

#[test]
fn dependencies_say_why() {
    let mut wrong = Vec::new();
    for (from, _) in ARROWS {
        let manifest = read(&format!("crates/{from}/Cargo.toml"));
        for name in dependencies(&manifest).iter().filter(|name| !name.starts_with("rbtrace")) {
            let line = manifest.lines().find(|line| line.starts_with(name.as_str()) && line.contains('='));
            let above = line.and_then(|line| manifest.split(line).next()).and_then(|before| before.trim_end().lines().last());
            if !line.is_some_and(|line| line.contains(" # ")) && !above.is_some_and(|line| line.starts_with('#')) {
                wrong.push(format!("{from}: {name}"));
            }
        }
    }
    nothing(wrong, "half a line of why behind each dependency");
}

#[test]
fn pure_crates_are_watched() {
    let unwatched = PURE.iter().filter(|name| !read(&format!("crates/{name}/clippy.toml")).contains("std::time::Instant::now"));
    nothing(unwatched.map(|name| name.to_string()).collect(), "a pure crate without the lints of rbtrace-diag/clippy.toml");
    assert!(root().join("crates").is_dir());
}
