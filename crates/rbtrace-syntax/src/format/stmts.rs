//! Blocks and statements. A statement whose expressions hold comments stays as it was written: no other place is theirs.

use super::doc::Doc;
use super::lines::Lines;
use super::{Writer, range};
use crate::ast::*;

/// How the brackets of a block and its content stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// On lines of their own.
    Tall,
    /// On one line if they fit.
    Flat,
}

impl Writer<'_> {
    /// The block of a probe or a loop; the comments from `head` on that stand before it go into it.
    pub(super) fn body(&mut self, head: usize, block: &Block) -> Doc {
        self.block(head, block, false)
    }

    /// The block of a definition or an `if`, whose last statement must not become a value.
    pub(super) fn valued_body(&mut self, head: usize, block: &Block) -> Doc {
        self.block(head, block, true)
    }

    fn block(&mut self, head: usize, block: &Block, can_have_value: bool) -> Doc {
        let (open, close) = range(block.span);
        let mut lines = Lines::default();
        let leading = self.comments.take(head, open);
        lines.head(&leading, open);
        let mut end = open;
        for (index, stmt) in block.stmts.iter().enumerate() {
            let (start, after) = range(stmt.span);
            lines.comments(self.comments.take(end, start));
            let is_last = index + 1 == block.stmts.len() && block.value.is_none();
            let doc = self.stmt(stmt, is_last && can_have_value);
            lines.push(start, after, doc);
            end = after;
        }
        if let Some(value) = &block.value {
            let (start, after) = range(value.span);
            lines.comments(self.comments.take(end, start));
            let doc = self.expr_line(value, "");
            lines.push(start, after, doc);
            end = after;
        }
        lines.comments(self.comments.take(end, close));
        if lines.is_empty() {
            return Doc::text("{}");
        }
        let inner = Doc::Concat(vec![Doc::Hard, lines.finish(self.text)]).nest();
        Doc::Concat(vec![Doc::text("{"), inner, Doc::Hard, Doc::text("}")])
    }

    /// A block in the middle of an expression.
    pub(super) fn block_expr(&mut self, block: &Block) -> Doc {
        let (open, close) = range(block.span);
        let layout = if is_value_alone(block) && !self.comments.has(open, close) { Layout::Flat } else { Layout::Tall };
        self.laid_out(open, block, layout).group()
    }

    fn laid_out(&mut self, head: usize, block: &Block, layout: Layout) -> Doc {
        match (&block.value, layout) {
            (Some(value), Layout::Flat) => {
                let value = self.expr(value);
                let inner = Doc::Concat(vec![Doc::Line, value]).nest();
                Doc::Concat(vec![Doc::text("{"), inner, Doc::Line, Doc::text("}")])
            }
            (Some(_) | None, Layout::Tall) | (None, Layout::Flat) => self.valued_body(head, block),
        }
    }

    /// A statement; `ended`: one that would be a value without its `;` keeps it.
    fn stmt(&mut self, stmt: &Stmt, ended: bool) -> Doc {
        let (from, to) = range(stmt.span);
        let doc = match &stmt.kind {
            StmtKind::Expr(value) if is_compound(value) => return self.expr_line(value, if ended { ";" } else { "" }),
            StmtKind::While { condition, body } => {
                let condition = self.condition(condition);
                return Doc::Concat(vec![Doc::text("while "), condition, Doc::text(" "), self.body(from, body)]);
            }
            StmtKind::Unroll { count, body } => {
                let count = self.expr(count).between("unroll (", ") ");
                return Doc::Concat(vec![count, self.body(from, body)]);
            }
            StmtKind::For { variable, over, body } => {
                let over = self.for_over(over);
                return Doc::Concat(vec![Doc::Text(format!("for ${} : ", variable.node)), over, Doc::text(" "), self.body(from, body)]);
            }
            StmtKind::Expr(value) => self.expr_line(value, ";"),
            StmtKind::Discard(value) => self.assignment(Doc::text("_"), "=", value),
            StmtKind::Assign { target, value } => {
                let target = self.expr_start(target);
                self.assignment(target, "=", value)
            }
            StmtKind::Compound { target, op, value } => {
                let target = self.expr_start(target);
                self.assignment(target, &format!("{}=", op.symbol()), value)
            }
            StmtKind::Let { name, ty, value } => self.let_(name, ty.as_ref(), value.as_ref()),
            StmtKind::Break => Doc::text("break;"),
            StmtKind::Continue => Doc::text("continue;"),
            StmtKind::Return(None) => Doc::text("return;"),
            StmtKind::Return(Some(value)) => self.expr(value).between("return ", ";"),
            StmtKind::Import(path) => self.import(path.span),
            StmtKind::Error => Doc::text(self.source(stmt.span)),
        };
        self.unless_commented(from, to, doc, ";")
    }

    /// The document, or the source if comments were left behind in it.
    fn unless_commented(&mut self, from: usize, to: usize, doc: Doc, end: &str) -> Doc {
        if !self.comments.has(from, to) {
            return doc;
        }
        drop(self.comments.take(from, to));
        let text = self.text[from..to].trim_end_matches(';').trim_end();
        Doc::Text(format!("{text}{end}"))
    }

    /// An expression at the beginning of a line, where `{` and `if` begin statements.
    fn expr_line(&mut self, value: &Expr, end: &str) -> Doc {
        let (from, to) = range(value.span);
        if let ExprKind::If { condition, then, otherwise } = &value.kind {
            let doc = self.if_(from, condition, then, otherwise.as_ref(), Layout::Tall);
            return Doc::Concat(vec![doc, Doc::text(end)]);
        }
        if let ExprKind::Block(block) = &value.kind {
            return Doc::Concat(vec![self.valued_body(from, block), Doc::text(end)]);
        }
        let doc = Doc::Concat(vec![self.expr_start(value), Doc::text(end)]);
        self.unless_commented(from, to, doc, end)
    }

    fn expr_start(&mut self, value: &Expr) -> Doc {
        let doc = self.expr(value);
        if starts_with_block(value) { doc.between("(", ")") } else { doc }
    }

    fn assignment(&mut self, target: Doc, operator: &str, value: &Expr) -> Doc {
        let value = self.expr(value);
        Doc::Concat(vec![target, Doc::Text(format!(" {operator} ")), value, Doc::text(";")])
    }

    fn let_(&mut self, name: &Name, ty: Option<&TypeRef>, value: Option<&Expr>) -> Doc {
        let mut parts = vec![Doc::Text(format!("let ${}", name.node))];
        if let Some(ty) = ty {
            parts.extend([Doc::text(" : "), self.type_(ty)]);
        }
        if let Some(value) = value {
            parts.extend([Doc::text(" = "), self.expr(value)]);
        }
        parts.push(Doc::text(";"));
        Doc::Concat(parts)
    }

    fn for_over(&mut self, over: &ForOver) -> Doc {
        match over {
            ForOver::Map(map) => self.operand_of_range(map),
            ForOver::Range(from, to) => {
                let from = self.operand_of_range(from);
                Doc::Concat(vec![from, Doc::text(".."), self.operand_of_range(to)])
            }
        }
    }

    /// `if` in a line of its own or in an expression; comments of its head, from `head` on, go into the block behind them.
    pub(super) fn if_(&mut self, head: usize, condition: &Expr, then: &Block, otherwise: Option<&Block>, layout: Layout) -> Doc {
        let mut parts = vec![Doc::text("if "), self.condition(condition), Doc::text(" "), self.laid_out(head, then, layout)];
        if let Some(otherwise) = otherwise {
            parts.push(Doc::text(" else "));
            let after = range(then.span).1;
            parts.push(match (else_if(otherwise), self.source(otherwise.span).starts_with("if")) {
                (Some((condition, then, otherwise)), true) => self.if_(after, condition, then, otherwise, layout),
                (Some(_) | None, _) => self.laid_out(after, otherwise, layout),
            });
        }
        Doc::Concat(parts)
    }

    /// An `if` in the middle of an expression.
    pub(super) fn if_expr(&mut self, expr: &Expr, condition: &Expr, then: &Block, otherwise: Option<&Block>) -> Doc {
        let (from, to) = range(expr.span);
        let is_small = is_value_alone(then) && otherwise.is_some_and(is_value_alone) && !self.comments.has(from, to);
        let layout = if is_small { Layout::Flat } else { Layout::Tall };
        self.if_(from, condition, then, otherwise, layout).group()
    }
}

/// The parts of the `if` that is a block's only content.
fn else_if(block: &Block) -> Option<(&Expr, &Block, Option<&Block>)> {
    match block.value.as_deref().map(|value| &value.kind) {
        Some(ExprKind::If { condition, then, otherwise }) if block.stmts.is_empty() => Some((condition, then, otherwise.as_ref())),
        Some(_) | None => None,
    }
}

/// Whether a block is nothing but a value that is no block itself.
fn is_value_alone(block: &Block) -> bool {
    block.stmts.is_empty() && block.value.as_deref().is_some_and(|value| !starts_with_block(value) && !is_compound(value))
}

fn is_compound(value: &Expr) -> bool {
    matches!(value.kind, ExprKind::If { .. } | ExprKind::Block(_))
}

/// Whether the first token of an expression would begin a block or an `if`.
fn starts_with_block(value: &Expr) -> bool {
    match &value.kind {
        ExprKind::Binary { left: first, .. }
        | ExprKind::Ternary { condition: first, .. }
        | ExprKind::Step { prefix: false, target: first, .. }
        | ExprKind::Field { base: first, .. }
        | ExprKind::TupleIndex { base: first, .. }
        | ExprKind::Index { base: first, .. } => is_compound(first) || starts_with_block(first),
        ExprKind::Step { prefix: true, .. } | ExprKind::Unary { .. } | ExprKind::Cast { .. } | ExprKind::Comptime(_) => false,
        // Their own braces, if they have any, are what the caller asks for itself.
        ExprKind::If { .. } | ExprKind::Block(_) => false,
        ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Bool(_) | ExprKind::Variable(_) | ExprKind::Map(_) => false,
        ExprKind::MapElement { .. } | ExprKind::Param(_) | ExprKind::ParamCount | ExprKind::Ident(_) | ExprKind::Call { .. } => false,
        ExprKind::Tuple(_) | ExprKind::Record(_) | ExprKind::SizeOf(_) | ExprKind::OffsetOf(..) | ExprKind::TypeInfo(_) => false,
        ExprKind::Error => false,
    }
}
