//! Items → AST, with recovery: what the grammar refuses is reported, replaced by an error, and the item is read again.
//!
//! Knows the order of a script's sections; the sentences are in `unexpected`.

use lalrpop_util::ParseError;
use rbtrace_diag::{Diagnostic, Sink, SourceId, Sources, Span};

use crate::ast::{Item, Program};
use crate::builder::Builder;
use crate::grammar::ItemParser;
use crate::lexer::{Code, Lexed, Lexeme, Piece, lex};
use crate::token::{Tok, Token};
use crate::unexpected::unexpected;
use crate::{limit, mark};

/// The most errors that are looked for in one item: each reads it once more.
const MAX_ERRORS: usize = 64;

/// Reads a script. Never fails: what could not be read was pushed to `sink` and is left out or an `Error` node.
pub fn parse(sources: &Sources, id: SourceId, sink: &mut Sink) -> Program {
    let text = &sources.get(id).text;
    let mut lexed = lex(text, id);
    for problem in std::mem::take(&mut lexed.problems) {
        sink.push(problem);
    }
    let mut program = Program::default();
    let mut sections = Sections::default();
    for lexeme in std::mem::take(&mut lexed.items) {
        let (item, span) = match lexeme {
            Lexeme::C(text) => {
                let span = text.span;
                (Some(Item::C(text)), span)
            }
            Lexeme::Code(code) => {
                let span = code.tokens.first().map_or(Span::new(id, 0, 0), |token| token.span);
                (parse_item(code, &lexed, text, &mut program.expr_count, sink), span)
            }
        };
        if let Some(item) = item {
            sections.check(&item, span, sink);
            program.items.push(item);
        }
    }
    program
}

/// Reads the tokens of one item; none if not even its head can be read.
fn parse_item(mut code: Code<'_>, lexed: &Lexed<'_>, text: &str, expr_count: &mut u32, sink: &mut Sink) -> Option<Item> {
    if code.broken {
        return None;
    }
    if let Some(problem) = limit::too_deep(&code.tokens) {
        sink.push(problem);
        return None;
    }
    mark::mark(&mut code.tokens);
    let mut skipped: Vec<Piece> = vec![];
    for _ in 0..MAX_ERRORS {
        let mut builder = Builder::new(&code.tokens, lexed, *expr_count);
        let error = match ItemParser::new().parse(&mut builder, Feed { skipped: &skipped, ..Feed::all(&code.tokens) }) {
            Ok(item) => {
                *expr_count = builder.next_id();
                return Some(item);
            }
            Err(error) => error,
        };
        let (at, expected) = place(error);
        let piece = piece_around(&code.pieces, &skipped, at);
        let skips = skipped.iter().any(|piece| piece.start == at);
        if !skips && !is_known(&code.tokens, at, piece) {
            sink.push(unexpected(&code.tokens, at, &expected, text));
        }
        let piece = piece?;
        skipped.retain(|inner| inner.start < piece.start || inner.end > piece.end);
        skipped.push(piece);
    }
    sink.leave_out();
    None
}

/// Whether what is wrong at a token, or in the piece around it, was already said.
fn is_known(tokens: &[Token<'_>], at: usize, piece: Option<Piece>) -> bool {
    let is_bad = |token: &Token<'_>| matches!(token.tok, Tok::BadStmt | Tok::BadExpr);
    let follows_bad = at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|token| token.tok == Tok::BadExpr);
    // Something without a width was put in by the lexer, which has said why.
    let is_repair = |token: &Token<'_>| token.span.start == token.span.end;
    let has_repair = piece.is_some_and(|piece| tokens[piece.start..piece.end].iter().any(is_repair));
    tokens.get(at).is_some_and(is_bad) || follows_bad || has_repair
}

/// Which token an error is about, and what would have been read instead.
fn place(error: ParseError<usize, Tok<'_>, std::convert::Infallible>) -> (usize, Vec<String>) {
    match error {
        ParseError::InvalidToken { location } => (location, vec![]),
        ParseError::UnrecognizedEof { location, expected } => (location, expected),
        ParseError::UnrecognizedToken { token: (at, _, _), expected } => (at, expected),
        ParseError::ExtraToken { token: (at, _, _) } => (at, vec![]),
        ParseError::User { error } => match error {},
    }
}

/// The smallest piece that holds a token or ends right before it, and that is not skipped yet.
fn piece_around(pieces: &[Piece], skipped: &[Piece], at: usize) -> Option<Piece> {
    let is_skipped = |piece: &Piece| skipped.iter().any(|other| other.start <= piece.start && piece.end <= other.end);
    let around = pieces.iter().filter(|piece| piece.start <= at && at <= piece.end && !is_skipped(piece));
    around.max_by_key(|piece| (piece.start, std::cmp::Reverse(piece.end))).copied()
}

/// The tokens as the grammar sees them: an error stands for each skipped piece.
pub(crate) struct Feed<'t> {
    tokens: &'t [Token<'t>],
    skipped: &'t [Piece],
    at: usize,
    /// Whether the piece that begins here was handed out: it may be empty.
    entered: bool,
}

impl<'t> Feed<'t> {
    pub(crate) fn all(tokens: &'t [Token<'t>]) -> Self {
        Feed { tokens, skipped: &[], at: 0, entered: false }
    }
}

impl<'t> Iterator for Feed<'t> {
    type Item = Result<(usize, Tok<'t>, usize), std::convert::Infallible>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        if let Some(piece) = self.skipped.iter().find(|piece| piece.start == start && !self.entered) {
            self.at = piece.end;
            self.entered = piece.end == start;
            let tok = if piece.predicate { Tok::BadExpr } else { Tok::BadStmt };
            return Some(Ok((start, tok, piece.end)));
        }
        self.entered = false;
        let token = self.tokens.get(start)?;
        self.at += 1;
        Some(Ok((start, token.tok, start + 1)))
    }
}

/// The sections of a script in their order (SPEC §2.1), and what was seen of them.
#[derive(Default)]
struct Sections {
    latest: Section,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    #[default]
    C,
    Settings,
    Probes,
}

impl Sections {
    fn check(&mut self, item: &Item, span: Span, sink: &mut Sink) {
        let (section, what) = match item {
            Item::C(_) => (Section::C, "C definitions"),
            Item::Config(_) => (Section::Settings, "the `config` block"),
            Item::Import(_) => (Section::Settings, "imports"),
            Item::Macro(_) | Item::MapDecl(_) | Item::Function(_) | Item::Probe(_) => (Section::Probes, "probes"),
        };
        if section < self.latest {
            let why = match self.latest {
                Section::C | Section::Settings => "`config` and imports have already begun",
                Section::Probes => "probes and macros have already begun",
            };
            let problem = Diagnostic::error(span, format!("{what} must stand further up")).because(why);
            sink.push(problem.hint("the order is: C definitions, then `config` and imports, then everything else"));
        }
        self.latest = self.latest.max(section);
    }
}
