//! Angle blocks: which `<` and `>` bracket statements and which compare, and what to do when the `;` before a `>` is missing.
//!
//! Inside `< … >` every statement ends in `;` or `}`, so a `>` where a statement would begin closes the block.

use rbtrace_diag::Diagnostic;

use super::Lexer;
use super::frames::{Bracket, Suspect};
use crate::token::Tok;

/// How often in one text a `>` may be reconsidered, which reads the rest again.
const MAX_REWINDS: u32 = 16;

impl<'a> Lexer<'a> {
    /// Whether the `>` at `start` closes an angle block; if so, only this character is consumed.
    pub(super) fn angle_ends(&mut self, start: usize) -> bool {
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
    pub(super) fn nothing_to_compare(&mut self) -> bool {
        let (pos, problems) = (self.pos, self.out.problems.len());
        self.layout();
        let found = match self.peek() {
            None => true,
            Some(byte) if b"})];,>=/".contains(&byte) => true,
            Some(_) if self.text[pos..self.pos].contains('\n') => self.header_begins(),
            Some(_) => self.word() == "else",
        };
        self.pos = pos;
        self.out.problems.truncate(problems);
        found
    }

    /// Reports a statement without `;` before the closing `>` at `start`, and ends it.
    pub(super) fn missing_semicolon(&mut self, start: usize) {
        let here = self.span(start, start + 1);
        let why = "in a `< … >` block every statement ends in `;`, else the `>` compares";
        self.report(Diagnostic::error(here, "missing `;` before the closing `>`").because(why).hint("write `; >`"));
        self.push_empty(Tok::Semi, start);
        self.end_statement();
    }

    /// Remembers a `>` at the end of a line, for the case that the block has no other end.
    pub(super) fn suspect(&mut self, pos: usize) {
        let (tokens, pieces, problems) = (self.tokens.len(), self.pieces.len(), self.out.problems.len());
        if let Some(frame) = self.frames.last_mut().filter(|frame| frame.suspect.is_none()) {
            frame.suspect = Some(Suspect { pos, tokens, pieces, problems, statement: frame.statement });
        }
    }

    /// At the end of the text: takes the first suspect `>` as the bracket it must have been meant to be.
    pub(super) fn rewind(&mut self) -> bool {
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
}
