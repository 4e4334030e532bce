//! AST and comments → text in the one style (SPEC §9.15). What the tree does not keep, how a number is spelled for example, is taken from the source.
//!
//! An item is laid out, read again and compared. Where that gives another tree or loses a comment, the item stays as it was written:
//! a formatter that changes a program is worse than none.

mod comments;
mod doc;
mod exprs;
mod items;
mod lines;
mod stmts;

use rbtrace_diag::{Sink, SourceId, Sources, Span};

use self::comments::Comments;
use self::doc::Doc;
use self::lines::Lines;
use crate::ast::{Item, Program};
use crate::lexer::{Lexeme, lex};
use crate::{parse, print};

/// A program in the one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formatted {
    /// Ends with a line break, unless it is empty.
    pub text: String,
    /// Items that stay as they were written.
    pub kept: Vec<Span>,
}

/// Formats a program that was read from a source without errors.
pub fn format(sources: &Sources, id: SourceId, program: &Program) -> Formatted {
    let text = sources.get(id).text.as_str();
    let lexed = lex(text, id);
    let mut writer = Writer { text, comments: Comments::of(text, &lexed) };
    let mut lines = Lines::default();
    let mut kept = vec![];
    let mut end = 0;
    if let Some((shebang, after)) = comments::shebang(text) {
        lines.push(0, after, Doc::text(shebang));
        end = after;
    }
    for (item, lexeme) in program.items.iter().zip(&lexed.items) {
        let Some(span) = span(lexeme) else { continue };
        let (from, to) = range(span);
        lines.comments(writer.comments.take(end, from));
        let written = writer.checked(item, from, to).unwrap_or_else(|| {
            kept.push(span);
            text[from..to].to_owned()
        });
        match item {
            Item::C(_) | Item::Import(_) | Item::MapDecl(_) => lines.push(from, to, Doc::Text(written)),
            Item::Config(_) | Item::Macro(_) | Item::Function(_) | Item::Probe(_) => lines.push_apart(from, to, Doc::Text(written)),
        }
        end = to;
    }
    lines.comments(writer.comments.take(end, text.len()));
    let mut text = lines.finish(text).render();
    if !text.is_empty() {
        text.push('\n');
    }
    Formatted { text, kept }
}

/// What is needed to write a node.
struct Writer<'t> {
    text: &'t str,
    /// Those that are still to be written.
    comments: Comments,
}

impl Writer<'_> {
    /// The text of an item, if it reads as the same item with the same comments.
    fn checked(&mut self, item: &Item, from: usize, to: usize) -> Option<String> {
        let before = self.comments.words(from, to).into_iter().map(|words| words.join(" ")).collect::<Vec<_>>();
        let text = self.item(item, from).render();
        let forgot = !self.comments.take(from, to).is_empty();
        (!forgot && reads_as(&text, item, &before)).then_some(text)
    }

    /// As it was written.
    fn source(&self, span: Span) -> &str {
        let (from, to) = range(span);
        &self.text[from..to]
    }
}

/// Whether a text is one item, and these are its comments.
fn reads_as(text: &str, item: &Item, comments: &[String]) -> bool {
    let (mut sources, mut sink) = (Sources::default(), Sink::default());
    let id = sources.add("formatted", text);
    let again = parse(&sources, id, &mut sink);
    let found = Comments::of(text, &lex(text, id));
    let alone = Program { items: vec![item.clone()], expr_count: 0 };
    !sink.has_errors()
        && print(&again) == print(&alone)
        && found.words(0, text.len()).into_iter().map(|words| words.join(" ")).eq(comments.iter().cloned())
}

/// From an item's first token to its last.
fn span(lexeme: &Lexeme<'_>) -> Option<Span> {
    match lexeme {
        Lexeme::C(text) => Some(text.span),
        Lexeme::Code(code) => Some(code.tokens.first()?.span.to(code.tokens.last()?.span)),
    }
}

fn range(span: Span) -> (usize, usize) {
    (span.start as usize, span.end as usize)
}
