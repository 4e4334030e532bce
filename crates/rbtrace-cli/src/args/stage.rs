//! The stages that `-d` prints (SPEC §8.7): their names and what the old spellings mean.

use std::ffi::OsString;

/// A stage between the text and the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Ast,
    Types,
    Ir,
    Llvm,
    LlvmOptimized,
    Asm,
    Manifest,
    Libbpf,
    Verifier,
}

/// Names in the order of the road; the first name of a stage is the one that is advertised.
const NAMES: [(&str, Stage); 12] = [
    ("ast", Stage::Ast),
    ("parse", Stage::Ast),
    ("types", Stage::Types),
    ("ir", Stage::Ir),
    ("codegen", Stage::Llvm),
    ("llvm", Stage::Llvm),
    ("codegen-opt", Stage::LlvmOptimized),
    ("asm", Stage::Asm),
    ("dis", Stage::Asm),
    ("manifest", Stage::Manifest),
    ("libbpf", Stage::Libbpf),
    ("verifier", Stage::Verifier),
];

/// How often `-d` stands alone, as in versions before 0.22: `-d`, `-dd`. Those only showed; the program did not run.
pub fn bare(options: &[String]) -> usize {
    options.iter().map(|option| if option.bytes().all(|byte| byte == b'd') { option.len() + 1 } else { 0 }).sum()
}

/// Puts an empty stage behind each `-d` that has none: the word behind it is a script's path.
pub fn complete(args: &mut [OsString]) {
    let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    for at in (0..end).rev().filter(|at| args[*at] == "-d" || args[*at] == "--debug").collect::<Vec<_>>() {
        if args.get(at + 1).is_some_and(|word| word.to_string_lossy().contains(['.', '/'])) {
            args[at] = "--debug=".into();
        }
    }
}

/// The stages of all `-d` options. `-d` alone and `-dd` are the spellings of older versions: the tree, and everything.
pub fn parse(options: &[String]) -> Result<Vec<Stage>, String> {
    let mut stages = Vec::new();
    match bare(options) {
        0 => {}
        1 => stages.push(Stage::Ast),
        _ => stages.extend(NAMES.map(|(_, stage)| stage)),
    }
    for name in options.iter().flat_map(|option| option.split(',')).filter(|name| name.bytes().any(|byte| byte != b'd')) {
        match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, stage)) => stages.push(*stage),
            None if name == "all" => stages.extend(NAMES.map(|(_, stage)| stage)),
            None => return Err(unknown(name)),
        }
    }
    Ok(stages)
}

fn unknown(name: &str) -> String {
    let mut known: Vec<&str> = Vec::new();
    for (index, (name, stage)) in NAMES.iter().enumerate() {
        if NAMES[..index].iter().all(|(_, earlier)| earlier != stage) {
            known.push(name);
        }
    }
    format!("invalid option for -d: {name}; the stages are {}, all", known.join(", "))
}
