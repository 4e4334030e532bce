//! Text → tokens, cut into top-level items. Knows where an item begins and what kind of text it holds: C, a probe header,
//! or code. Knows no grammar: what stands inside an item is the parser's.

mod angle;
mod c;
mod code;
mod frames;
mod header;
mod literal;
mod repair;
mod scan;

use rbtrace_diag::{Diagnostic, SourceId, Span, Spanned};

use self::frames::Frame;
use self::header::AfterHeader;
use crate::ast::AttachPoint;
use crate::token::{Tok, Token};

/// A number as the command line gives it: spelled as in a script, perhaps negative.
pub fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let is_number =
        digits.starts_with(|first: char| first.is_ascii_digit()) && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    Some(i128::from(is_number.then(|| literal::integer(digits).ok())??) * sign)
}

/// What the lexer made of a text.
#[derive(Debug, Default)]
pub struct Lexed<'a> {
    /// In the order they were written.
    pub items: Vec<Lexeme<'a>>,
    /// String literals, by the index in [`Tok::Str`].
    pub strings: Vec<Vec<u8>>,
    /// Attach points, by the index in [`Tok::AttachPoint`].
    pub attach_points: Vec<AttachPoint>,
    /// What was wrong, in the order it was found.
    pub problems: Vec<Diagnostic>,
}

/// A top-level item.
#[derive(Debug)]
pub enum Lexeme<'a> {
    /// C, verbatim.
    C(Spanned<String>),
    /// Anything else.
    Code(Code<'a>),
}

/// The tokens of one item.
#[derive(Debug, Default)]
pub struct Code<'a> {
    /// Invariant: between the first and the last block bracket, all brackets are balanced.
    pub tokens: Vec<Token<'a>>,
    /// The pieces that can be skipped alone when they are wrong, in the order in which they end.
    pub pieces: Vec<Piece>,
    /// Whether the item is damaged so badly that nothing but the diagnostic remains.
    pub broken: bool,
}

/// A statement, a config entry or a predicate: tokens `start..end` of its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its first token.
    pub start: usize,
    /// One past its last.
    pub end: usize,
    /// Whether it is a predicate's expression.
    pub predicate: bool,
}

/// Cuts a text into items and tokens.
pub fn lex(text: &str, source: SourceId) -> Lexed<'_> {
    let mut lexer = Lexer { text, source, pos: 0, tokens: vec![], pieces: vec![], frames: vec![], rewinds: 0, out: Lexed::default() };
    lexer.shebang();
    while lexer.item() {}
    lexer.out
}

struct Lexer<'a> {
    text: &'a str,
    source: SourceId,
    /// The next byte. Invariant: a character boundary.
    pos: usize,
    /// Of the current item.
    tokens: Vec<Token<'a>>,
    pieces: Vec<Piece>,
    /// The brackets that are open, outermost first.
    frames: Vec<Frame>,
    /// How often a `>` was taken for a bracket after all.
    rewinds: u32,
    out: Lexed<'a>,
}

impl<'a> Lexer<'a> {
    /// A byte order mark, which editors put before a text, and the line that names the program to run it.
    fn shebang(&mut self) {
        self.pos = self.text.len() - self.text.trim_start_matches('\u{feff}').len();
        let rest = self.text[self.pos..].trim_start();
        if rest.starts_with("#!") {
            self.pos = rest.find('\n').map_or(self.text.len(), |at| self.text.len() - rest.len() + at);
        }
    }

    /// Reads one item; false at the end of the text.
    fn item(&mut self) -> bool {
        self.layout();
        let Some(first) = self.peek() else { return false };
        if let Some(end) = self.c_end() {
            let node = self.text[self.pos..end].to_string();
            let span = self.span(self.pos, end);
            self.out.items.push(Lexeme::C(Spanned { node, span }));
            self.pos = end;
            return true;
        }
        let complete = match self.keyword() {
            Some(Tok::Config) => self.block_item(Tok::Config),
            Some(Tok::Macro) => self.block_item(Tok::Macro),
            Some(Tok::Fn) => self.block_item(Tok::Fn),
            Some(word) => self.line_item(word),
            None if b"{<}()[];,>/".contains(&first) => {
                self.stray(first);
                return true;
            }
            None => self.probe(),
        };
        let code = Code { tokens: std::mem::take(&mut self.tokens), pieces: std::mem::take(&mut self.pieces), broken: !complete };
        self.frames.clear();
        self.out.items.push(Lexeme::Code(code));
        true
    }

    /// The keyword of an item, unless the word is the name of a probe type or an alias.
    fn keyword(&self) -> Option<Tok<'a>> {
        let word = self.word();
        let after = &self.text[self.pos + word.len()..];
        let next = after.trim_start();
        let spaced = after.len() != next.len();
        match word {
            // Without its `=` it is no probe either; the grammar says what is missing.
            "config" => next.strip_prefix('=').unwrap_or(next).trim_start().starts_with('{').then_some(Tok::Config),
            "import" if spaced || next.starts_with('"') => Some(Tok::Import),
            "macro" if spaced => Some(Tok::Macro),
            "fn" if spaced => Some(Tok::Fn),
            "let" if spaced => Some(Tok::Let),
            _ => None,
        }
    }

    /// `config`, `macro`, `fn`: a head and a block. False where there is no block.
    fn block_item(&mut self, keyword: Tok<'a>) -> bool {
        let start = self.pos;
        self.pos += self.word().len();
        self.push(keyword, start);
        loop {
            self.layout();
            match self.peek() {
                Some(b'{') => {
                    self.open_block(b'{');
                    self.code();
                    return true;
                }
                found @ (None | Some(b';' | b'}')) => {
                    let span = self.tokens[0].span;
                    self.pos += usize::from(found == Some(b';'));
                    let problem = Diagnostic::error(span, format!("this `{}` has no block", self.slice(span)));
                    self.report(problem.because("a `{` must follow its head"));
                    return false;
                }
                Some(_) => self.plain_token(),
            }
        }
    }

    /// `import "…";` and `let @m = …;`. Ends at the `;`, or at the end of the line; a map's declaration needs no `;` behind its `)`.
    fn line_item(&mut self, keyword: Tok<'a>) -> bool {
        let start = self.pos;
        self.pos += self.word().len();
        self.push(keyword, start);
        loop {
            let before = self.pos;
            self.layout();
            let broken = self.text[before..self.pos].contains('\n');
            match self.peek() {
                Some(b';') => {
                    self.plain_token();
                    return true;
                }
                None | Some(b'{' | b'}') => return true,
                Some(_) if broken => return true,
                Some(_) if keyword == Tok::Let && self.tokens.last().is_some_and(|last| last.tok == Tok::ParenClose) => return true,
                Some(_) => self.plain_token(),
            }
        }
    }

    /// Attach points, predicate, block.
    fn probe(&mut self) -> bool {
        let mut after = self.header();
        if matches!(after, AfterHeader::Predicate) {
            self.open_predicate();
            self.code();
            after = self.header_end();
        }
        match after {
            AfterHeader::Block => {
                let bracket = self.peek().expect("a block begins with a bracket");
                self.open_block(bracket);
                self.code();
                true
            }
            AfterHeader::Predicate | AfterHeader::Nothing => false,
        }
    }

    /// What follows a predicate.
    fn header_end(&mut self) -> AfterHeader {
        self.layout();
        match self.peek() {
            Some(b'{' | b'<') => AfterHeader::Block,
            Some(_) | None => AfterHeader::Nothing,
        }
    }

    /// A character that begins no item. A block without a probe is skipped whole.
    fn stray(&mut self, first: u8) {
        let start = self.pos;
        let here = self.span(start, start + 1);
        if first == b'{' || first == b'<' {
            self.report(
                Diagnostic::error(here, "an action block without a probe")
                    .because("nothing says when it runs")
                    .hint("write an attach point before it: `begin { … }`"),
            );
            self.open_block(first);
            self.code();
            self.tokens.clear();
            self.pieces.clear();
            self.frames.clear();
            return;
        }
        self.pos += 1;
        let shown = first as char;
        self.report(match first {
            b'}' | b')' | b']' | b'>' => Diagnostic::error(here, format!("`{shown}` closes nothing")).because("no bracket is open here"),
            _ => Diagnostic::error(here, format!("`{shown}` cannot begin a probe"))
                .because("a probe begins with its attach point, like `kprobe:vfs_read`"),
        });
    }

    /// Reads a token and pushes it as it is.
    fn plain_token(&mut self) {
        let start = self.pos;
        if let Some(tok) = self.scan() {
            self.push(tok, start);
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source, start, end.min(self.text.len()))
    }

    fn slice(&self, span: Span) -> &'a str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// Pushes a token that began at `start` and ends here.
    fn push(&mut self, tok: Tok<'a>, start: usize) {
        let span = self.span(start, self.pos);
        self.tokens.push(Token { tok, span });
    }

    fn report(&mut self, problem: Diagnostic) {
        self.out.problems.push(problem);
    }
}
