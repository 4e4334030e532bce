//! `--fmt`, `--mode format`: what is formatted, where it goes, and what cannot be asked for at the same time.

use std::path::PathBuf;

use super::{Misuse, Raw, Script, misuse, script};

/// A script to format.
#[derive(Debug)]
pub struct Formatting {
    pub script: Script,
    /// `-o`: the file to replace, which may be the script's own.
    pub output: Option<PathBuf>,
}

/// What `--mode` takes, and what each is for.
const MODES: [(&str, &str); 5] = [
    ("format", "formatting scripts"),
    ("codegen", "compiling without running"),
    ("compiler-bench", "measuring the compiler"),
    ("bench", "benchmarks written as scripts"),
    ("test", "tests written as scripts"),
];

impl Raw {
    /// Whether the script is to be formatted; a mode that is not there is refused.
    pub(super) fn wants_format(&self) -> Result<bool, Misuse> {
        let Some(mode) = self.mode.as_deref() else { return Ok(self.fmt) };
        match MODES.iter().find(|(name, _)| *name == mode) {
            Some(("format", _)) => Ok(true),
            Some(_) if self.fmt => Err(misuse(format!("`--fmt` and `--mode {mode}` cannot be used together"))),
            Some((name, what)) => Err(misuse(format!("`--mode {name}` ({what}) is not there yet"))),
            None => {
                let names = MODES.map(|(name, _)| format!("`{name}`")).join(", ");
                Err(misuse(format!("`--mode` takes one of {names}, not `{mode}`")))
            }
        }
    }

    pub(super) fn into_format(self) -> Result<Formatting, Misuse> {
        let others = [
            (self.list, "-l"),
            (self.pid.is_some(), "-p"),
            (self.command.is_some(), "-c"),
            (!self.debug.is_empty(), "-d"),
            (self.dry_run, "--dry-run"),
            (self.emit_elf.is_some(), "--emit-elf"),
            (self.emit_llvm.is_some(), "--emit-llvm"),
        ];
        if let Some((_, other)) = others.into_iter().find(|(is_given, _)| *is_given) {
            return Err(misuse(format!("`--fmt` and `{other}` cannot be used together")));
        }
        let mut words = self.words.into_iter().chain(self.rest);
        let script = script(self.program, &mut words)?;
        match words.next() {
            None => Ok(Formatting { script, output: self.output }),
            Some(word) => Err(misuse(format!("`--fmt` formats one script; `{}` is one word too many", word.to_string_lossy()))),
        }
    }
}
