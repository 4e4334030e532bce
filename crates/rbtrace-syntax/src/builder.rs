//! What the grammar's actions call: makes AST nodes from parts, gives expressions their numbers and everything its span.
//!
//! Decides nothing about the syntax. Locations are indices of tokens, `left..right`.

use rbtrace_diag::{Span, Spanned};

use crate::ast::*;
use crate::lexer::Lexed;
use crate::token::{Tok, Token};

/// A string literal with its place, as text.
pub(crate) type Text = Spanned<String>;
/// An integer literal with its place.
pub(crate) type Number = Spanned<u64>;
/// A macro's parameter with its place.
pub(crate) type Param = Spanned<MacroParam>;

/// The tokens of one item and what they refer to.
pub(crate) struct Builder<'a> {
    tokens: &'a [Token<'a>],
    lexed: &'a Lexed<'a>,
    next_id: u32,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(tokens: &'a [Token<'a>], lexed: &'a Lexed<'a>, first_id: u32) -> Self {
        Self { tokens, lexed, next_id: first_id }
    }

    /// One more than the last [`ExprId`] given.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id
    }

    pub(crate) fn span(&self, left: usize, right: usize) -> Span {
        let first = self.tokens[left].span;
        if right > left { first.to(self.tokens[right - 1].span) } else { first }
    }

    pub(crate) fn spanned<T>(&self, node: T, left: usize, right: usize) -> Spanned<T> {
        Spanned { node, span: self.span(left, right) }
    }

    // ---- Program ----

    pub(crate) fn config(&self, entries: Vec<ConfigEntry>, left: usize, right: usize) -> Config {
        Config { span: self.span(left, right), entries }
    }

    /// Those that could be read.
    pub(crate) fn entries(&self, ended: Vec<Option<ConfigEntry>>, last: Option<ConfigEntry>) -> Vec<ConfigEntry> {
        ended.into_iter().flatten().chain(last).collect()
    }

    pub(crate) fn config_entry(&self, key: Name, value: ConfigValue, left: usize, right: usize) -> ConfigEntry {
        ConfigEntry { key, value: self.spanned(value, left, right) }
    }

    pub(crate) fn config_string(&self, index: u32) -> ConfigValue {
        ConfigValue::String(self.utf8(index))
    }

    pub(crate) fn text(&self, index: u32, left: usize, right: usize) -> Text {
        self.spanned(self.utf8(index), left, right)
    }

    fn utf8(&self, index: u32) -> String {
        String::from_utf8_lossy(&self.lexed.strings[index as usize]).into_owned()
    }

    pub(crate) fn attach_point(&self, index: u32) -> AttachPoint {
        self.lexed.attach_points[index as usize].clone()
    }

    pub(crate) fn with_alternative(&self, mut point: AttachPoint, index: u32) -> AttachPoint {
        point.alternatives.push(self.attach_point(index));
        point
    }

    pub(crate) fn probe(&self, attach_points: Vec<AttachPoint>, predicate: Option<Expr>, body: Block, left: usize, right: usize) -> Probe {
        Probe { span: self.span(left, right), attach_points, predicate, body }
    }

    // ---- Statements ----

    pub(crate) fn stmt(&self, kind: StmtKind, left: usize, right: usize) -> Stmt {
        Stmt { span: self.span(left, right), kind }
    }

    /// The block of a probe or a loop, which has no value: its last expression is a statement like any other (SPEC §2.7).
    pub(crate) fn body(&self, mut block: Block) -> Block {
        if let Some(value) = block.value.take() {
            block.stmts.push(Stmt { span: value.span, kind: StmtKind::Expr(*value) });
        }
        block
    }

    /// The last statement is the block's value if it is an expression without `;`. An `if` without `else` has no value.
    pub(crate) fn block(&self, mut stmts: Vec<Stmt>, last: Option<Stmt>, left: usize, right: usize) -> Block {
        stmts.extend(last);
        let ended = self.tokens[right - 2].tok == Tok::Semi;
        let value = match stmts.pop() {
            Some(Stmt { kind: StmtKind::Expr(value), .. }) if !ended && has_value(&value) => Some(Box::new(value)),
            last => {
                stmts.extend(last);
                None
            }
        };
        Block { span: self.span(left, right), stmts, value }
    }

    // ---- Expressions ----

    pub(crate) fn expr(&mut self, kind: ExprKind, left: usize, right: usize) -> Expr {
        let id = ExprId(self.next_id);
        self.next_id += 1;
        Expr { id, span: self.span(left, right), kind }
    }

    pub(crate) fn ternary(&mut self, condition: Expr, then: Option<Expr>, otherwise: Expr, left: usize, right: usize) -> Expr {
        let (condition, then, otherwise) = (Box::new(condition), then.map(Box::new), Box::new(otherwise));
        self.expr(ExprKind::Ternary { condition, then, otherwise }, left, right)
    }

    pub(crate) fn binary(&mut self, a: Expr, op: BinaryOp, b: Expr, left: usize, right: usize) -> Expr {
        self.expr(ExprKind::Binary { op, left: Box::new(a), right: Box::new(b) }, left, right)
    }

    pub(crate) fn unary(&mut self, op: UnaryOp, operand: Expr, left: usize, right: usize) -> Expr {
        self.expr(ExprKind::Unary { op, operand: Box::new(operand) }, left, right)
    }

    pub(crate) fn step(&mut self, up: bool, prefix: bool, target: Expr, left: usize, right: usize) -> Expr {
        self.expr(ExprKind::Step { up, prefix, target: Box::new(target) }, left, right)
    }

    pub(crate) fn cast(&mut self, ty: TypeRef, operand: Expr, left: usize, right: usize) -> Expr {
        self.expr(ExprKind::Cast { ty, operand: Box::new(operand) }, left, right)
    }

    pub(crate) fn comptime(&mut self, value: Expr, left: usize, right: usize) -> Expr {
        self.expr(ExprKind::Comptime(Box::new(value)), left, right)
    }

    pub(crate) fn field(&mut self, base: Expr, field: Name, left: usize, right: usize) -> Expr {
        self.expr(ExprKind::Field { base: Box::new(base), field }, left, right)
    }

    /// An index that no tuple can have stays one.
    pub(crate) fn tuple_index(&mut self, base: Expr, index: Number, left: usize, right: usize) -> Expr {
        let index = Spanned { node: u32::try_from(index.node).unwrap_or(u32::MAX), span: index.span };
        self.expr(ExprKind::TupleIndex { base: Box::new(base), index }, left, right)
    }

    pub(crate) fn index(&mut self, base: Expr, index: Expr, left: usize, right: usize) -> Expr {
        self.expr(ExprKind::Index { base: Box::new(base), index: Box::new(index) }, left, right)
    }

    pub(crate) fn string(&self, index: u32) -> ExprKind {
        ExprKind::String(self.lexed.strings[index as usize].clone())
    }

    pub(crate) fn tuple(&self, first: Expr, mut rest: Vec<Expr>) -> ExprKind {
        rest.insert(0, first);
        ExprKind::Tuple(rest)
    }

    pub(crate) fn if_else(&mut self, condition: Expr, then: Block, otherwise: Option<Block>, left: usize, right: usize) -> Expr {
        self.expr(ExprKind::If { condition: Box::new(condition), then, otherwise }, left, right)
    }

    pub(crate) fn else_if(&self, next: Expr, left: usize, right: usize) -> Block {
        Block { span: self.span(left, right), stmts: vec![], value: Some(Box::new(next)) }
    }

    // ---- Types and lists ----

    pub(crate) fn type_ref(&self, tag: Option<Tag>, base: TypeBase, suffixes: Vec<TypeSuffix>, left: usize, right: usize) -> TypeRef {
        TypeRef { span: self.span(left, right), tag, base, suffixes }
    }

    pub(crate) fn type_of(&self, of: TypeOrExpr, suffixes: Vec<TypeSuffix>, left: usize, right: usize) -> TypeRef {
        self.type_ref(None, TypeBase::TypeOf(Box::new(of)), suffixes, left, right)
    }

    pub(crate) fn with_last<T>(&self, mut list: Vec<T>, last: Option<T>) -> Vec<T> {
        list.extend(last);
        list
    }
}

fn has_value(expr: &Expr) -> bool {
    !matches!(expr.kind, ExprKind::If { otherwise: None, .. })
}
