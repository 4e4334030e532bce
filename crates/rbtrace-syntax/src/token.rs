//! Tokens: every terminal of the grammar, and how words and punctuation are spelled.
//!
//! Literals and attach points have rules of their own (`lexer/`); which `(`, `[` or `{` is meant is decided there and in
//! `mark`. Knows the names that the parser itself reserves (SPEC §1.6), but no meaning of theirs.

use logos::Logos;
use rbtrace_diag::Span;

/// A token and its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token<'a> {
    /// Which.
    pub tok: Tok<'a>,
    /// Where.
    pub span: Span,
}

/// The terminals. Those without a spelling here are made by the lexer or by `mark` from what surrounds them.
#[derive(Logos, Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is its spelling")]
pub enum Tok<'a> {
    // Names
    #[regex("[A-Za-z_][A-Za-z0-9_]*", |lex| lex.slice())]
    Ident(&'a str),
    /// Identifiers that can never be the name of a type: `(pid) * 2` is no cast.
    #[regex("args|ctx|[ku]stack|nsecs|[pt]id|s?arg[0-9]+|__builtin_[A-Za-z0-9_]*", |lex| lex.slice(), priority = 20)]
    Reserved(&'a str),
    #[regex(r"\$[A-Za-z_][A-Za-z0-9_]*", |lex| &lex.slice()[1..])]
    Variable(&'a str),
    #[regex(r"@([A-Za-z_][A-Za-z0-9_]*)?", |lex| &lex.slice()[1..])]
    Map(&'a str),
    /// `_` before `=` at the start of a statement.
    Discard,

    // Values
    Int(u64),
    /// An index into [`Lexed::strings`](crate::lexer::Lexed).
    Str(u32),
    /// `$3`
    Param(u32),
    #[token("$#")]
    ParamCount,
    /// An index into [`Lexed::attach_points`](crate::lexer::Lexed).
    AttachPoint(u32),
    /// `?:` between attach points.
    Otherwise,

    // Keywords of statements and expressions
    #[token("if")]
    If,
    /// `if` at the start of a statement: ends at its last block, takes no operators.
    StmtIf,
    #[token("else")]
    Else,
    #[token("while")]
    While,
    #[token("for")]
    For,
    #[token("unroll")]
    Unroll,
    #[token("let")]
    Let,
    #[token("break")]
    Break,
    #[token("continue")]
    Continue,
    #[token("return")]
    Return,
    #[token("import")]
    Import,
    #[token("true")]
    True,
    #[token("false")]
    False,
    #[token("sizeof")]
    SizeOf,
    #[token("offsetof")]
    OffsetOf,
    #[token("typeof")]
    TypeOf,
    #[token("typeinfo")]
    TypeInfo,
    #[token("comptime")]
    Comptime,
    #[token("struct")]
    Struct,
    #[token("union")]
    Union,
    #[token("enum")]
    Enum,

    // Words that mean something only where an item begins
    Config,
    Macro,
    Fn,

    // Brackets
    /// `{`, or the `<` of an angle block.
    #[token("{")]
    Open,
    /// The same at the start of a statement.
    StmtOpen,
    /// `}`, or the `>` of an angle block.
    #[token("}")]
    Close,
    #[token("(")]
    Paren,
    /// `(` after `if`, `while`, `unroll`.
    CondOpen,
    /// `(` of `(type)expr`.
    CastOpen,
    /// `(` of `(name = expr, …)`.
    RecordOpen,
    /// `(` of `sizeof(type)` and its like, where what follows is certainly a type.
    TypeOpen,
    #[token(")")]
    ParenClose,
    #[token("[")]
    Square,
    /// `[` right after a map.
    KeyOpen,
    #[token("]")]
    SquareClose,
    /// `/` before and after a predicate.
    PredicateOpen,
    PredicateClose,

    // Punctuation
    #[token(";")]
    Semi,
    #[token(":")]
    Colon,
    #[token(",")]
    Comma,
    #[token(".")]
    Dot,
    #[token("..")]
    Range,
    #[token("->")]
    Arrow,
    #[token("?")]
    Question,

    // Operators
    #[token("=")]
    Assign,
    #[token("+=")]
    AddAssign,
    #[token("-=")]
    SubAssign,
    #[token("*=")]
    MulAssign,
    #[token("/=")]
    DivAssign,
    #[token("%=")]
    ModAssign,
    #[token("&=")]
    AndAssign,
    #[token("|=")]
    OrAssign,
    #[token("^=")]
    XorAssign,
    #[token("<<=")]
    ShlAssign,
    #[token(">>=")]
    ShrAssign,
    #[token("==")]
    Eq,
    #[token("!=")]
    Ne,
    #[token("<=")]
    Le,
    #[token(">=")]
    Ge,
    #[token("<")]
    Lt,
    #[token(">")]
    Gt,
    #[token("&&")]
    AndAnd,
    #[token("||")]
    OrOr,
    #[token("!")]
    Not,
    #[token("~")]
    Tilde,
    #[token("&")]
    And,
    #[token("|")]
    Or,
    #[token("^")]
    Xor,
    #[token("<<")]
    Shl,
    #[token(">>")]
    Shr,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    #[token("++")]
    Inc,
    #[token("--")]
    Dec,

    // What could not be read; a diagnostic was pushed for it
    BadStmt,
    BadExpr,
}

impl Tok<'_> {
    /// Whether it is a bracket that another one closes.
    pub fn opens(self) -> bool {
        use Tok::*;
        matches!(self, Open | StmtOpen | Paren | CondOpen | CastOpen | RecordOpen | TypeOpen | Square | KeyOpen)
    }

    /// Whether it is a bracket that closes another one.
    pub fn closes(self) -> bool {
        use Tok::*;
        matches!(self, Close | ParenClose | SquareClose)
    }

    /// Whether an expression can end here, so that what follows is an operator or the end.
    pub fn ends_expression(self) -> bool {
        use Tok::*;
        matches!(self, Ident(_) | Reserved(_) | Variable(_) | Map(_) | Int(_) | Str(_) | Param(_) | ParamCount | True | False | BadExpr)
            || matches!(self, ParenClose | SquareClose | Close | Inc | Dec)
    }

    /// Whether what follows a parenthesised name makes it a cast (SPEC §2.11).
    pub fn starts_operand(self) -> bool {
        use Tok::*;
        matches!(self, Ident(_) | Reserved(_) | Variable(_) | Map(_) | Int(_) | Str(_) | Param(_) | ParamCount | True | False)
            || matches!(self, Paren | Minus | Not | Tilde | Star | And | SizeOf | OffsetOf | TypeInfo | Comptime | If)
    }
}
