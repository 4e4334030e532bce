//! `--fmt`, `--mode format`: what is formatted, where it goes, and what cannot be asked for at the same time.

use std::path::PathBuf;

use rbtrace_diag::HeldBack;

use super::{Misuse, Raw, Script, misuse, script};

/// A script to format.
#[derive(Debug)]
pub struct Formatting {
    pub script: Script,
    /// `-o`: the file to replace, which may be the script's own.
    pub output: Option<PathBuf>,
    /// `--no-warnings`
    pub held_back: HeldBack,
}

impl Raw {
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
        let held_back = self.held_back()?;
        let mut words = self.words.into_iter().chain(self.rest);
        let script = script(self.program, &mut words)?;
        match words.next() {
            None => Ok(Formatting { script, output: self.output, held_back }),
            Some(word) => Err(misuse(format!("`--fmt` formats one script; `{}` is one word too many", word.to_string_lossy()))),
        }
    }
}
