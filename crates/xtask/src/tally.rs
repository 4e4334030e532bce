//! Counts tests from what `cargo test` prints, and holds skips against the list of those that may be.
//!
//! Knows four kinds of lines: libtest's `test result: …`, the suite's `suite: N passed, N failed, N skipped`, one
//! `skipped: NAME: reason` for each case that was left out, and `skipped test: NAME: reason` of a test that libtest takes for passed.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::Report;

/// What was counted so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests and cases that passed.
    pub passed: usize,
    /// That failed.
    pub failed: usize,
    /// That did not run.
    pub skipped: usize,
    /// Tests among `passed` that said they could not run.
    pretended: usize,
    /// Their names, as far as said, and why.
    pub skips: BTreeMap<String, String>,
    /// What is to be read again at the end: hundreds of lines may follow the first time.
    pub report: Report,
}

impl Tally {
    /// Takes one line of output into account.
    pub fn line(&mut self, line: &str) {
        self.report.line(line);
        if let Some(counts) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")).map(|(_, counts)| counts) {
            self.add(counts, "ignored");
        } else if let Some(counts) = line.strip_prefix("suite: ") {
            self.add(counts, "skipped");
        } else if let Some(skip) = line.strip_prefix("skipped test: ") {
            // libtest takes it for passed.
            self.pretended += 1;
            let (name, why) = skip.split_once(": ").unwrap_or((skip, ""));
            self.skip(name, why);
        } else if let Some(skip) = line.strip_prefix("skipped: ") {
            let (name, why) = skip.split_once(": ").unwrap_or((skip, ""));
            self.skips.insert(name.trim().to_string(), why.trim().to_string());
        } else if let Some((name, _)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ignored")) {
            self.skips.insert(name.to_string(), String::new());
        }
    }

    /// A check that could not be made.
    pub fn skip(&mut self, name: &str, why: &str) {
        self.skipped += 1;
        self.skips.insert(name.to_string(), why.to_string());
    }

    /// What was skipped here was run elsewhere.
    pub fn made_up_for(&mut self, name: &str, has_passed: bool) {
        if self.skips.remove(name).is_some() {
            self.skipped -= 1;
        }
        *(if has_passed { &mut self.passed } else { &mut self.failed }) += 1;
    }

    fn add(&mut self, counts: &str, skipped: &str) {
        for count in counts.split([',', ';']) {
            let mut words = count.split_whitespace();
            let (Some(Ok(number)), Some(what)) = (words.next().map(str::parse::<usize>), words.next()) else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                what if what == skipped => self.skipped += number,
                _ => {}
            }
        }
    }

    /// The closing line.
    pub fn summary(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed.saturating_sub(self.pretended), self.failed, self.skipped)
    }

    /// What was skipped without leave: names that are not in the list, or skips that have no name.
    pub fn unexpected(&self, allowed: &str) -> Vec<String> {
        let allowed: BTreeSet<&str> = allowed.lines().filter_map(|line| line.split('#').next()).map(str::trim).collect();
        let mut unexpected: Vec<String> = self.skips.keys().filter(|name| !allowed.contains(name.as_str())).cloned().collect();
        if self.skipped > self.skips.len() {
            unexpected.push(format!("{} without a name", self.skipped - self.skips.len()));
        }
        unexpected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(text: &str) -> Tally {
        let mut tally = Tally::default();
        text.lines().for_each(|line| tally.line(line));
        tally
    }

    #[test]
    fn harnesses_of_both_kinds_are_added_up() {
        let text = "test result: ok. 3 passed; 1 failed; 1 ignored; 0 measured; 5 filtered out; finished in 0.00s\n\
                    test a::b ... ignored\nskipped: run/x: needs a kprobe\nsuite: 10 passed, 2 failed, 1 skipped\n";
        let tally = tally(text);
        assert_eq!(tally.summary(), "13 passed, 3 failed, 2 skipped");
        assert_eq!(tally.unexpected("run/x  # no kprobes here\n"), ["a::b"]);
    }

    #[test]
    fn a_test_that_could_not_run_has_not_passed() {
        let tally = tally("skipped test: a::b: needs root\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured");
        assert_eq!(tally.summary(), "2 passed, 0 failed, 1 skipped");
        assert_eq!(tally.unexpected(""), ["a::b"]);
    }

    #[test]
    fn a_case_that_ran_elsewhere_was_not_skipped() {
        let mut tally =
            tally("skipped: run/a: the kernel lacks kprobes\nskipped: run/b: needs gcc\nsuite: 3 passed, 0 failed, 2 skipped\n");
        assert_eq!(tally.skips["run/a"], "the kernel lacks kprobes");
        tally.made_up_for("run/a", true);
        tally.made_up_for("run/b", false);
        assert_eq!(tally.summary(), "4 passed, 1 failed, 0 skipped");
        assert!(tally.unexpected("").is_empty());
    }

    #[test]
    fn a_skip_without_a_name_is_not_allowed() {
        assert_eq!(tally("suite: 0 passed, 0 failed, 2 skipped\nskipped: a: b").unexpected("a"), ["1 without a name"]);
    }
}
