//! `--fmt`: a script in the one style (SPEC §9.15). Asks neither the kernel nor LLVM, and needs no privileges.

use std::io::Write;
use std::path::Path;

use rbtrace_diag::{Sink, Sources};
use rbtrace_sema::frontend::lang::warnings;
use rbtrace_sema::frontend::syntax;

use crate::args::Formatting;
use crate::report::Reporter;
use crate::script::{self, words};
use crate::{Ending, say};

/// Prints the formatted script or replaces a file with it. A script that cannot be read is not formatted.
pub fn run(formatting: &Formatting, reporter: &Reporter) -> Ending {
    let (mut sources, mut sink) = (Sources::default(), Sink::default());
    let Some(source) = script::read(&formatting.script, &mut sources, reporter) else { return Ending::Mistake };
    let program = syntax::parse(&sources, source, &mut sink);
    reporter.diagnostics(&sink, &sources, false);
    if sink.has_errors() {
        return Ending::Mistake;
    }
    let formatted = syntax::format(&sources, source, &program);
    for span in &formatted.kept {
        let place = rbtrace_diag::location(*span, &sources);
        reporter.warning(
            &warnings::NOT_FORMATTED,
            format!("{place}: this stays as it was written: formatted, it would read as something else"),
        );
    }
    let Some(path) = &formatting.output else { return say(&formatted.text) };
    match replace(path, formatted.text.as_bytes()) {
        Ok(()) => Ending::Done,
        Err(error) => {
            reporter.error(format!("failed to write file '{}': {}", path.display(), words(&error)));
            Ending::Mistake
        }
    }
}

/// Writes beside a file and puts the result in its place, so that there is always either the old text or the new one.
/// What a link names is replaced, not the link; a device or a pipe is written to.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let found = std::fs::metadata(&target).ok();
    if found.as_ref().is_some_and(|found| !found.is_file()) {
        return std::fs::OpenOptions::new().write(true).open(&target)?.write_all(bytes);
    }
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = target.with_file_name(name);
    let done = write_new(&beside, bytes, found.map(|found| found.permissions())).and_then(|()| std::fs::rename(&beside, &target));
    if done.is_err() {
        // It may not even be there; what failed is told.
        let _ = std::fs::remove_file(&beside);
    }
    done
}

fn write_new(path: &Path, bytes: &[u8], permissions: Option<std::fs::Permissions>) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.sync_all()
}
