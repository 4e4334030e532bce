//! The stages that `-d` prints (SPEC §8.7): their names and what the old spellings mean.

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

/// The stages of all `-d` options. `-d` alone and `-dd` are the spellings of older versions: the compiler's stages, and everything.
pub fn parse(options: &[String]) -> Result<Vec<Stage>, String> {
    let bare = options.iter().map(|option| if option.bytes().all(|byte| byte == b'd') { option.len() + 1 } else { 0 }).sum::<usize>();
    let mut stages = Vec::new();
    match bare {
        0 => {}
        1 => stages.extend([Stage::Ast, Stage::Types, Stage::Ir, Stage::Llvm]),
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
