//! Code: tokens inside brackets, up to the bracket that ends the item. Matches brackets, finds where statements begin and
//! end, tells `<` and `>` that bracket a block from those that compare, and repairs what is not balanced.
//!
//! Knows no expression: what a bracket holds is the parser's business.

use logos::Logos;
use rbtrace_diag::Diagnostic;

use super::frames::{Bracket, Frame, Statement, Suspect};
use super::header::looks_like_attach_point;
use super::{Lexer, Piece};
use crate::token::{Tok, Token};

/// How often in one text a `>` may be reconsidered, which reads the rest again.
const MAX_REWINDS: u32 = 16;

impl<'a> Lexer<'a> {
    /// Opens the block whose bracket stands here.
    pub(super) fn open_block(&mut self, bracket: u8) {
        let start = self.pos;
        self.pos += 1;
        let kind = if bracket == b'<' { Bracket::Angle } else { Bracket::Brace };
        self.open(kind, Tok::Open, start);
    }

    /// Opens the predicate whose `/` stands here.
    pub(super) fn open_predicate(&mut self) {
        let start = self.pos;
        self.pos += 1;
        self.open(Bracket::Predicate, Tok::PredicateOpen, start);
    }

    /// Reads tokens until all brackets are closed.
    pub(super) fn code(&mut self) {
        while !self.frames.is_empty() {
            self.layout();
            if self.peek().is_none() {
                if self.rewind() {
                    continue;
                }
                return self.end_of_text();
            }
            if self.probe_begins() {
                return self.end_before_probe();
            }
            let start = self.pos;
            if let Some(tok) = self.scan() {
                self.accept(tok, start);
            }
        }
    }

    fn accept(&mut self, tok: Tok<'a>, start: usize) {
        let tok = self.word_after_dot(tok, start);
        self.end_after_block(tok);
        let tok = self.begin_statement(tok);
        match tok {
            Tok::Open | Tok::StmtOpen if self.predicate_ends_unclosed() => self.close_predicate_early(start),
            Tok::Open | Tok::StmtOpen => self.open(Bracket::Brace, tok, start),
            Tok::Paren if self.last_is(&[Tok::If, Tok::StmtIf, Tok::While, Tok::Unroll]) => self.open(Bracket::Paren, Tok::CondOpen, start),
            Tok::Paren => self.open(Bracket::Paren, tok, start),
            Tok::Square if matches!(self.last(), Some(Tok::Map(_))) => self.open(Bracket::Square, Tok::KeyOpen, start),
            Tok::Square => self.open(Bracket::Square, tok, start),
            Tok::Lt if self.block_may_follow() => {
                self.pos = start + 1;
                self.open(Bracket::Angle, Tok::Open, start);
            }
            Tok::Gt | Tok::Shr | Tok::Ge | Tok::ShrAssign if self.angle_ends(start) => self.close_block(start),
            Tok::Gt if self.at_statement() => self.close_outer(Bracket::Angle, start),
            Tok::Slash if self.predicate_ends() => self.close_predicate(start),
            Tok::Close => self.close_outer(Bracket::Brace, start),
            Tok::ParenClose => self.close_inner(Bracket::Paren, tok, start),
            Tok::SquareClose => self.close_inner(Bracket::Square, tok, start),
            Tok::Semi => self.semicolon(start),
            other => self.push(other, start),
        }
    }

    /// After `.` and `->`, every word is a field.
    fn word_after_dot(&self, tok: Tok<'a>, start: usize) -> Tok<'a> {
        let word = &self.text[start..self.pos];
        let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if is_word && self.last_is(&[Tok::Dot, Tok::Arrow]) { Tok::Ident(word) } else { tok }
    }

    /// A statement that ended in a block is over, unless `else` or its `;` follows.
    fn end_after_block(&mut self, tok: Tok<'a>) {
        let Some(frame) = self.frames.last_mut() else { return };
        if !frame.statement.after_block {
            return;
        }
        frame.statement.after_block = false;
        if !matches!(tok, Tok::Else | Tok::Semi) {
            self.end_statement();
        }
    }

    /// Marks what means something else where a statement begins.
    fn begin_statement(&mut self, tok: Tok<'a>) -> Tok<'a> {
        if !self.at_statement() {
            return tok;
        }
        let assigns = self.peek_past_layout() == Some(b'=');
        let Some(frame) = self.frames.last_mut() else { return tok };
        frame.statement.block_like = matches!(tok, Tok::If | Tok::Else | Tok::While | Tok::For | Tok::Unroll | Tok::Open);
        match tok {
            Tok::If => Tok::StmtIf,
            Tok::Open => Tok::StmtOpen,
            Tok::Ident("_") if assigns => Tok::Discard,
            other => other,
        }
    }

    fn open(&mut self, kind: Bracket, tok: Tok<'a>, start: usize) {
        let condition = match kind {
            Bracket::Paren => self.last_is(&[Tok::If, Tok::StmtIf, Tok::While, Tok::Unroll, Tok::For]),
            Bracket::Brace => self.last_is(&[Tok::If, Tok::StmtIf, Tok::While, Tok::Unroll]),
            Bracket::Square | Bracket::Angle | Bracket::Predicate => false,
        };
        self.push(tok, start);
        let open = self.span(start, start + 1);
        self.frames.push(Frame { condition, ..Frame::new(kind, open, self.tokens.len()) });
    }

    /// `)` or `]`.
    fn close_inner(&mut self, kind: Bracket, tok: Tok<'a>, start: usize) {
        let inner = self.frames.iter().rev().take_while(|frame| !frame.kind.is_block() && frame.kind != Bracket::Predicate);
        let Some(above) = inner.clone().position(|frame| frame.kind == kind) else {
            let here = self.span(start, self.pos);
            return self.report(
                Diagnostic::error(here, format!("`{}` closes nothing", kind.closing())).because("no bracket of its kind is open here"),
            );
        };
        for _ in 0..above {
            self.report_unclosed();
            if let Some(frame) = self.frames.pop() {
                let tok = if frame.kind == Bracket::Paren { Tok::ParenClose } else { Tok::SquareClose };
                self.push_empty(tok, start);
            }
        }
        self.push(tok, start);
        let condition = self.frames.pop().is_some_and(|frame| frame.condition);
        if condition && self.peek_past_layout() == Some(b'<') {
            // After a parenthesised condition nothing but a block can follow (SPEC, Appendix C).
            self.layout();
            let bracket = self.pos;
            self.pos += 1;
            self.open(Bracket::Angle, Tok::Open, bracket);
        }
    }

    fn block_may_follow(&self) -> bool {
        self.last_is(&[Tok::Else])
    }

    /// `}`, or a `>` where a statement should begin: closes a block of its kind, or what is there to be closed.
    fn close_outer(&mut self, kind: Bracket, start: usize) {
        loop {
            let Some(block) = self.frames.iter().rposition(|frame| frame.kind.is_block()) else {
                let here = self.span(start, self.pos);
                return self
                    .report(Diagnostic::error(here, format!("`{}` closes nothing", kind.closing())).because("no block is open here"));
            };
            if block + 1 < self.frames.len() {
                self.report_unclosed();
                self.bad_statement(block);
            }
            let found = self.frames[block];
            if found.kind == kind {
                return self.close_block(start);
            }
            if !self.frames[..block].iter().any(|frame| frame.kind == kind) {
                let here = self.span(start, self.pos);
                let (open, close) = (found.kind.opening(), found.kind.closing());
                let problem = Diagnostic::error(here, format!("`{}` closes a block that `{open}` opened", kind.closing()));
                self.report(problem.because(format!("`{close}` is expected")).label(found.open, "opened here"));
                return self.close_block(start);
            }
            self.report_unclosed();
            let end = self.pos;
            self.pos = start;
            self.close_block(start);
            self.pos = end;
        }
    }

    /// Ends the innermost block; its bracket stands at `start..pos`.
    fn close_block(&mut self, start: usize) {
        self.end_statement();
        self.push(Tok::Close, start);
        let closed = self.frames.pop();
        if let Some(parent) = self.frames.last_mut().filter(|frame| frame.kind.is_block())
            && parent.statement.block_like
            && closed.is_some_and(|frame| !frame.condition)
        {
            parent.statement.after_block = true;
        }
    }

    /// Whether the `>` at `start` closes an angle block; if so, only this character is consumed.
    fn angle_ends(&mut self, start: usize) -> bool {
        if self.frames.last().is_none_or(|frame| frame.kind != Bracket::Angle) {
            return false;
        }
        let end = self.pos;
        self.pos = start + 1;
        if self.at_statement() {
            return true;
        }
        if self.nothing_to_compare() {
            self.missing_semicolon(start);
            return true;
        }
        self.pos = end;
        let rest_of_line = self.text[end..].lines().next().unwrap_or("").trim();
        if rest_of_line.is_empty() || rest_of_line.starts_with("//") {
            self.suspect(start);
        }
        false
    }

    /// Whether what follows cannot be the right side of a comparison.
    fn nothing_to_compare(&mut self) -> bool {
        let (pos, problems) = (self.pos, self.out.problems.len());
        self.layout();
        let found = match self.peek() {
            None => true,
            Some(byte) if b"})];,>=/".contains(&byte) => true,
            Some(_) if self.text[pos..self.pos].contains('\n') => looks_like_attach_point(&self.text[self.pos..]),
            Some(_) => self.word() == "else",
        };
        self.pos = pos;
        self.out.problems.truncate(problems);
        found
    }

    /// Reports a statement without `;` before the closing `>` at `start`, and ends it.
    fn missing_semicolon(&mut self, start: usize) {
        let here = self.span(start, start + 1);
        let why = "in a `< … >` block every statement ends in `;`, else the `>` compares";
        self.report(Diagnostic::error(here, "missing `;` before the closing `>`").because(why).hint("write `; >`"));
        self.push_empty(Tok::Semi, start);
        self.end_statement();
    }

    /// Remembers a `>` at the end of a line, for the case that the block has no other end.
    fn suspect(&mut self, pos: usize) {
        let (tokens, pieces, problems) = (self.tokens.len(), self.pieces.len(), self.out.problems.len());
        if let Some(frame) = self.frames.last_mut().filter(|frame| frame.suspect.is_none()) {
            frame.suspect = Some(Suspect { pos, tokens, pieces, problems, statement: frame.statement });
        }
    }

    /// At the end of the text: takes the first suspect `>` as the bracket it must have been meant to be.
    fn rewind(&mut self) -> bool {
        let found = self.frames.iter().enumerate().find_map(|(index, frame)| frame.suspect.map(|suspect| (index, suspect)));
        let Some((index, suspect)) = found.filter(|_| self.rewinds < MAX_REWINDS) else { return false };
        self.rewinds += 1;
        self.frames.truncate(index + 1);
        self.frames[index].statement = suspect.statement;
        self.frames[index].suspect = None;
        self.tokens.truncate(suspect.tokens);
        self.pieces.truncate(suspect.pieces);
        self.out.problems.truncate(suspect.problems);
        self.pos = suspect.pos + 1;
        self.missing_semicolon(suspect.pos);
        self.close_block(suspect.pos);
        true
    }

    fn predicate_ends(&mut self) -> bool {
        let inner = self.frames.iter().rev().take_while(|frame| !frame.kind.is_block());
        inner.clone().any(|frame| frame.kind == Bracket::Predicate) && matches!(self.peek_past_layout(), Some(b'{' | b'<'))
    }

    /// `/` before a block.
    fn close_predicate(&mut self, start: usize) {
        let Some(open) = self.frames.iter().rposition(|frame| frame.kind == Bracket::Predicate) else { return };
        let first = self.frames[open].statement.start;
        if open + 1 < self.frames.len() {
            self.report_unclosed();
            self.tokens.truncate(first);
            self.push_empty(Tok::BadExpr, start);
        }
        self.pieces.push(Piece { start: first, end: self.tokens.len(), predicate: true });
        self.push(Tok::PredicateClose, start);
        self.frames.truncate(open);
    }

    /// Whether a `{` must be the action block because the expression before it is complete.
    fn predicate_ends_unclosed(&self) -> bool {
        let Some(frame) = self.frames.last().filter(|frame| frame.kind == Bracket::Predicate) else { return false };
        let read = &self.tokens[frame.statement.start..];
        let has_if = read.iter().any(|token| token.tok == Tok::If);
        !has_if && read.last().is_some_and(|token| token.tok.ends_expression())
    }

    fn close_predicate_early(&mut self, start: usize) {
        self.pos = start;
        self.report_unclosed();
        self.close_predicate(start);
    }

    fn semicolon(&mut self, start: usize) {
        let Some(frame) = self.frames.last() else { return };
        match frame.kind {
            Bracket::Brace | Bracket::Angle if frame.statement.start == self.tokens.len() => {}
            Bracket::Brace | Bracket::Angle => {
                self.push(Tok::Semi, start);
                self.end_statement();
            }
            Bracket::Paren if frame.condition => self.c_loop(start),
            Bracket::Paren | Bracket::Square | Bracket::Predicate => {
                self.report_unclosed();
                match self.frames.iter().rposition(|frame| frame.kind.is_block()) {
                    Some(block) => self.bad_statement(block),
                    None => self.close_predicate(start),
                }
            }
        }
    }

    /// `;` in the head of a loop or of an `if`; what was in C's mind is not there. Said once per bracket.
    fn c_loop(&mut self, start: usize) {
        let Some(open) = self.frames.last().map(|frame| frame.open) else { return };
        let problem = Diagnostic::error(open, "`;` cannot stand in these parentheses").because("they hold a single condition or range");
        self.report(problem.hint("C's `for (;;)` is written `for ($i : 0..10) { … }` or `while (…) { … }`"));
        self.push(Tok::BadExpr, start);
    }

    /// Leaves the current statement of the innermost block, if there is one: what follows is unreadable.
    pub(super) fn abandon_statement(&mut self) {
        if let Some(block) = self.frames.iter().rposition(|frame| frame.kind.is_block()) {
            self.bad_statement(block);
        }
    }

    /// Ends the statement of the innermost block, if it holds anything.
    fn end_statement(&mut self) {
        let end = self.tokens.len();
        let Some(frame) = self.frames.last_mut() else { return };
        let start = frame.statement.start;
        frame.statement = Statement { start: end, block_like: false, after_block: false };
        if start < end {
            self.pieces.push(Piece { start, end, predicate: false });
        }
    }

    /// Replaces the current statement of an outer block by an error; what was open inside it is forgotten.
    fn bad_statement(&mut self, block: usize) {
        self.frames.truncate(block + 1);
        let start = self.frames[block].statement.start;
        let last = self.tokens.last().map(|token| token.span);
        let span = self.tokens.get(start).map(|token| last.map_or(token.span, |last| token.span.to(last)));
        self.tokens.truncate(start);
        // Those that ended inside it are the last ones.
        while self.pieces.pop_if(|piece| piece.start >= start).is_some() {}
        self.tokens.push(Token { tok: Tok::BadStmt, span: span.unwrap_or(self.span(self.pos, self.pos)) });
        self.end_statement();
    }

    /// Whether a probe header stands where a statement should begin: a bracket before it was forgotten.
    fn probe_begins(&self) -> bool {
        let Some(frame) = self.frames.last() else { return false };
        let fresh = frame.statement.start == self.tokens.len() || frame.statement.after_block;
        let header = || looks_like_attach_point(&self.text[self.pos..]) || self.bare_probe_begins();
        fresh && header() && self.frames.iter().all(|frame| frame.kind.is_block())
    }

    /// A probe without a target: a plain word at the start of a line, and a bracket after it.
    fn bare_probe_begins(&self) -> bool {
        let at_margin = self.pos == 0 || self.text.as_bytes()[self.pos - 1] == b'\n';
        let word = self.word();
        let block = || self.text[self.pos + word.len()..].trim_start().starts_with(['{', '<']);
        at_margin && matches!(Tok::lexer(word).next(), Some(Ok(Tok::Ident(_)))) && block()
    }

    fn end_before_probe(&mut self) {
        let here = self.span(self.pos, self.pos + self.word().len());
        self.report_unclosed();
        if let Some(problem) = self.out.problems.last_mut() {
            *problem = problem.clone().label(here, "a new probe begins here");
        }
        self.close_all();
    }

    fn end_of_text(&mut self) {
        self.report_unclosed();
        self.close_all();
    }

    /// Closes everything that is open, here, without a word.
    fn close_all(&mut self) {
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

    fn report_unclosed(&mut self) {
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

    fn at_statement(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.kind.is_block() && frame.statement.start == self.tokens.len())
    }

    fn last(&self) -> Option<Tok<'a>> {
        self.tokens.last().map(|token| token.tok)
    }

    fn last_is(&self, toks: &[Tok<'_>]) -> bool {
        self.last().is_some_and(|last| toks.contains(&last))
    }

    /// Pushes a token that was not written.
    fn push_empty(&mut self, tok: Tok<'a>, at: usize) {
        let span = self.span(at, at);
        self.tokens.push(Token { tok, span });
    }
}
