//! The brackets that are open while code is read, and the statements that begin and end inside them.

use rbtrace_diag::Span;

/// An open bracket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) kind: Bracket,
    /// Where it was opened.
    pub(super) open: Span,
    /// Whether this is the `(…)` of `if`, `while`, `unroll`, `for`: an angle block may follow.
    pub(super) condition: bool,
    /// A block's statement that is being read; unused in other brackets.
    pub(super) statement: Statement,
    /// Of an angle block: a `>` that may have been meant to close it.
    pub(super) suspect: Option<Suspect>,
}

/// The kinds of brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    /// `( )`
    Paren,
    /// `[ ]`
    Square,
    /// `{ }`
    Brace,
    /// `< >` around statements
    Angle,
    /// `/ /`
    Predicate,
}

impl Bracket {
    pub(super) fn is_block(self) -> bool {
        match self {
            Self::Brace | Self::Angle => true,
            Self::Paren | Self::Square | Self::Predicate => false,
        }
    }

    pub(super) fn opening(self) -> char {
        match self {
            Self::Paren => '(',
            Self::Square => '[',
            Self::Brace => '{',
            Self::Angle => '<',
            Self::Predicate => '/',
        }
    }

    pub(super) fn closing(self) -> char {
        match self {
            Self::Paren => ')',
            Self::Square => ']',
            Self::Brace => '}',
            Self::Angle => '>',
            Self::Predicate => '/',
        }
    }
}

/// A statement of a block that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    /// Its first token.
    pub(super) start: usize,
    /// Whether it begins with a keyword or a bracket that makes its last block its end.
    pub(super) block_like: bool,
    /// Whether such a block was just closed: anything but `else` begins the next statement.
    pub(super) after_block: bool,
}

/// The state to go back to, should a `>` turn out to be a bracket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspect {
    pub(super) pos: usize,
    pub(super) tokens: usize,
    pub(super) pieces: usize,
    pub(super) problems: usize,
    pub(super) statement: Statement,
}

impl Frame {
    /// `start` is the number of tokens up to and with the bracket.
    pub(super) fn new(kind: Bracket, open: Span, start: usize) -> Self {
        let statement = Statement { start, block_like: false, after_block: false };
        Self { kind, open, condition: false, statement, suspect: None }
    }
}
