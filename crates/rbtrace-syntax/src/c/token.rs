//! C text → tokens. Comments and line continuations are layout.

use rbtrace_diag::{Span, Spanned};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Word,
    /// A number or a character.
    Number,
    /// A quoted text.
    Quoted,
    /// An operator or bracket.
    Sign,
}

/// A token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token<'t> {
    /// What it is.
    pub kind: Kind,
    /// As written.
    pub text: &'t str,
    /// Where.
    pub span: Span,
    /// Whether it is the first on its line: `#` begins a directive there, and a directive ends before it.
    pub begins_line: bool,
}

/// One item of a script: its text and tokens.
pub(super) struct Text<'t> {
    /// The item.
    pub item: &'t Spanned<String>,
    /// Its tokens.
    pub tokens: Vec<Token<'t>>,
}

/// Operators of two characters; the others are single.
const PAIRS: [&str; 9] = ["<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "->"];

/// Splits a text.
pub(super) fn lex(item: &Spanned<String>) -> Text<'_> {
    let text = item.node.as_str();
    let (mut tokens, mut at, mut begins_line) = (Vec::new(), 0, true);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some(length) = layout_length(rest) {
            begins_line |= rest[..length].contains('\n') && !rest.starts_with('\\') && !rest.starts_with("/*");
            at += length;
            continue;
        }
        let (kind, length) = token_at(rest, first);
        let start = item.span.start as usize + at;
        let span = Span::new(item.span.source, start, start + length);
        tokens.push(Token { kind, text: &rest[..length], span, begins_line });
        begins_line = false;
        at += length;
    }
    Text { item, tokens }
}

/// The length of the layout a text begins with; `None` where it begins with a token.
fn layout_length(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if let Some(body) = text.strip_prefix("/*") {
        return Some(body.find("*/").map_or(text.len(), |end| end + 4));
    }
    if text.starts_with("\\\n") {
        return Some(2);
    }
    if text.starts_with("\\\r\n") {
        return Some(3);
    }
    let blank = text.len() - text.trim_start().len();
    (blank > 0).then_some(blank)
}

fn token_at(text: &str, first: char) -> (Kind, usize) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let run = || text.find(|c| !is_word(c)).unwrap_or(text.len());
    match first {
        '0'..='9' => (Kind::Number, run()),
        first if is_word(first) => (Kind::Word, run()),
        '"' => (Kind::Quoted, quoted_length(text, '"')),
        '\'' => (Kind::Number, quoted_length(text, '\'')),
        _ if PAIRS.iter().any(|pair| text.starts_with(pair)) => (Kind::Sign, 2),
        first => (Kind::Sign, first.len_utf8()),
    }
}

/// Up to the closing quote or the end of the line.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = true;
    for (at, c) in text.char_indices() {
        match c {
            '\n' => return at,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}
