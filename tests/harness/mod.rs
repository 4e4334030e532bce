//! Cases as files: finds them, reads them, hands each to the part that knows its kind. `README.md` beside this file is the manual.

mod commands;
mod compiling;
mod expect;
mod file;
mod leftovers;
mod process;
mod requires;
mod running;
pub mod workload;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use file::CaseFile;

/// What became of a case.
#[derive(Debug)]
pub enum Outcome {
    /// As expected.
    Passed,
    /// This machine cannot run it.
    Skipped(String),
    /// Something else came out; what, for people.
    Failed(String),
}

impl Outcome {
    /// Whether something else came out than was expected.
    pub fn is_failure(&self) -> bool {
        matches!(self, Outcome::Failed(_))
    }
}

/// How a directory's files are run.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `errors`: what the compiler says, on a machine from `tests/facts/small.txt`.
    Errors,
    /// `sema`: the program after lowering, on the same machine.
    Sema,
    /// `run`: on the kernel.
    Run,
    /// `cli`, `list`: command lines.
    Commands,
    /// `killed`: on the kernel, again and again, ended by signals.
    Killed,
}

/// The directories of `tests/cases/` that the suite walks. `syntax` belongs to the tests of rbtrace-syntax.
const DIRECTORIES: [(&str, Kind); 6] = [
    ("errors", Kind::Errors),
    ("sema", Kind::Sema),
    ("cli", Kind::Commands),
    ("list", Kind::Commands),
    ("run", Kind::Run),
    ("killed", Kind::Killed),
];

/// One file.
#[derive(Debug)]
pub struct Case {
    /// `run/count`: its path below `tests/cases/` without the suffix.
    pub name: String,
    path: PathBuf,
    kind: Kind,
}

/// Where this file's directory is.
fn tests() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
}

/// Every case, sorted by kind and name.
pub fn collect() -> Vec<Case> {
    let mut cases = Vec::new();
    for (directory, kind) in DIRECTORIES {
        let mut paths = Vec::new();
        walk(&tests().join("cases").join(directory), &mut paths);
        paths.sort();
        let name = |path: &Path| {
            let below = path.strip_prefix(tests().join("cases")).expect("walk stays below the directory it was given");
            below.with_extension("").display().to_string()
        };
        cases.extend(paths.into_iter().map(|path| Case { name: name(&path), path, kind }));
    }
    cases
}

/// Directories below may group cases; other files (data that cases read) are left alone.
fn walk(directory: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "bt" || extension == "txt") {
            paths.push(path);
        }
    }
}

/// Names of cases that may be skipped, one a line; what follows a `#` is the reason.
pub fn allowed_skips() -> BTreeSet<String> {
    let text = std::fs::read_to_string(tests().join("allowed_skips.txt")).unwrap_or_default();
    text.lines().filter_map(|line| line.split('#').next()).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

impl Case {
    /// Runs it. Its own mistakes (an unknown key, say) are failures too.
    pub fn run(&self) -> Outcome {
        self.try_run().unwrap_or_else(Outcome::Failed)
    }

    /// Whether a second run that passes makes up for a failure: not where something was left in the kernel, however seldom that happens.
    pub fn may_run_again(&self) -> bool {
        !matches!(self.kind, Kind::Killed)
    }

    fn try_run(&self) -> Result<Outcome, String> {
        let file = CaseFile::read(&self.path)?;
        let needs = file.values("REQUIRES").flat_map(str::split_whitespace);
        // Whatever runs a program needs what tracing needs; nobody has to say so in each file.
        let implied = if matches!(self.kind, Kind::Run | Kind::Killed) { &["root", "tracefs"][..] } else { &[] };
        for need in implied.iter().copied().chain(needs) {
            if let Some(why) = requires::missing(need)? {
                return Ok(Outcome::Skipped(why));
            }
        }
        match self.kind {
            Kind::Errors => compiling::errors(&file),
            Kind::Sema => compiling::ir(&file),
            Kind::Run => running::run(&file, &self.scratch()?),
            Kind::Commands => commands::run(&file, &self.scratch()?),
            Kind::Killed => leftovers::run(&file, &self.scratch()?),
        }
        .map(|()| Outcome::Passed)
    }

    /// An empty directory for this case, gone when it has passed.
    fn scratch(&self) -> Result<process::Scratch, String> {
        process::Scratch::new(&self.name.replace('/', "-"))
    }
}
