//! Which `(` is meant: a cast, a record, a type inside `sizeof( )`, or plain brackets (SPEC §2.11, §2.17).
//!
//! The grammar is LR(1); these need to see more. Knows tokens only.

use crate::token::{Tok, Token};

/// Renames each `(` whose kind the tokens after it decide.
pub(crate) fn mark(tokens: &mut [Token<'_>]) {
    for at in 0..tokens.len() {
        if tokens[at].tok == Tok::Paren
            && let Some(tok) = kind(tokens, at)
        {
            tokens[at].tok = tok;
        }
    }
}

fn kind<'a>(tokens: &[Token<'a>], at: usize) -> Option<Tok<'a>> {
    let before = at.checked_sub(1).map(|i| tokens[i].tok);
    match before {
        Some(Tok::Ident(_) | Tok::Reserved(_)) => None,
        Some(Tok::SizeOf | Tok::OffsetOf | Tok::TypeOf | Tok::TypeInfo) => is_type_argument(tokens, at + 1).then_some(Tok::TypeOpen),
        _ if is_record(tokens, at + 1) => Some(Tok::RecordOpen),
        _ if is_cast(tokens, at + 1) => Some(Tok::CastOpen),
        _ => None,
    }
}

fn is_record(tokens: &[Token<'_>], at: usize) -> bool {
    matches!(tok(tokens, at), Some(Tok::Ident(_))) && tok(tokens, at + 1) == Some(Tok::Assign)
}

/// A lone name is left to sema: it may be a variable's or a type's.
fn is_type_argument(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(found) = type_at(tokens, at) else { return false };
    found.shape != Shape::Name && matches!(tok(tokens, found.end), Some(Tok::ParenClose | Tok::Comma))
}

fn is_cast(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(found) = type_at(tokens, at) else { return false };
    if tok(tokens, found.end) != Some(Tok::ParenClose) {
        return false;
    }
    let steps = matches!(tok(tokens, found.end + 2), Some(Tok::Variable(_) | Tok::Map(_)));
    match tok(tokens, found.end + 1) {
        _ if found.shape == Shape::Certain => true,
        Some(Tok::Inc | Tok::Dec) => steps,
        Some(next) => next.starts_operand(),
        None => false,
    }
}

/// How sure it is that tokens are a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `x`
    Name,
    /// `x[4]`
    Indexed,
    /// `struct x`, `x *`, `x[]`, `typeof(…)`
    Certain,
}

struct Found {
    shape: Shape,
    /// One past its last token.
    end: usize,
}

/// The type that begins at a token, if what stands there can be read as one.
fn type_at(tokens: &[Token<'_>], at: usize) -> Option<Found> {
    let first = tok(tokens, at)?;
    let (mut shape, mut end) = if matches!(first, Tok::Ident(_)) {
        (Shape::Name, at + 1)
    } else if matches!(first, Tok::Struct | Tok::Union | Tok::Enum) {
        matches!(tok(tokens, at + 1)?, Tok::Ident(_) | Tok::Reserved(_)).then_some((Shape::Certain, at + 2))?
    } else if first == Tok::TypeOf {
        (Shape::Certain, closing_paren(tokens, at + 1)? + 1)
    } else {
        return None;
    };
    loop {
        match (tok(tokens, end), tok(tokens, end + 1), tok(tokens, end + 2)) {
            (Some(Tok::Star), _, _) => {
                // `a * b` is a product; only what ends in `*` is a pointer.
                shape = Shape::Certain;
                end += 1;
            }
            (Some(Tok::Square), Some(Tok::SquareClose), _) => {
                shape = Shape::Certain;
                end += 2;
            }
            (Some(Tok::Square), Some(Tok::Int(_)), Some(Tok::SquareClose)) => {
                shape = if shape == Shape::Certain { shape } else { Shape::Indexed };
                end += 3;
            }
            _ => return Some(Found { shape, end }),
        }
    }
}

/// The `)` of the bracket at `at`.
fn closing_paren(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        if token.tok.opens() {
            depth += 1;
        } else if token.tok == Tok::ParenClose && depth == 1 {
            return Some(index);
        } else if token.tok.closes() {
            depth = depth.checked_sub(1)?;
        } else if depth == 0 {
            return None;
        }
    }
    None
}

fn tok<'a>(tokens: &[Token<'a>], at: usize) -> Option<Tok<'a>> {
    tokens.get(at).map(|token| token.tok)
}
