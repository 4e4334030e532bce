//! Ways through the tree, for passes that look for something and care about few kinds.

use rbtrace_syntax::ast::{Arg, Block, Expr, ExprKind, ForOver, Item, Probe, Program, Stmt, StmtKind, TypeBase, TypeOrExpr, TypeRef};

/// What an expression is made of.
pub(crate) enum Part<'e> {
    Expr(&'e Expr),
    Block(&'e Block),
}

/// The direct parts of an expression, those whose type is asked for (`typeof(e)`) too.
pub(crate) fn parts<'e>(expr: &'e Expr, see: &mut dyn FnMut(Part<'e>)) {
    let visit = &mut |part| see(Part::Expr(part));
    match &expr.kind {
        ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Bool(_) | ExprKind::Variable(_) | ExprKind::Map(_) => {}
        ExprKind::Param(_) | ExprKind::ParamCount | ExprKind::Ident(_) | ExprKind::Error => {}
        ExprKind::If { condition, then, otherwise } => {
            visit(condition);
            see(Part::Block(then));
            otherwise.iter().for_each(|otherwise| see(Part::Block(otherwise)));
        }
        ExprKind::Block(block) => see(Part::Block(block)),
        ExprKind::MapElement { key, .. } => key.iter().for_each(visit),
        ExprKind::Tuple(items) => items.iter().for_each(visit),
        ExprKind::Record(items) => items.iter().for_each(|(_, item)| visit(item)),
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| match arg {
            Arg::Expr(arg) => visit(arg),
            Arg::Type(ty) => type_children(ty, visit),
        }),
        ExprKind::Binary { left, right, .. } => {
            visit(left);
            visit(right);
        }
        ExprKind::Cast { ty, operand } => {
            type_children(ty, visit);
            visit(operand);
        }
        ExprKind::Unary { operand, .. } | ExprKind::Comptime(operand) => visit(operand),
        ExprKind::Step { target, .. } => visit(target),
        ExprKind::Ternary { condition, then, otherwise } => {
            visit(condition);
            then.iter().for_each(|then| visit(then));
            visit(otherwise);
        }
        ExprKind::Field { base, .. } | ExprKind::TupleIndex { base, .. } => visit(base),
        ExprKind::Index { base, index } => {
            visit(base);
            visit(index);
        }
        ExprKind::SizeOf(of) | ExprKind::OffsetOf(of, _) | ExprKind::TypeInfo(of) => type_or_expr_children(of, visit),
    }
}

/// The expressions inside a type: `typeof($x)*`.
pub(crate) fn type_children<'e>(ty: &'e TypeRef, visit: &mut dyn FnMut(&'e Expr)) {
    match &ty.base {
        TypeBase::Name(_) => {}
        TypeBase::TypeOf(of) => type_or_expr_children(of, visit),
    }
}

fn type_or_expr_children<'e>(of: &'e TypeOrExpr, visit: &mut dyn FnMut(&'e Expr)) {
    match of {
        TypeOrExpr::Expr(of) => visit(of),
        TypeOrExpr::Type(ty) => type_children(ty, visit),
    }
}

/// What a walk comes by, from the outside in.
pub(crate) enum Node<'e> {
    Expr(&'e Expr),
    Stmt(&'e Stmt),
}

/// Takes each node.
type See<'s, 'e> = &'s mut dyn FnMut(Node<'e>);

/// All of a program's probes and functions.
pub(crate) fn program<'e>(program: &'e Program, see: See<'_, 'e>) {
    for item in &program.items {
        match item {
            Item::Probe(inner) => probe(inner, see),
            Item::Function(function) => block(&function.body, see),
            Item::C(_) | Item::Config(_) | Item::Import(_) | Item::Macro(_) | Item::MapDecl(_) => {}
        }
    }
}

fn probe<'e>(probe: &'e Probe, see: See<'_, 'e>) {
    probe.predicate.iter().for_each(|predicate| expr(predicate, see));
    block(&probe.body, see);
}

/// Whether a probe has such an expression.
pub(crate) fn probe_has(inner: &Probe, wanted: &dyn Fn(&Expr) -> bool) -> bool {
    let mut found = false;
    probe(inner, &mut |node| match node {
        Node::Expr(expr) => found |= wanted(expr),
        Node::Stmt(_) => {}
    });
    found
}

/// An expression and all below it.
pub(crate) fn expr<'e>(top: &'e Expr, see: See<'_, 'e>) {
    see(Node::Expr(top));
    parts(top, &mut |part| match part {
        Part::Expr(inner) => expr(inner, see),
        Part::Block(inner) => block(inner, see),
    });
}

/// A block and all in it.
pub(crate) fn block<'e>(block: &'e Block, see: See<'_, 'e>) {
    block.stmts.iter().for_each(|inner| stmt(inner, see));
    block.value.iter().for_each(|value| expr(value, see));
}

fn stmt<'e>(top: &'e Stmt, see: See<'_, 'e>) {
    see(Node::Stmt(top));
    match &top.kind {
        StmtKind::Expr(value) | StmtKind::Discard(value) => expr(value, see),
        StmtKind::Assign { target, value } | StmtKind::Compound { target, value, .. } => {
            expr(target, see);
            expr(value, see);
        }
        StmtKind::Let { ty, value, .. } => {
            ty.iter().for_each(|ty| type_children(ty, &mut |child| expr(child, see)));
            value.iter().for_each(|value| expr(value, see));
        }
        StmtKind::Unroll { count: head, body } | StmtKind::While { condition: head, body } => {
            expr(head, see);
            block(body, see);
        }
        StmtKind::For { over, body, .. } => {
            match over {
                ForOver::Map(map) => expr(map, see),
                ForOver::Range(from, to) => {
                    expr(from, see);
                    expr(to, see);
                }
            }
            block(body, see);
        }
        StmtKind::Return(value) => value.iter().for_each(|value| expr(value, see)),
        StmtKind::Break | StmtKind::Continue | StmtKind::Import(_) | StmtKind::Error => {}
    }
}
