//! Diagnostics as plain data, and the sink they are pushed to.

use crate::held_back::HeldBack;
use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The program cannot run.
    Error,
    /// It can, but something is likely not meant.
    Warning,
}

/// A stable name for a class of warnings, e.g. `discarded-value`; errors may have one too.
pub type Code = &'static str;

/// A place and why it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// Why; may be empty for the primary label.
    pub text: String,
}

/// One thing said to the user: what is wrong, where, why, and what to do (STYLE point 13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop, code in backticks.
    pub message: String,
    /// The first label is the primary one; empty where there is no place (a whole program, the machine).
    pub labels: Vec<Label>,
    /// What to do, one line each.
    pub hints: Vec<String>,
    /// Class of the message: every warning has one, which can be looked up.
    pub code: Option<Code>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self::at(Severity::Error, span, message.into())
    }

    /// A warning at a place, with its class.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code: Some(code), ..Self::at(Severity::Warning, span, message.into()) }
    }

    /// An error that belongs to no place in a text.
    pub fn general(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), labels: vec![], hints: vec![], code: None }
    }

    /// A warning that belongs to no place in a text.
    pub fn general_warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, code: Some(code), ..Self::general(message) }
    }

    fn at(severity: Severity, span: Span, message: String) -> Self {
        Self { severity, message, labels: vec![Label { span, text: String::new() }], hints: vec![], code: None }
    }

    /// Says why, on the primary label.
    pub fn because(mut self, why: impl Into<String>) -> Self {
        if let Some(primary) = self.labels.first_mut() {
            primary.text = why.into();
        }
        self
    }

    /// Adds a second place.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a remedy.
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }
}

/// Proof that something was said to the user; the only way to get one is [`Sink::push`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported(());

/// Text that stands somewhere else than it was written: the body of a macro and the call it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where the text was written.
    pub within: Span,
    /// Where it stands.
    pub call: Span,
}

/// The most places that one diagnostic shows.
const MOST_LABELS: usize = 8;

/// The most errors, and the most warnings, that are kept: nobody reads on, and a generated script may have a mistake in each of its lines.
const MOST_KEPT: usize = 100;

/// Where diagnostics are collected.
#[derive(Debug, Default)]
pub struct Sink {
    list: Vec<Diagnostic>,
    /// Whether something was left out.
    overflowed: bool,
    /// What is looked at came out of these, innermost last; each with the number of diagnostics there were before.
    origins: Vec<(Origin, usize)>,
    /// What the script wants not to be told.
    held_back: HeldBack,
}

impl Sink {
    /// What is pushed from now on may be about a text that stands elsewhere.
    pub fn enter(&mut self, origin: Origin) {
        self.origins.push((origin, self.list.len()));
    }

    /// The end of [`Sink::enter`].
    pub fn leave(&mut self) {
        self.origins.pop();
    }

    /// The calls that lead to a text which is looked at, the innermost first.
    pub fn calls(&self, mut place: Span) -> Vec<Span> {
        let mut calls = Vec::new();
        // What a caller wrote stands inside the body of what it called, too; only calls that lead to the place are told.
        for (origin, _) in self.origins.iter().rev() {
            if origin.within.contains(place) {
                calls.push(origin.call);
                place = origin.call;
            }
        }
        calls
    }

    /// Keeps a diagnostic; the same one twice is kept once, and of very many only the first ones are.
    pub fn push(&mut self, mut diagnostic: Diagnostic) -> Reported {
        if let Some(primary) = diagnostic.labels.first() {
            let calls = self.calls(primary.span);
            let room = MOST_LABELS.saturating_sub(diagnostic.labels.len());
            diagnostic.labels.extend(calls.into_iter().take(room).map(|span| Label { span, text: "expanded from".to_string() }));
        }
        if self.list.iter().filter(|kept| kept.severity == diagnostic.severity).count() >= MOST_KEPT {
            self.overflowed = true;
        } else if !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
        Reported(())
    }

    /// Keeps everything that another one has kept.
    pub fn absorb(&mut self, other: Sink) {
        self.overflowed |= other.overflowed;
        self.hold_back(other.held_back);
        for diagnostic in other.list {
            self.push(diagnostic);
        }
    }

    /// Warnings that nobody wants to see, those already pushed among them.
    pub fn hold_back(&mut self, more: HeldBack) {
        self.held_back = std::mem::take(&mut self.held_back).and(more);
    }

    /// There may be more to say, and nobody looks for it any more.
    pub fn leave_out(&mut self) {
        self.overflowed = true;
    }

    /// Whether there was more than is kept.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Whether any error was pushed.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether an error was pushed whose place lies within `span`. The same text elsewhere, from another call, has errors of its own.
    pub fn error_within(&self, span: Span) -> Option<Reported> {
        let before = self.origins.last().map_or(0, |(_, before)| *before);
        let errors = self.list[before..].iter().filter(|d| d.severity == Severity::Error);
        errors.filter_map(|d| d.labels.first()).any(|label| span.contains(label.span)).then_some(Reported(()))
    }

    fn is_shown(&self, diagnostic: &Diagnostic) -> bool {
        diagnostic.severity == Severity::Error || !diagnostic.code.is_some_and(|code| self.held_back.includes(code))
    }

    /// Everything that is shown: errors first, then warnings, each in the order of the text (SPEC §9.11).
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut list: Vec<_> = self.list.iter().filter(|diagnostic| self.is_shown(diagnostic)).collect();
        list.sort_by_key(|d| (d.severity, d.labels.first().map(|l| l.span)));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    #[test]
    fn very_many_are_cut_and_said_to_be() {
        let mut sink = Sink::default();
        for at in 0..100_000 {
            assert!(!sink.overflowed() || at > MOST_KEPT);
            sink.push(Diagnostic::warning("odd", Span::new(SourceId(0), at, at + 1), "odd"));
        }
        sink.push(Diagnostic::general("an error behind many warnings is an error"));
        assert!(sink.overflowed() && sink.has_errors());
        assert_eq!(sink.sorted().len(), MOST_KEPT + 1);
    }
}
