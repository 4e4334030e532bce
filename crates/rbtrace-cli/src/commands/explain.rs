//! `--explain`: what warnings mean.

use rbtrace_diag::nearest;
use rbtrace_sema::frontend::lang::warnings::{ALL, by_code};

use crate::report::Reporter;
use crate::{Ending, say};

/// Prints the page of a warning, or a line for each.
pub fn run(code: &str, reporter: &Reporter) -> Ending {
    if code.is_empty() {
        return say(&list());
    }
    if let Some(warning) = by_code(code) {
        return say(&format!("{code}: {}\n", warning.manual));
    }
    reporter.error(format!("no warning has the code `{code}`"));
    match nearest(code, ALL.iter().map(|warning| warning.code)) {
        Some(near) => reporter.hint(format!("did you mean `{near}`?")),
        None => reporter.hint("`--explain` without a code lists them all"),
    }
    Ending::Mistake
}

/// `code   summary`, as wide as the longest code.
fn list() -> String {
    let width = ALL.iter().map(|warning| warning.code.len()).max().unwrap_or(0);
    let summary = |manual: &'static str| manual.lines().next().unwrap_or_default();
    ALL.iter().map(|warning| format!("{:width$}  {}\n", warning.code, summary(warning.manual))).collect()
}
