//! One token at a time: words, literals and punctuation, what lies between them, and characters that are none of these.

use logos::Logos;
use rbtrace_diag::Diagnostic;

use super::{Lexer, literal};
use crate::token::Tok;

impl<'a> Lexer<'a> {
    /// Reads the token at `pos`, which is no layout. None: it was reported and skipped.
    pub(super) fn scan(&mut self) -> Option<Tok<'a>> {
        let start = self.pos;
        let rest = &self.text[start..];
        match rest.as_bytes() {
            [b'0'..=b'9', ..] => Some(self.number()),
            [b'"', ..] => self.string(),
            [b'$', b'0'..=b'9', ..] => {
                self.pos += 1 + rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                Some(Tok::Param(self.param_number(start)))
            }
            _ => {
                let mut words = Tok::lexer(rest);
                let found = words.next();
                self.pos += words.span().end.max(1);
                match found {
                    Some(Ok(tok)) => Some(tok),
                    Some(Err(())) | None => Some(self.unknown(start)),
                }
            }
        }
    }

    pub(super) fn number(&mut self) -> Tok<'a> {
        let start = self.pos;
        let text = &self.text[start..];
        let length = word_length(text);
        self.pos += length;
        if self.fraction(start) {
            return Tok::Int(0);
        }
        match literal::integer(&text[..length]) {
            Ok(value) => Tok::Int(value),
            Err(flaw) => {
                self.flaw(start, flaw);
                Tok::Int(0)
            }
        }
    }

    /// None: the string has no end, and the statement that held it was given up.
    pub(super) fn string(&mut self) -> Option<Tok<'a>> {
        let start = self.pos;
        let (bytes, length, flaws) = literal::string(&self.text[start..]);
        self.pos += length;
        let ended = length > 1 && self.text[..self.pos].ends_with('"');
        for flaw in flaws {
            self.flaw(start, flaw);
        }
        self.out.strings.push(bytes);
        if !ended {
            self.abandon_statement();
            return None;
        }
        Some(Tok::Str(self.out.strings.len() as u32 - 1))
    }

    pub(super) fn flaw(&mut self, start: usize, flaw: literal::Flaw) {
        let span = self.span(start + flaw.at.start, start + flaw.at.end);
        let problem = Diagnostic::error(span, flaw.message).because(flaw.why);
        self.report(match flaw.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
    }

    /// Refuses `1.5`; `x.1.5` are two indices of tuples.
    pub(super) fn fraction(&mut self, start: usize) -> bool {
        let after_dot = self.tokens.last().is_some_and(|token| token.tok == Tok::Dot);
        let Some(rest) =
            self.text[self.pos..].strip_prefix('.').filter(|rest| !after_dot && rest.starts_with(|c: char| c.is_ascii_digit()))
        else {
            return false;
        };
        self.pos += 1 + word_length(rest);
        let written = &self.text[start..self.pos];
        let problem =
            Diagnostic::error(self.span(start, self.pos), format!("`{written}` is not an integer")).because("there are no fractions");
        self.report(problem.hint("durations can be written in a smaller unit: `1500ms`"));
        true
    }

    /// A character that no token begins with stands for an expression, so that one error is enough.
    pub(super) fn unknown(&mut self, start: usize) -> Tok<'a> {
        let rest = &self.text[start..];
        let shown = rest.chars().next().unwrap_or(' ');
        let quoted = rest[shown.len_utf8()..].find('\'').filter(|length| shown == '\'' && *length <= 4);
        self.pos = start + quoted.map_or(shown.len_utf8(), |length| length + 2);
        let name = match shown {
            '`' => "a backtick".to_string(),
            _ if shown.is_control() => format!("`{}`", shown.escape_debug()),
            _ => format!("`{shown}`"),
        };
        let problem = Diagnostic::error(self.span(start, self.pos), format!("{name} is not part of the language"));
        self.report(match shown {
            '\'' => problem.because("there are no character literals").hint("strings stand in double quotes: `\"text\"`"),
            '$' => problem.because("a name, a number or `#` must follow: `$x`, `$1`, `$#`"),
            '#' => problem.because("a preprocessor line stands at the top level only").hint("comments begin with `//`"),
            _ => problem.because("no token begins with this character"),
        });
        Tok::BadExpr
    }

    /// Skips white space and comments.
    pub(super) fn layout(&mut self) {
        loop {
            let rest = &self.text[self.pos..];
            let blank = rest.bytes().take_while(|b| b.is_ascii_whitespace() || *b == 0x0b).count();
            self.pos += blank;
            match &rest.as_bytes()[blank..] {
                [b'/', b'/', ..] => self.pos += rest[blank..].find('\n').unwrap_or(rest.len() - blank),
                [b'/', b'*', ..] => match rest[blank + 2..].find("*/") {
                    Some(length) => self.pos += length + 4,
                    None => {
                        let open = self.span(self.pos, self.pos + 2);
                        self.report(Diagnostic::error(open, "this comment has no end").because("`*/` is missing"));
                        self.pos = self.text.len();
                    }
                },
                _ => return,
            }
        }
    }

    /// The identifier at `pos`; may be empty.
    pub(super) fn word(&self) -> &'a str {
        let rest = &self.text[self.pos..];
        &rest[..word_length(rest)]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    /// The next byte that is not layout.
    pub(super) fn peek_past_layout(&mut self) -> Option<u8> {
        let (pos, problems) = (self.pos, self.out.problems.len());
        self.layout();
        let next = self.peek();
        self.out.problems.truncate(problems);
        self.pos = pos;
        next
    }
}

/// The length of the letters, digits and `_` that a text begins with.
fn word_length(text: &str) -> usize {
    text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()
}
