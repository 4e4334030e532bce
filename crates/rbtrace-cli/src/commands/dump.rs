//! `-d`: the stages of a compilation as text (SPEC §8.7). The tree goes to standard error, everything else to standard output.

use std::fmt::Write as _;
use std::io::Write as _;

use rbtrace_codegen::Listings;
use rbtrace_sema::frontend::ir::{self, Manifest};
use rbtrace_sema::frontend::syntax::{self, ast};

use crate::args::Stage;
use crate::report;

/// The tree, printed as a script.
pub fn tree(stages: &[Stage], program: &ast::Program) {
    if stages.contains(&Stage::Ast) {
        report::say(&format!("ast\n---\n{}", syntax::print(program)));
    }
}

/// What the compiler's middle made.
pub fn middle(stages: &[Stage], program: &ir::Program) {
    if stages.contains(&Stage::Types) {
        show("types", &types(&program.manifest));
    }
    if stages.contains(&Stage::Ir) {
        show("ir", &ir::print(program));
    }
    if stages.contains(&Stage::Manifest) {
        let text = serde_json::to_string_pretty(&program.manifest).expect("a manifest has text keys only, so it always is JSON");
        show("manifest", &(text + "\n"));
    }
}

/// Whether the code generator has to keep its texts.
pub fn wants_listings(stages: &[Stage]) -> bool {
    stages.iter().any(|stage| matches!(stage, Stage::Llvm | Stage::LlvmOptimized | Stage::Asm))
}

/// What the code generator made.
pub fn back(stages: &[Stage], listings: &Listings) {
    let texts = [
        (Stage::Llvm, "llvm", &listings.llvm),
        (Stage::LlvmOptimized, "llvm, optimized", &listings.optimized),
        (Stage::Asm, "asm", &listings.asm),
    ];
    for (stage, title, text) in texts {
        if stages.contains(&stage) {
            show(title, text);
        }
    }
}

/// Types of everything that leaves a program: maps and records.
fn types(manifest: &Manifest) -> String {
    let mut text = String::new();
    for map in &manifest.maps {
        let key = map.key.as_ref().map(|key| format!("[{key}]")).unwrap_or_default();
        let _ = writeln!(text, "@{}{key}: {}", map.name, map.value);
    }
    for event in &manifest.events {
        let args: Vec<String> = event.args.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "{} at {}: ({})", event.handler, event.location, args.join(", "));
    }
    text
}

/// A reader that has gone away wanted no more.
fn show(title: &str, text: &str) {
    let line = "-".repeat(title.len());
    let _ = std::io::stdout().write_all(format!("{title}\n{line}\n{text}").as_bytes());
}
