//! The program as it was written. Nothing is resolved here and nothing is added later: what the passes learn goes to
//! side tables keyed by [`ExprId`].

mod operators;

use rbtrace_diag::{Span, Spanned};

pub use operators::{BinaryOp, UnaryOp};

/// Number of an expression, unique and dense within one [`Program`]: the index into every side table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub u32);

/// A name with its place. Sigils are not part of it: `$x` is the name `x`, `@x` is `x`, a bare `@` is empty.
pub type Name = Spanned<String>;

/// A whole script.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// In the order they were written.
    pub items: Vec<Item>,
    /// One more than the largest [`ExprId`] in use.
    pub expr_count: u32,
}

/// Something at the top level.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A preprocessor line or a C definition, verbatim (SPEC §1.4).
    C(Spanned<String>),
    /// `config = { … }`
    Config(Config),
    /// `import "…";`
    Import(Spanned<String>),
    /// `macro f(…) { … }`
    Macro(Macro),
    /// `let @m = kind(n);`
    MapDecl(MapDecl),
    /// `fn f(…) : t { … }`
    Function(Function),
    /// Attach points, predicate, action block.
    Probe(Probe),
}

/// The `config` block.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The whole block.
    pub span: Span,
    /// Its entries, in order.
    pub entries: Vec<ConfigEntry>,
}

/// `key = value`
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigEntry {
    /// The key as written.
    pub key: Name,
    /// The value.
    pub value: Spanned<ConfigValue>,
}

/// What a config key can be set to.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigValue {
    /// `64`
    Int(u64),
    /// `".."`
    String(String),
    /// `true`
    Bool(bool),
    /// `PER_PID`
    Word(String),
}

/// A macro definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Macro {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<Spanned<MacroParam>>,
    /// Its body.
    pub body: Block,
}

/// How a macro takes an argument.
#[derive(Clone, Debug, PartialEq)]
pub enum MacroParam {
    /// `$v`: a scratch variable, by reference.
    Variable(String),
    /// `@m`: a map, by reference.
    Map(String),
    /// `e`: any expression, substituted.
    Expr(String),
}

/// `let @m = kind(n);`
#[derive(Clone, Debug, PartialEq)]
pub struct MapDecl {
    /// The map.
    pub name: Name,
    /// `hash`, `lruhash`, …
    pub kind: Name,
    /// Its entries.
    pub entries: Spanned<u64>,
}

/// `fn f($a : t) : t { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: Name,
    /// Parameters and, where they are written, their types.
    pub params: Vec<(Name, Option<TypeRef>)>,
    /// The type of its value, if it is written.
    pub result: Option<TypeRef>,
    /// Its body.
    pub body: Block,
}

/// Attach points + optional predicate + action block.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// From the first attach point to the closing bracket.
    pub span: Span,
    /// At least one.
    pub attach_points: Vec<AttachPoint>,
    /// `/expr/`
    pub predicate: Option<Expr>,
    /// `{ … }` or `< … >`
    pub body: Block,
}

/// One attach point of a probe header: `name=` if any, and the raw text split as SPEC §1.10 says.
#[derive(Clone, Debug, PartialEq)]
pub struct AttachPoint {
    /// The whole attach point, without its alternatives.
    pub span: Span,
    /// A user's own name for the probe: `name=kprobe:f`.
    pub alias: Option<Name>,
    /// The text between unquoted colons: probe type first. Quotes are removed; `$N` is kept as written (see [`Part`]).
    pub parts: Vec<Spanned<Vec<Part>>>,
    /// `a ?: b ?: c`: what is taken where this one cannot be attached, in this order. These have none of their own.
    pub alternatives: Vec<AttachPoint>,
}

impl AttachPoint {
    /// From its beginning to the end of its last alternative.
    pub fn whole(&self) -> Span {
        self.alternatives.last().map_or(self.span, |last| self.span.to(last.span))
    }
}

/// A piece of one colon-separated part of an attach point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text; `quoted` text is taken literally (no wildcards, no parameters).
    Text {
        /// The characters, escapes resolved.
        text: String,
        /// Whether it stood in double quotes.
        quoted: bool,
    },
    /// `$3`: replaced by the third positional parameter and split again.
    Param(u32),
    /// An unquoted `@` (source-location uprobes).
    At,
}

/// `{ stmts; expr }`
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// With its brackets.
    pub span: Span,
    /// In order.
    pub stmts: Vec<Stmt>,
    /// A trailing expression without `;`: the block's value. In the body of a probe it is an ordinary statement.
    pub value: Option<Box<Expr>>,
}

impl Block {
    /// The value of a block that is nothing else: `{ e }`.
    pub fn bare_value(&self) -> Option<&Expr> {
        self.value.as_deref().filter(|_| self.stmts.is_empty())
    }
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// With its `;`.
    pub span: Span,
    /// Which.
    pub kind: StmtKind,
}

/// The kinds of statements (SPEC §2.8).
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// `e;`
    Expr(Expr),
    /// `_ = e;`
    Discard(Expr),
    /// `lv = e;`
    Assign {
        /// A variable, a map, a map element; anything else is an error that sema words.
        target: Expr,
        /// The value.
        value: Expr,
    },
    /// `lv op= e;`
    Compound {
        /// As in `Assign`.
        target: Expr,
        /// The operator without `=`.
        op: BinaryOp,
        /// The right side.
        value: Expr,
    },
    /// `let $v : t = e;`
    Let {
        /// The variable.
        name: Name,
        /// Its declared type.
        ty: Option<TypeRef>,
        /// Its first value.
        value: Option<Expr>,
    },
    /// `unroll (n) { }`
    Unroll {
        /// How often.
        count: Expr,
        /// What.
        body: Block,
    },
    /// `while (c) { }`
    While {
        /// The condition.
        condition: Expr,
        /// The body.
        body: Block,
    },
    /// `for $x : … { }`
    For {
        /// The loop variable.
        variable: Name,
        /// A map or a range.
        over: ForOver,
        /// The body.
        body: Block,
    },
    /// `break;`
    Break,
    /// `continue;`
    Continue,
    /// `return e;`
    Return(Option<Expr>),
    /// A statement-level `import "…";`
    Import(Spanned<String>),
    /// What the parser could not read; a diagnostic was pushed for it.
    Error,
}

/// What `for` goes over.
#[derive(Clone, Debug, PartialEq)]
pub enum ForOver {
    /// `@m` (or an expression that sema will refuse).
    Map(Expr),
    /// `a..b`
    Range(Expr, Expr),
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Its number.
    pub id: ExprId,
    /// Where.
    pub span: Span,
    /// Which.
    pub kind: ExprKind,
}

/// The kinds of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `0x10`, `1_000`, `5ms` (already in nanoseconds). A value, not yet a type.
    Int(u64),
    /// `"text"`, escapes resolved; bytes, because `\xff` is one byte.
    String(Vec<u8>),
    /// `true`
    Bool(bool),
    /// `$x`
    Variable(String),
    /// `@x` (no key): a scalar map or a map passed whole.
    Map(String),
    /// `@x[k]`, `@x[a, b]`.
    MapElement {
        /// The map's name.
        map: Name,
        /// At least one.
        key: Vec<Expr>,
    },
    /// `$1`
    Param(u32),
    /// `$#`
    ParamCount,
    /// `pid`, `AF_INET`, …: a builtin variable, a function without parentheses, a constant.
    Ident(String),
    /// `f(a, b)`
    Call {
        /// The function.
        function: Name,
        /// Its arguments.
        args: Vec<Arg>,
    },
    /// `a + b`
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Left.
        left: Box<Expr>,
        /// Right.
        right: Box<Expr>,
    },
    /// `-a`, `!a`, `~a`, `*a`, `&a`
    Unary {
        /// The operator.
        op: UnaryOp,
        /// Its operand.
        operand: Box<Expr>,
    },
    /// `++x`, `x--`, …
    Step {
        /// `++` or `--`.
        up: bool,
        /// Whether it stands before the operand.
        prefix: bool,
        /// A variable or a map.
        target: Box<Expr>,
    },
    /// `c ? a : b`; `c ?: b` has no `then`.
    Ternary {
        /// Condition.
        condition: Box<Expr>,
        /// If true.
        then: Option<Box<Expr>>,
        /// If false.
        otherwise: Box<Expr>,
    },
    /// `if c { a } else { b }`, as statement or as expression.
    If {
        /// Condition.
        condition: Box<Expr>,
        /// If true.
        then: Block,
        /// If false: a block, or a block whose value is the next `If` of an `else if` chain.
        otherwise: Option<Block>,
    },
    /// `{ …; e }`
    Block(Block),
    /// `(T)e`
    Cast {
        /// The type.
        ty: TypeRef,
        /// What is cast.
        operand: Box<Expr>,
    },
    /// `(a, b)`, `()`, `(a,)`
    Tuple(Vec<Expr>),
    /// `(a = 1, b = 2)`
    Record(Vec<(Name, Expr)>),
    /// `e.f`, `e->f`
    Field {
        /// The struct.
        base: Box<Expr>,
        /// The field.
        field: Name,
    },
    /// `t.0`
    TupleIndex {
        /// The tuple.
        base: Box<Expr>,
        /// The element.
        index: Spanned<u32>,
    },
    /// `a[i]`
    Index {
        /// Array, pointer, string or tuple.
        base: Box<Expr>,
        /// The index.
        index: Box<Expr>,
    },
    /// `sizeof(…)`
    SizeOf(TypeOrExpr),
    /// `offsetof(T, a.b)`
    OffsetOf(TypeOrExpr, Vec<Name>),
    /// `typeinfo(…)`
    TypeInfo(TypeOrExpr),
    /// `comptime e`
    Comptime(Box<Expr>),
    /// What the parser could not read; a diagnostic was pushed for it.
    Error,
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// An expression.
    Expr(Expr),
    /// `typeof(…)`
    Type(TypeRef),
}

/// A type, or an expression whose type is meant; the parser takes what it can only read as one of both as that.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeOrExpr {
    /// Certainly a type.
    Type(TypeRef),
    /// Certainly or possibly (a lone identifier) an expression.
    Expr(Box<Expr>),
}

/// A type as written (SPEC §2.18).
#[derive(Clone, Debug, PartialEq)]
pub struct TypeRef {
    /// Where.
    pub span: Span,
    /// `struct`, `union`, `enum` or none.
    pub tag: Option<Tag>,
    /// The name, or `typeof(…)`.
    pub base: TypeBase,
    /// `*` and `[n]` in the order they were written.
    pub suffixes: Vec<TypeSuffix>,
}

/// Where a type reference starts from.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeBase {
    /// A name.
    Name(String),
    /// `typeof(…)`
    TypeOf(Box<TypeOrExpr>),
}

/// The C keyword before a type name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// `struct`
    Struct,
    /// `union`
    Union,
    /// `enum`
    Enum,
}

impl Tag {
    /// As it is written.
    pub fn keyword(self) -> &'static str {
        match self {
            Tag::Struct => "struct",
            Tag::Union => "union",
            Tag::Enum => "enum",
        }
    }
}

/// What follows the base of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeSuffix {
    /// `*`
    Pointer,
    /// `[n]`, `[]`
    Array(Option<u64>),
}
