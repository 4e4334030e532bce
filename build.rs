//! The only build script: `grammar/rbtrace.lalrpop` → the parser inside rbtrace-syntax. Knows no other crate.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "the crate is pure, its build script talks to cargo")]

use std::path::Path;

fn main() {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo gives build scripts CARGO_MANIFEST_DIR");
    let grammar = Path::new(&here).join("../../grammar");
    println!("cargo::rerun-if-changed={}", grammar.display());
    println!("cargo::rerun-if-changed=../../build.rs");
    let out = std::env::var_os("OUT_DIR").expect("cargo gives build scripts OUT_DIR");
    let done = lalrpop::Configuration::new().set_in_dir(&grammar).set_out_dir(out).process();
    if let Err(error) = done {
        eprintln!("grammar/rbtrace.lalrpop: {error}");
        std::process::exit(1);
    }
}
