//! What is done about brackets that are not balanced: said once, and repaired so that the parser sees them balanced.
//!
//! Tokens that are put in have no width; the parser's own complaints about what holds one are left unsaid.

use logos::Logos;
use rbtrace_diag::Diagnostic;

use super::Lexer;
use super::frames::Bracket;
use super::header::looks_like_attach_point;
use crate::token::{Tok, Token};

impl<'a> Lexer<'a> {
    /// Whether a `{` must be the block after a predicate or a condition, because the expression before it is complete.
    pub(super) fn head_ends_unclosed(&self) -> bool {
        let Some(frame) = self.frames.last().filter(|frame| frame.kind == Bracket::Predicate || frame.condition) else { return false };
        let read = &self.tokens[frame.statement.start..];
        let has_if = read.iter().any(|token| token.tok == Tok::If);
        !frame.kind.is_block() && !has_if && read.last().is_some_and(|token| token.tok.ends_expression())
    }

    /// Closes a predicate or a condition before the `{` at `start`.
    pub(super) fn close_head_early(&mut self, tok: Tok<'a>, start: usize) {
        self.report_unclosed();
        if self.frames.last().is_some_and(|frame| frame.kind == Bracket::Predicate) {
            self.pos = start;
            return self.close_predicate(start);
        }
        self.frames.pop();
        self.push_empty(Tok::ParenClose, start);
        self.open(Bracket::Brace, tok, start);
    }

    /// Whether the innermost bracket is the `(` right after `for`.
    pub(super) fn is_for_head(&self) -> bool {
        let before = self.frames.last().and_then(|frame| frame.statement.start.checked_sub(2));
        before.is_some_and(|at| self.tokens[at].tok == Tok::For)
    }

    /// `;` in the head of a `for`. Said once per bracket.
    pub(super) fn c_loop(&mut self, start: usize) {
        let Some(open) = self.frames.last().map(|frame| frame.open) else { return };
        let problem = Diagnostic::error(open, "C's `for (;;)` does not exist").because("a variable and what it goes over are expected");
        self.report(problem.hint("write `for ($i : 0..10) { … }` or `while (…) { … }`"));
        self.push(Tok::BadExpr, start);
    }

    /// Leaves the current statement of the innermost block, if there is one: what follows is unreadable.
    pub(super) fn abandon_statement(&mut self) {
        if let Some(block) = self.frames.iter().rposition(|frame| frame.kind.is_block()) {
            self.bad_statement(block);
        }
    }

    /// Replaces the current statement of an outer block by an error; what was open inside it is forgotten.
    pub(super) fn bad_statement(&mut self, block: usize) {
        self.frames.truncate(block + 1);
        let start = self.frames[block].statement.start;
        let last = self.tokens.last().map(|token| token.span);
        let span = self.tokens.get(start).map(|token| last.map_or(token.span, |last| token.span.to(last)));
        self.forget_from(start);
        // What a `>` in it may have meant is of no interest any more.
        self.frames[block].suspect.take_if(|suspect| suspect.tokens > start);
        self.tokens.push(Token { tok: Tok::BadStmt, span: span.unwrap_or(self.span(self.pos, self.pos)) });
        self.end_statement();
    }

    /// Drops the tokens from `start` on, and the pieces among them.
    pub(super) fn forget_from(&mut self, start: usize) {
        self.tokens.truncate(start);
        // Those that ended there are the last ones.
        while self.pieces.pop_if(|piece| piece.start >= start).is_some() {}
    }

    /// Whether a probe header stands where a statement should begin: a bracket before it was forgotten.
    pub(super) fn probe_begins(&self) -> bool {
        let Some(frame) = self.frames.last() else { return false };
        let fresh = frame.statement.start == self.tokens.len() || frame.statement.after_block;
        fresh && self.header_begins() && self.frames.iter().all(|frame| frame.kind.is_block())
    }

    /// Whether what stands here looks like a probe: a word with a target, or at the start of a line one before a bracket.
    pub(super) fn header_begins(&self) -> bool {
        let at_margin = self.pos == 0 || self.text.as_bytes()[self.pos - 1] == b'\n';
        let word = self.word();
        let block = || self.text[self.pos + word.len()..].trim_start().starts_with(['{', '<']);
        let bare = at_margin && matches!(Tok::lexer(word).next(), Some(Ok(Tok::Ident(_)))) && block();
        bare || looks_like_attach_point(&self.text[self.pos..])
    }

    pub(super) fn end_before_probe(&mut self) {
        let here = self.span(self.pos, self.pos + self.word().len());
        self.report_unclosed();
        if let Some(problem) = self.out.problems.last_mut() {
            *problem = problem.clone().label(here, "a new probe begins here");
        }
        self.close_all();
    }

    pub(super) fn end_of_text(&mut self) {
        self.report_unclosed();
        self.close_all();
    }

    /// Closes everything that is open, here, without a word.
    pub(super) fn close_all(&mut self) {
        let here = self.pos;
        if let Some(block) = self.frames.iter().rposition(|frame| frame.kind.is_block())
            && block + 1 < self.frames.len()
        {
            self.bad_statement(block);
        }
        while let Some(frame) = self.frames.last() {
            match frame.kind {
                Bracket::Brace | Bracket::Angle => self.close_block(here),
                Bracket::Predicate => self.close_predicate(here),
                Bracket::Paren | Bracket::Square => {
                    self.frames.pop();
                }
            }
        }
    }

    pub(super) fn report_unclosed(&mut self) {
        let Some(frame) = self.frames.last() else { return };
        let (open, close) = (frame.kind.opening(), frame.kind.closing());
        let problem = match frame.kind {
            Bracket::Predicate => Diagnostic::error(frame.open, "this predicate has no end")
                .because("a `/` must follow its expression, before the action block")
                .hint("write it as `/expression/ { … }`"),
            Bracket::Paren | Bracket::Square | Bracket::Brace | Bracket::Angle => {
                Diagnostic::error(frame.open, format!("this `{open}` is never closed")).because(format!("its `{close}` is missing"))
            }
        };
        self.report(problem);
    }
}
