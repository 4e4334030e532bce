//! Cases × kernels: what the suite said in each machine, counted and drawn. Knows the suite's lines and how a skip may be explained.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::report::Report;

/// How the suite words that a kernel or machine lacks something; any other reason for a skip is a fault of the set-up.
const FACILITY: [&str; 2] = ["the kernel lacks ", "the machine has "];

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// Not as expected.
    Failed,
    /// Why it did not run.
    Skipped(String),
}

/// One kernel.
#[derive(Debug)]
pub struct Column {
    /// Its release.
    pub release: String,
    /// By name.
    pub cases: BTreeMap<String, Verdict>,
    /// How long it took.
    pub seconds: u64,
    /// What failed, and how.
    pub report: Report,
}

impl Column {
    /// Nothing ran yet.
    pub fn new(release: &str) -> Self {
        Self { release: release.to_string(), cases: BTreeMap::new(), seconds: 0, report: Report::default() }
    }

    /// Takes a line of the suite.
    pub fn line(&mut self, line: &str) {
        self.report.line(line);
        if let Some(skip) = line.strip_prefix("skipped: ") {
            let (name, why) = skip.split_once(": ").unwrap_or((skip, ""));
            self.cases.insert(name.to_string(), Verdict::Skipped(why.trim().to_string()));
        } else if let Some((name, result)) = line.strip_prefix("case ").and_then(|rest| rest.split_once(" ... ")) {
            let verdict = if result.trim() == "ok" { Verdict::Passed } else { Verdict::Failed };
            self.cases.insert(name.to_string(), verdict);
        }
    }

    /// Passed, failed (with skips that nothing explains), skipped.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&Verdict) -> bool| self.cases.values().filter(|verdict| wanted(verdict)).count();
        let unexplained = count(is_unexplained);
        let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
        (count(|verdict| *verdict == Verdict::Passed), count(|verdict| *verdict == Verdict::Failed) + unexplained, skipped - unexplained)
    }

    /// Whether all that ran passed, and all that did not could not.
    pub fn is_good(&self) -> bool {
        self.counts().1 == 0
    }
}

fn is_unexplained(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Skipped(why) if !is_facility(why))
}

/// Whether a kernel or machine is to blame for a skip.
pub fn is_facility(why: &str) -> bool {
    FACILITY.iter().any(|start| why.starts_with(start))
}

/// The numbers of each kernel, then a line for every case that did not pass everywhere.
pub fn render(columns: &[Column]) -> String {
    let mut text = String::from("\nkernel                       passed  failed  skipped  seconds\n");
    for column in columns {
        let (passed, failed, skipped) = column.counts();
        let _ = writeln!(text, "{:<28} {passed:>6} {failed:>7} {skipped:>8} {:>8}", column.release, column.seconds);
    }
    let names: BTreeSet<&String> = columns.iter().flat_map(|column| column.cases.keys()).collect();
    for name in names {
        let verdicts: Vec<Option<&Verdict>> = columns.iter().map(|column| column.cases.get(name)).collect();
        if verdicts.iter().all(|verdict| *verdict == Some(&Verdict::Passed)) {
            continue;
        }
        let words: Vec<String> = columns.iter().zip(verdicts).map(|(column, verdict)| word(column, verdict)).collect();
        let _ = writeln!(text, "  {name}: {}", words.join("; "));
    }
    text
}

fn word(column: &Column, verdict: Option<&Verdict>) -> String {
    let kernel: Vec<&str> = column.release.split('.').take(2).collect();
    let what = match verdict {
        Some(Verdict::Passed) => "passed".to_string(),
        Some(Verdict::Failed) => "FAILED".to_string(),
        Some(Verdict::Skipped(why)) if is_facility(why) => why.clone(),
        Some(Verdict::Skipped(why)) => format!("FAILED: skipped, {why}"),
        None => "did not run".to_string(),
    };
    format!("{} {what}", kernel.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_that_no_kernel_explains_is_a_failure() {
        let mut column = Column::new("6.1.0-1");
        column.line("case run/a ... ok");
        column.line("case run/b ... FAILED");
        column.line("skipped: run/c: the kernel lacks bpf_loop");
        assert_eq!(column.counts(), (1, 1, 1));
        column.line("skipped: run/d: needs the command `gcc`");
        assert_eq!(column.counts(), (1, 2, 1));
        let text = render(&[column]);
        assert!(text.contains("  run/c: 6.1 the kernel lacks bpf_loop\n"), "{text}");
        assert!(text.contains("  run/d: 6.1 FAILED: skipped, needs the command `gcc`\n"), "{text}");
        assert!(!text.contains("run/a"), "{text}");
    }
}
