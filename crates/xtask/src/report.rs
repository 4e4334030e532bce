//! What failed, to be said once more at the end of a long output.
//!
//! Knows where such a text begins and ends: the suite's `case NAME ... FAILED` goes on to an empty line, libtest's `failures:` to its result. A case
//! that failed, but passed when it was run again, is named in a line of its own.

/// The lines to repeat.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    lines: Vec<String>,
    text: Option<Text>,
}

/// The text that we are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Case,
    Libtest,
}

impl Report {
    /// Takes one line of output.
    pub fn line(&mut self, line: &str) {
        if let Some(text) = beginning(line) {
            self.text = Some(text);
        } else if self.text.is_some_and(|text| is_end(text, line)) {
            self.text = None;
        }
        if self.text.is_some() || line.starts_with("passed only when run again") {
            self.lines.push(line.to_owned());
        }
    }

    /// Takes what was said on another machine.
    pub fn add(&mut self, machine: &str, report: &Report) {
        self.lines.extend(report.lines.iter().map(|line| format!("{machine}: {line}")));
    }

    /// The lines, in order.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

fn beginning(line: &str) -> Option<Text> {
    if line.starts_with("case ") && line.ends_with(" ... FAILED") {
        return Some(Text::Case);
    }
    (line == "failures:").then_some(Text::Libtest)
}

fn is_end(text: Text, line: &str) -> bool {
    match text {
        Text::Case => line.is_empty(),
        Text::Libtest => line.starts_with("test result: "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Vec<String> {
        let mut report = Report::default();
        text.lines().for_each(|line| report.line(line));
        report.lines
    }

    #[test]
    fn cases_are_read_to_the_empty_line() {
        let text = "case a ... ok\ncase b ... FAILED\n    why\n    \n    more\n\ncase c ... ok\nsuite: 2 passed, 1 failed, 0 skipped";
        assert_eq!(report(text), ["case b ... FAILED", "    why", "    ", "    more"]);
    }

    #[test]
    fn tests_are_read_to_their_result() {
        let text = "failures:\n\n---- a stdout ----\nleft: 1\n\nfailures:\n    a\n\ntest result: FAILED. 0 passed\nrunning 1 test";
        assert_eq!(report(text), ["failures:", "", "---- a stdout ----", "left: 1", "", "failures:", "    a", ""]);
    }

    #[test]
    fn cases_that_passed_at_last_are_named() {
        assert_eq!(report("case a ... ok\npassed only when run again, alone: a\ncase c ... ok"), ["passed only when run again, alone: a"]);
    }
}
