//! Code: tokens inside brackets, up to the bracket that ends the item. Matches brackets and finds where statements begin and
//! end. Which `>` closes a block is in `angle`, what to do about brackets that do not match is in `repair`.
//!
//! Knows no expression: what a bracket holds is the parser's business.

use rbtrace_diag::Diagnostic;

use super::frames::{Bracket, Frame, Statement};
use super::{Lexer, Piece};
use crate::token::{Tok, Token};

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
        use Tok::*;
        match tok {
            Open if self.head_ends_unclosed() => self.close_head_early(tok, start),
            Open | StmtOpen => self.open(Bracket::Brace, tok, start),
            Paren if self.last_is(&[Tok::If, Tok::StmtIf, Tok::While, Tok::Unroll]) => self.open(Bracket::Paren, Tok::CondOpen, start),
            Paren => self.open(Bracket::Paren, tok, start),
            Square if matches!(self.last(), Some(Tok::Map(_))) => self.open(Bracket::Square, Tok::KeyOpen, start),
            Square => self.open(Bracket::Square, tok, start),
            Lt if self.block_may_follow() => {
                self.pos = start + 1;
                self.open(Bracket::Angle, Tok::Open, start);
            }
            Gt | Shr | Ge | ShrAssign if self.angle_ends(start) => self.close_block(start),
            Gt if self.at_statement() => self.close_outer(Bracket::Angle, start),
            Slash if self.predicate_ends() => self.close_predicate(start),
            Close => self.close_outer(Bracket::Brace, start),
            ParenClose => self.close_inner(Bracket::Paren, tok, start),
            SquareClose => self.close_inner(Bracket::Square, tok, start),
            Semi => self.semicolon(start),
            // They stand inside statements and structure nothing.
            Ident(_) | Reserved(_) | Variable(_) | Map(_) | Discard | Int(_) | Str(_) | Param(_) | ParamCount => self.push(tok, start),
            AttachPoint(_) | Otherwise | If | StmtIf | Else | While | For | Unroll | Let | Break | Continue => self.push(tok, start),
            Return | Import | True | False | SizeOf | OffsetOf | TypeOf | TypeInfo | Comptime | Struct | Union => self.push(tok, start),
            Enum | Config | Macro | Fn => self.push(tok, start),
            CondOpen | CastOpen | RecordOpen | TypeOpen | KeyOpen | PredicateOpen | PredicateClose | Colon => self.push(tok, start),
            Comma | Dot | Range | Arrow | Question => self.push(tok, start),
            Assign | AddAssign | SubAssign | MulAssign | DivAssign | ModAssign | AndAssign | OrAssign => self.push(tok, start),
            XorAssign | ShlAssign | ShrAssign | Eq | Ne | Le | Ge | Lt | Gt | AndAnd | OrOr | Not | Tilde | And => self.push(tok, start),
            Or | Xor | Shl | Shr | Plus | Minus | Star | Slash | Percent | Inc | Dec | BadStmt | BadExpr => self.push(tok, start),
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
        if tok == Tok::If {
            Tok::StmtIf
        } else if tok == Tok::Open {
            Tok::StmtOpen
        } else if tok == Tok::Ident("_") && assigns {
            Tok::Discard
        } else {
            tok
        }
    }

    pub(super) fn open(&mut self, kind: Bracket, tok: Tok<'a>, start: usize) {
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
    pub(super) fn close_block(&mut self, start: usize) {
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

    fn predicate_ends(&mut self) -> bool {
        let inner = self.frames.iter().rev().take_while(|frame| !frame.kind.is_block());
        inner.clone().any(|frame| frame.kind == Bracket::Predicate) && matches!(self.peek_past_layout(), Some(b'{' | b'<'))
    }

    /// `/` before a block.
    pub(super) fn close_predicate(&mut self, start: usize) {
        let Some(open) = self.frames.iter().rposition(|frame| frame.kind == Bracket::Predicate) else { return };
        let first = self.frames[open].statement.start;
        if open + 1 < self.frames.len() {
            self.report_unclosed();
            self.forget_from(first);
            self.push_empty(Tok::BadExpr, start);
        }
        self.pieces.push(Piece { start: first, end: self.tokens.len(), predicate: true });
        self.push(Tok::PredicateClose, start);
        self.frames.truncate(open);
    }

    fn semicolon(&mut self, start: usize) {
        let Some(frame) = self.frames.last() else { return };
        match frame.kind {
            Bracket::Brace | Bracket::Angle if frame.statement.start == self.tokens.len() => {}
            Bracket::Brace | Bracket::Angle => {
                self.push(Tok::Semi, start);
                self.end_statement();
            }
            Bracket::Paren if self.is_for_head() => self.c_loop(start),
            Bracket::Paren | Bracket::Square | Bracket::Predicate => {
                self.report_unclosed();
                match self.frames.iter().rposition(|frame| frame.kind.is_block()) {
                    Some(block) => self.bad_statement(block),
                    None => self.close_predicate(start),
                }
            }
        }
    }

    /// Ends the statement of the innermost block, if it holds anything.
    pub(super) fn end_statement(&mut self) {
        let end = self.tokens.len();
        let Some(frame) = self.frames.last_mut() else { return };
        let start = frame.statement.start;
        frame.statement = Statement { start: end, block_like: false, after_block: false };
        if start < end {
            self.pieces.push(Piece { start, end, predicate: false });
        }
    }

    pub(super) fn at_statement(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.kind.is_block() && frame.statement.start == self.tokens.len())
    }

    fn last(&self) -> Option<Tok<'a>> {
        self.tokens.last().map(|token| token.tok)
    }

    pub(super) fn last_is(&self, toks: &[Tok<'_>]) -> bool {
        self.last().is_some_and(|last| toks.contains(&last))
    }

    /// Pushes a token that was not written.
    pub(super) fn push_empty(&mut self, tok: Tok<'a>, at: usize) {
        let span = self.span(at, at);
        self.tokens.push(Token { tok, span });
    }
}
