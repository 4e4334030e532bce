//! `--explain`: what warnings mean.

use rbtrace_sema::frontend::lang::warnings::{ALL, by_code, unknown_code};

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
    let (message, hint) = unknown_code(code);
    reporter.error(message);
    reporter.hint(hint);
    Ending::Mistake
}

/// `code   summary`, as wide as the longest code.
fn list() -> String {
    let width = ALL.iter().map(|warning| warning.code.len()).max().unwrap_or(0);
    let summary = |manual: &'static str| manual.lines().next().unwrap_or_default();
    ALL.iter().map(|warning| format!("{:width$}  {}\n", warning.code, summary(warning.manual))).collect()
}
