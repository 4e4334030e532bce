//! Probe headers: attach points, which have a lexical grammar of their own (SPEC §1.10), up to the predicate or the block.
//!
//! Knows no probe type: parts are split, not understood.

use rbtrace_diag::{Diagnostic, Spanned};

use super::Lexer;
use crate::ast::{AttachPoint, Name, Part};
use crate::token::Tok;

/// What follows the attach points.
pub(super) enum AfterHeader {
    /// A `/`.
    Predicate,
    /// A `{` or `<`.
    Block,
    /// Neither: a diagnostic was pushed.
    Nothing,
}

impl Lexer<'_> {
    /// Reads attach points up to what ends the header, which is not consumed.
    pub(super) fn header(&mut self) -> AfterHeader {
        let mut expects_point = true;
        loop {
            self.layout();
            let here = self.pos;
            match self.peek() {
                Some(b'/') => return AfterHeader::Predicate,
                Some(b'{' | b'<') => return AfterHeader::Block,
                Some(b',') if !expects_point => {
                    self.pos += 1;
                    self.push(Tok::Comma, here);
                    expects_point = true;
                }
                Some(b'?') if !expects_point && self.text[here..].starts_with("?:") => {
                    self.pos += 2;
                    self.push(Tok::Otherwise, here);
                    expects_point = true;
                }
                Some(b'?') if self.follows_otherwise() => {
                    self.missing_block();
                    return AfterHeader::Nothing;
                }
                Some(byte) if !b"};>),".contains(&byte) && (expects_point || self.same_line_as_last()) => {
                    if !expects_point {
                        self.missing_comma();
                        self.push(Tok::Comma, here);
                    }
                    self.attach_point();
                    expects_point = false;
                }
                _ => {
                    self.missing_block();
                    return AfterHeader::Nothing;
                }
            }
        }
    }

    fn missing_comma(&mut self) {
        let first = self.text[self.pos..].chars().next().map_or(0, char::len_utf8);
        let here = self.span(self.pos, self.pos + first);
        let problem = Diagnostic::error(here, "missing `,` between two attach points").because("a second attach point begins here");
        let is_joint = |byte: Option<u8>| matches!(byte, Some(b':' | b'+'));
        let is_one = is_joint(self.peek()) || is_joint(self.text[..self.pos].trim_end().bytes().last());
        self.report(match is_one {
            true => problem.hint("the parts of an attach point stand together: `tracepoint:sched:sched_switch`"),
            false => problem.hint("quote a name that holds spaces: `uprobe:./a:\"f(int, int)\"`"),
        });
    }

    fn follows_otherwise(&self) -> bool {
        self.tokens.last().is_some_and(|token| token.tok == Tok::Otherwise)
    }

    fn missing_block(&mut self) {
        let end = self.tokens.last().map_or(self.span(self.pos, self.pos), |token| token.span);
        if self.follows_otherwise() {
            let problem = Diagnostic::error(end, "no attach point follows `?:`").because("it stands before what is taken instead");
            return self.report(problem.hint("write `kprobe:vfs_read ?: tracepoint:syscalls:sys_enter_read { … }`"));
        }
        let problem = Diagnostic::error(end, "this probe has no action block").because("nothing says what to do when it fires");
        // `probe // { … }`: an empty predicate was meant, or none.
        let is_commented = self.text[end.end as usize..self.pos].lines().any(|line| line.contains("//") && line.contains('{'));
        self.report(match is_commented {
            true => problem.hint("`//` begins a comment, which runs to the end of the line"),
            false => problem.hint("write the action after it: `{ print(comm); }`"),
        });
    }

    /// Whether no line break lies between the last token and here.
    fn same_line_as_last(&self) -> bool {
        let end = self.tokens.last().map_or(0, |token| token.span.end as usize);
        !self.text[end..self.pos].contains('\n')
    }

    /// Reads one attach point into a token.
    fn attach_point(&mut self) {
        let start = self.pos;
        let mut point = Scan { alias: None, parts: vec![], part: vec![], part_start: start };
        while let Some(byte) = self.peek() {
            let path_begun = !point.parts.is_empty();
            match byte {
                b'{' | b',' => break,
                byte if byte.is_ascii_whitespace() => break,
                // A path may hold `/` and a template `<`, but `begin/pid/ {` and `begin<` end the name.
                b'/' | b'<' if !path_begun => break,
                b':' => {
                    self.end_part(&mut point);
                    self.pos += 1;
                    point.part_start = self.pos;
                }
                b'=' if point.can_be_alias() => {
                    let name = point.text();
                    point.alias = Some(Spanned { node: name, span: self.span(start, self.pos) });
                    self.pos += 1;
                    point.part.clear();
                    point.part_start = self.pos;
                }
                b'"' => self.quoted(&mut point),
                b'$' => self.header_param(&mut point),
                b'@' => {
                    point.part.push(Part::At);
                    self.pos += 1;
                }
                _ => self.plain_char(&mut point),
            }
        }
        self.end_part(&mut point);
        let span = self.span(start, self.pos);
        self.out.attach_points.push(AttachPoint { span, alias: point.alias, parts: point.parts, alternatives: vec![] });
        self.push(Tok::AttachPoint(self.out.attach_points.len() as u32 - 1), start);
    }

    fn end_part(&mut self, point: &mut Scan) {
        let span = self.span(point.part_start, self.pos);
        point.parts.push(Spanned { node: std::mem::take(&mut point.part), span });
    }

    fn plain_char(&mut self, point: &mut Scan) {
        let Some(char) = self.text[self.pos..].chars().next() else { return };
        point.append(char, false);
        self.pos += char.len_utf8();
    }

    /// `"…"`: every character is taken literally, `\c` is `c`.
    fn quoted(&mut self, point: &mut Scan) {
        let start = self.pos;
        point.part.push(Part::Text { text: String::new(), quoted: true });
        let mut chars = self.text[start + 1..].char_indices();
        while let Some((at, char)) = chars.next() {
            self.pos = start + 1 + at;
            match char {
                '"' => {
                    self.pos += 1;
                    return;
                }
                '\n' => return self.open_quote(start),
                '\\' => match chars.next() {
                    Some((_, escaped)) if escaped != '\n' => point.append(escaped, true),
                    _ => return self.open_quote(start),
                },
                other => point.append(other, true),
            }
        }
        self.pos = self.text.len();
        self.open_quote(start);
    }

    fn open_quote(&mut self, start: usize) {
        let span = self.span(start, self.pos);
        self.report(Diagnostic::error(span, "this quoted name has no end").because("the closing `\"` must stand on the same line"));
    }

    /// `$3`
    fn header_param(&mut self, point: &mut Scan) {
        let start = self.pos;
        self.pos += 1;
        let digits = self.text[self.pos..].bytes().take_while(u8::is_ascii_digit).count();
        self.pos += digits;
        if digits == 0 {
            let span = self.span(start, self.pos);
            let problem =
                Diagnostic::error(span, "`$` without a number in an attach point").because("only positional parameters are replaced here");
            return self.report(problem.hint("quote a name that contains `$`: `\"a$b\"`"));
        }
        let number = self.param_number(start);
        point.part.push(Part::Param(number));
    }

    /// The number of the positional parameter written at `start..self.pos`.
    pub(super) fn param_number(&mut self, start: usize) -> u32 {
        let written = &self.text[start..self.pos];
        match written[1..].parse() {
            Ok(number) if number > 0 => number,
            Ok(_) => {
                let problem = Diagnostic::error(self.span(start, self.pos), "`$0` is not a positional parameter");
                self.report(problem.because("they are numbered from `$1`"));
                1
            }
            Err(_) => {
                let problem = Diagnostic::error(self.span(start, self.pos), format!("`{written}` is not a positional parameter"));
                self.report(problem.because("no command line has so many"));
                1
            }
        }
    }
}

/// An attach point under construction.
struct Scan {
    alias: Option<Name>,
    parts: Vec<Spanned<Vec<Part>>>,
    part: Vec<Part>,
    part_start: usize,
}

impl Scan {
    fn append(&mut self, char: char, quoted: bool) {
        match self.part.last_mut() {
            Some(Part::Text { text, quoted: before }) if *before == quoted => text.push(char),
            Some(Part::Text { .. } | Part::Param(_) | Part::At) | None => self.part.push(Part::Text { text: char.into(), quoted }),
        }
    }

    /// `name=`: a plain identifier that nothing precedes.
    fn can_be_alias(&self) -> bool {
        let name = self.text();
        self.alias.is_none()
            && self.parts.is_empty()
            && self.part.len() == 1
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    /// The text of the part, if it is plain text.
    fn text(&self) -> String {
        match self.part.first() {
            Some(Part::Text { text, quoted: false }) => text.clone(),
            Some(Part::Text { .. } | Part::Param(_) | Part::At) | None => String::new(),
        }
    }
}

/// Whether the text begins like an attach point with a target: a word, a colon, and no space after it.
pub(super) fn looks_like_attach_point(text: &str) -> bool {
    let word = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let mut rest = text[word..].bytes();
    word > 0 && rest.next() == Some(b':') && rest.next().is_some_and(|b| !b.is_ascii_whitespace() && b != b':')
}
