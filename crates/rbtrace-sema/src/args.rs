//! Which `args` a probe's body looks at: places whose events look the same to it can share a program.

use rbtrace_syntax::ast::{Block, Expr, ExprKind, ForOver, Probe, Stmt, StmtKind};

use crate::walk::{Part, parts, type_children};

/// The one name that is no row of a table: what it is depends on the probe, and places are grouped by it.
pub(crate) const NAME: &str = "args";

/// What a probe's body reads of `args`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArgsUse {
    /// Nothing.
    None,
    /// These fields.
    Fields(Vec<String>),
    /// The whole struct.
    Whole,
}

/// Which `args` a probe reads.
pub(crate) fn args_use(probe: &Probe) -> ArgsUse {
    let mut usage = ArgsUse::None;
    if let Some(predicate) = &probe.predicate {
        args_of_expr(predicate, &mut usage);
    }
    args_of_block(&probe.body, &mut usage);
    usage
}

fn args_of_block(block: &Block, usage: &mut ArgsUse) {
    for stmt in &block.stmts {
        args_of_stmt(stmt, usage);
    }
    block.value.iter().for_each(|value| args_of_expr(value, usage));
}

fn args_of_stmt(stmt: &Stmt, usage: &mut ArgsUse) {
    match &stmt.kind {
        StmtKind::Expr(a) | StmtKind::Discard(a) => args_of_expr(a, usage),
        StmtKind::Assign { target, value } | StmtKind::Compound { target, value, .. } => {
            args_of_expr(target, usage);
            args_of_expr(value, usage);
        }
        StmtKind::Let { ty, value, .. } => {
            ty.iter().for_each(|ty| type_children(ty, &mut |child| args_of_expr(child, usage)));
            value.iter().for_each(|value| args_of_expr(value, usage));
        }
        StmtKind::Return(value) => value.iter().for_each(|value| args_of_expr(value, usage)),
        StmtKind::Unroll { count: condition, body } | StmtKind::While { condition, body } => {
            args_of_expr(condition, usage);
            args_of_block(body, usage);
        }
        StmtKind::For { over, body, .. } => {
            match over {
                ForOver::Map(map) => args_of_expr(map, usage),
                ForOver::Range(from, to) => {
                    args_of_expr(from, usage);
                    args_of_expr(to, usage);
                }
            }
            args_of_block(body, usage);
        }
        StmtKind::Break | StmtKind::Continue | StmtKind::Import(_) | StmtKind::Error => {}
    }
}

fn args_of_expr(expr: &Expr, usage: &mut ArgsUse) {
    if let ExprKind::Field { base, field } = &expr.kind
        && is_args(base)
    {
        return add_field(usage, &field.node);
    }
    if matches!(&expr.kind, ExprKind::Ident(name) if name == NAME) {
        *usage = ArgsUse::Whole;
    }
    parts(expr, &mut |part| match part {
        Part::Expr(inner) => args_of_expr(inner, usage),
        Part::Block(inner) => args_of_block(inner, usage),
    });
}

/// `args`, or `*args` as old scripts write it (SPEC §2.9).
pub(crate) fn is_args(expr: &Expr) -> bool {
    if let ExprKind::Unary { op: rbtrace_syntax::ast::UnaryOp::Deref, operand } = &expr.kind {
        return is_args(operand);
    }
    matches!(&expr.kind, ExprKind::Ident(name) if name == NAME)
}

fn add_field(usage: &mut ArgsUse, field: &str) {
    match usage {
        ArgsUse::None => *usage = ArgsUse::Fields(vec![field.to_string()]),
        ArgsUse::Fields(fields) if fields.iter().all(|known| known != field) => fields.push(field.to_string()),
        ArgsUse::Fields(_) | ArgsUse::Whole => {}
    }
}
