//! `--mode` and its short forms: what is done with a script.

use super::{Misuse, Raw, misuse};

/// What is done with a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is run.
    #[default]
    Run,
    /// It is compiled and that is all.
    Codegen,
    /// It is compiled many times, and that is measured.
    CompilerBench,
    /// Its benchmarks are run.
    Bench,
    /// Its tests are run.
    Test,
    /// It is printed in the one style.
    Format,
}

const NAMES: [(&str, Mode); 5] = [
    ("codegen", Mode::Codegen),
    ("compiler-bench", Mode::CompilerBench),
    ("bench", Mode::Bench),
    ("test", Mode::Test),
    ("format", Mode::Format),
];

impl Raw {
    /// The mode, given in one way or another but not in two that disagree.
    pub(super) fn mode(&self) -> Result<Mode, Misuse> {
        let by_name = self.mode.as_deref().map(named).transpose()?.map(|mode| ("--mode", mode));
        let short = [(self.fmt, "--fmt", Mode::Format), (self.test, "--test", Mode::Test), (self.bench, "--bench", Mode::Bench)];
        let short = short.into_iter().filter(|(is_given, ..)| *is_given).map(|(_, option, mode)| (option, mode));
        let mut given = by_name.into_iter().chain(short);
        let Some((first, mode)) = given.next() else { return Ok(Mode::Run) };
        match given.find(|(_, other)| *other != mode) {
            Some((option, _)) => {
                Err(Misuse { message: Some(format!("{option} conflicts with {first}: a script has one mode")), show_usage: true })
            }
            None => Ok(mode),
        }
    }
}

fn named(name: &str) -> Result<Mode, Misuse> {
    let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, mode)| *mode);
    known.ok_or_else(|| {
        let names = NAMES.map(|(name, _)| format!("`{name}`")).join(", ");
        misuse(format!("`--mode` takes one of {names}, not `{name}`"))
    })
}
