//! Expressions and types. Parentheses are written where the grammar needs them, and kept around operands of operators,
//! where they help a reader.

use super::doc::Doc;
use super::{Writer, range};
use crate::ast::*;

/// How tightly an expression holds together, as in the grammar.
type Level = u8;
const LOOSEST: Level = 0;
const OR: Level = 1;
const UNARY: Level = 11;
const POSTFIX: Level = 12;
const PRIMARY: Level = 13;

impl Writer<'_> {
    /// Any expression.
    pub(super) fn expr(&mut self, expr: &Expr) -> Doc {
        match &expr.kind {
            ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Error => Doc::text(self.source(expr.span)),
            ExprKind::Bool(value) => Doc::Text(value.to_string()),
            ExprKind::Variable(name) => Doc::Text(format!("${name}")),
            ExprKind::Map(name) => Doc::Text(format!("@{name}")),
            ExprKind::MapElement { map, key } => self.exprs(key).between(&format!("@{}[", map.node), "]"),
            ExprKind::Param(number) => Doc::Text(format!("${number}")),
            ExprKind::ParamCount => Doc::text("$#"),
            ExprKind::Ident(name) => Doc::text(name),
            ExprKind::Call { function, args } => self.call(function, args),
            ExprKind::Binary { op, left, right } => Doc::Concat(self.binary(*op, left, right)).align(),
            ExprKind::Unary { op, operand } => self.prefix(op.symbol(), operand),
            ExprKind::Step { up, prefix: true, target } => self.prefix(step(*up), target),
            ExprKind::Step { up, prefix: false, target } => Doc::Concat(vec![self.at(POSTFIX, target), Doc::text(step(*up))]),
            ExprKind::Ternary { condition, then, otherwise } => self.ternary(condition, then.as_deref(), otherwise),
            ExprKind::If { condition, then, otherwise } => self.if_expr(expr, condition, then, otherwise.as_ref()),
            ExprKind::Block(block) => self.block_expr(block),
            ExprKind::Cast { ty, operand } => self.cast(ty, operand),
            ExprKind::Tuple(fields) => self.tuple(fields),
            ExprKind::Record(fields) => self.record(fields),
            ExprKind::Field { base, field } => self.field(base, field),
            ExprKind::TupleIndex { base, index } => {
                let number = format!(".{}", self.source(index.span));
                Doc::Concat(vec![self.at(POSTFIX, base), Doc::Text(number)])
            }
            ExprKind::Index { base, index } => self.index(base, index),
            ExprKind::SizeOf(of) => self.type_or_expr(of).between("sizeof(", ")"),
            ExprKind::OffsetOf(of, path) => self.offset_of(of, path),
            ExprKind::TypeInfo(of) => self.type_or_expr(of).between("typeinfo(", ")"),
            ExprKind::Comptime(value) => Doc::Concat(vec![Doc::text("comptime "), self.at(UNARY, value)]),
        }
    }

    /// The condition of `if` or `while`: a `(` at its beginning would hold all of it.
    pub(super) fn condition(&mut self, condition: &Expr) -> Doc {
        let doc = self.expr(condition);
        if can_stand_bare(condition) && !doc.starts_with('(') { doc } else { doc.between("(", ")") }
    }

    /// What `for` goes over, or an end of it.
    pub(super) fn operand_of_range(&mut self, expr: &Expr) -> Doc {
        self.at(UNARY, expr)
    }

    /// An expression where only those of some level may stand; others get parentheses.
    fn at(&mut self, least: Level, expr: &Expr) -> Doc {
        let doc = self.expr(expr);
        if level(expr) < least { doc.between("(", ")") } else { doc }
    }

    /// An operand of an operator: parentheses around another operator stay.
    fn operand(&mut self, least: Level, expr: &Expr) -> Doc {
        if self.keeps_parens(expr) { self.expr(expr).between("(", ")") } else { self.at(least, expr) }
    }

    fn keeps_parens(&self, expr: &Expr) -> bool {
        let (from, to) = range(expr.span);
        let is_operator = matches!(expr.kind, ExprKind::Binary { .. } | ExprKind::Ternary { .. });
        is_operator && self.text[..from].trim_end().ends_with('(') && self.text[to..].trim_start().starts_with(')')
    }

    fn exprs(&mut self, list: &[Expr]) -> Doc {
        let mut docs = vec![];
        for expr in list {
            docs.push(self.expr(expr));
        }
        Doc::list(docs)
    }

    fn call(&mut self, function: &Name, args: &[Arg]) -> Doc {
        let mut docs = vec![];
        for arg in args {
            docs.push(match arg {
                Arg::Expr(value) => self.expr(value),
                Arg::Type(ty) => self.type_(ty),
            });
        }
        Doc::list(docs).between(&format!("{}(", function.node), ")")
    }

    /// The operands of a chain, `a + b - c`, each with the operator before it.
    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Vec<Doc> {
        let own = level_of(op);
        let mut parts = if let ExprKind::Binary { op, left: first, right } = &left.kind
            && level_of(*op) == own
            && !self.keeps_parens(left)
        {
            self.binary(*op, first, right)
        } else {
            vec![self.operand(own, left)]
        };
        let right = self.operand(own + 1, right);
        parts.push(Doc::Text(format!(" {}", op.symbol())));
        parts.push(Doc::Concat(vec![Doc::Line, right]).group());
        parts
    }

    /// `-x`; a space parts operators that would be read as one.
    fn prefix(&mut self, operator: &str, operand: &Expr) -> Doc {
        let next = if let ExprKind::Unary { op, .. } = &operand.kind {
            op.symbol()
        } else if let ExprKind::Step { up, prefix: true, .. } = &operand.kind {
            step(*up)
        } else {
            ""
        };
        let joins = matches!((operator.chars().last(), next.chars().next()), (Some(a), Some(b)) if a == b && "-&".contains(a));
        Doc::Concat(vec![Doc::text(operator), Doc::text(if joins { " " } else { "" }), self.at(UNARY, operand)])
    }

    fn ternary(&mut self, condition: &Expr, then: Option<&Expr>, otherwise: &Expr) -> Doc {
        let mut parts = vec![self.operand(OR, condition)];
        let mut branches = vec![Doc::Line];
        match then {
            Some(then) => {
                let then = self.operand(LOOSEST, then);
                branches.extend([Doc::text("? "), then, Doc::Line, Doc::text(": ")]);
            }
            None => branches.push(Doc::text("?: ")),
        }
        branches.push(self.operand(LOOSEST, otherwise));
        parts.push(Doc::Concat(branches).nest());
        Doc::Concat(parts).align().group()
    }

    /// Only what can begin an operand shows that `(name)` was a cast.
    fn cast(&mut self, ty: &TypeRef, operand: &Expr) -> Doc {
        let ty = self.type_(ty).between("(", ")");
        let is_unclear = matches!(operand.kind, ExprKind::Step { prefix: true, .. } | ExprKind::Block(_));
        let least = if is_unclear { PRIMARY + 1 } else { UNARY };
        Doc::Concat(vec![ty, self.at(least, operand)])
    }

    fn tuple(&mut self, fields: &[Expr]) -> Doc {
        let close = if fields.len() == 1 { ",)" } else { ")" };
        self.exprs(fields).between("(", close)
    }

    fn record(&mut self, fields: &[(Name, Expr)]) -> Doc {
        let mut docs = vec![];
        for (name, value) in fields {
            docs.push(Doc::Concat(vec![Doc::Text(format!("{} = ", name.node)), self.expr(value)]));
        }
        Doc::list(docs).between("(", ")")
    }

    /// The tree does not tell `.` from `->`; the source does.
    fn field(&mut self, base: &Expr, field: &Name) -> Doc {
        let between = &self.text[range(base.span).1..range(field.span).0];
        let operator = if between.contains("->") { "->" } else { "." };
        Doc::Concat(vec![self.at(POSTFIX, base), Doc::Text(format!("{operator}{}", field.node))])
    }

    /// `(@x)[0]` is not the element `@x[0]`.
    fn index(&mut self, base: &Expr, index: &Expr) -> Doc {
        let least = if matches!(base.kind, ExprKind::Map(_)) { PRIMARY + 1 } else { POSTFIX };
        Doc::Concat(vec![self.at(least, base), self.expr(index).between("[", "]")])
    }

    fn offset_of(&mut self, of: &TypeOrExpr, path: &[Name]) -> Doc {
        let path: Vec<&str> = path.iter().map(|name| name.node.as_str()).collect();
        self.type_or_expr(of).between("offsetof(", &format!(", {})", path.join(".")))
    }

    fn type_or_expr(&mut self, of: &TypeOrExpr) -> Doc {
        match of {
            TypeOrExpr::Type(ty) => self.type_(ty),
            TypeOrExpr::Expr(value) => {
                let doc = self.expr(value);
                if looks_like_type(value) { doc.between("(", ")") } else { doc }
            }
        }
    }

    /// `struct s*`, `typeof($x)`
    pub(super) fn type_(&mut self, ty: &TypeRef) -> Doc {
        let tag = ty.tag.map(|tag| format!("{} ", tag.keyword())).unwrap_or_default();
        let base = match &ty.base {
            TypeBase::Name(name) => Doc::text(name),
            TypeBase::TypeOf(of) => self.type_or_expr(of).between("typeof(", ")"),
        };
        let suffixes: String = ty.suffixes.iter().map(suffix).collect();
        Doc::Concat(vec![Doc::text(tag), base, Doc::Text(suffixes)])
    }
}

fn suffix(suffix: &TypeSuffix) -> String {
    match suffix {
        TypeSuffix::Pointer => "*".into(),
        TypeSuffix::Array(Some(length)) => format!("[{length}]"),
        TypeSuffix::Array(None) => "[]".into(),
    }
}

fn step(up: bool) -> &'static str {
    if up { "++" } else { "--" }
}

fn level_of(op: BinaryOp) -> Level {
    match op {
        BinaryOp::Or => OR,
        BinaryOp::And => 2,
        BinaryOp::BitOr => 3,
        BinaryOp::BitXor => 4,
        BinaryOp::BitAnd => 5,
        BinaryOp::Eq | BinaryOp::Ne => 6,
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => 7,
        BinaryOp::Shl | BinaryOp::Shr => 8,
        BinaryOp::Add | BinaryOp::Sub => 9,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => 10,
    }
}

fn level(expr: &Expr) -> Level {
    match &expr.kind {
        ExprKind::Ternary { .. } => LOOSEST,
        ExprKind::Binary { op, .. } => level_of(*op),
        ExprKind::Unary { .. } | ExprKind::Step { prefix: true, .. } | ExprKind::Cast { .. } | ExprKind::Comptime(_) => UNARY,
        ExprKind::Step { prefix: false, .. } | ExprKind::Field { .. } | ExprKind::TupleIndex { .. } | ExprKind::Index { .. } => POSTFIX,
        ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Bool(_) | ExprKind::Error => PRIMARY,
        ExprKind::Variable(_) | ExprKind::Map(_) | ExprKind::MapElement { .. } | ExprKind::Ident(_) => PRIMARY,
        ExprKind::Param(_) | ExprKind::ParamCount | ExprKind::Call { .. } => PRIMARY,
        ExprKind::If { .. } | ExprKind::Block(_) | ExprKind::Tuple(_) | ExprKind::Record(_) => PRIMARY,
        ExprKind::SizeOf(_) | ExprKind::OffsetOf(..) | ExprKind::TypeInfo(_) => PRIMARY,
    }
}

/// Whether a condition needs no parentheses for what it holds: one operand, no block and no `if` outside brackets.
fn can_stand_bare(expr: &Expr) -> bool {
    let inside = |least: Level, inner: &Expr| level(inner) < least || can_stand_bare(inner);
    match &expr.kind {
        ExprKind::Unary { operand: inner, .. } | ExprKind::Comptime(inner) | ExprKind::Cast { operand: inner, .. } => inside(UNARY, inner),
        ExprKind::Step { prefix: true, target: inner, .. } => inside(UNARY, inner),
        ExprKind::Step { prefix: false, target: inner, .. } => inside(POSTFIX, inner),
        ExprKind::Field { base, .. } | ExprKind::TupleIndex { base, .. } | ExprKind::Index { base, .. } => inside(POSTFIX, base),
        ExprKind::Binary { .. } | ExprKind::Ternary { .. } | ExprKind::If { .. } | ExprKind::Block(_) => false,
        ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Bool(_) | ExprKind::Error => true,
        ExprKind::Variable(_) | ExprKind::Map(_) | ExprKind::MapElement { .. } | ExprKind::Ident(_) => true,
        ExprKind::Param(_) | ExprKind::ParamCount | ExprKind::Call { .. } => true,
        ExprKind::Tuple(_) | ExprKind::Record(_) => true,
        ExprKind::SizeOf(_) | ExprKind::OffsetOf(..) | ExprKind::TypeInfo(_) => true,
    }
}

/// `x[4]` with a name and a number, which would be a type where both can stand.
fn looks_like_type(expr: &Expr) -> bool {
    let ExprKind::Index { base, index } = &expr.kind else { return false };
    matches!(index.kind, ExprKind::Int(_)) && (matches!(base.kind, ExprKind::Ident(_)) || looks_like_type(base))
}
