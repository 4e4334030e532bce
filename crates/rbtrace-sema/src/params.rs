//! Positional parameters that a script reads and nobody gave (SPEC §2.19): they are 0, and that is said. As text, a missing one is empty.

use std::collections::HashSet;

use rbtrace_diag::Sink;
use rbtrace_lang::{functions, warnings};
use rbtrace_syntax::ast::{Arg, BinaryOp, Expr, ExprId, ExprKind, Program};

use crate::shared::Shared;
use crate::walk::{self, Node};

/// Warns of each parameter that is missing.
pub(crate) fn check(program: &Program, shared: &Shared, sink: &mut Sink) {
    let mut as_text = HashSet::new();
    walk::program(program, &mut |node| {
        let Node::Expr(expr) = node else { return };
        if let ExprKind::Call { function, args } = &expr.kind
            && functions::by_name(&function.node).is_some_and(|row| row.literal.is_some())
        {
            as_text.extend(args.iter().filter_map(text_of));
        }
        if let ExprKind::Param(number) = expr.kind
            && shared.param(number).is_none_or(str::is_empty)
            && !as_text.contains(&expr.id)
        {
            let message = format!("Positional parameter ${number} is empty or not provided.");
            sink.push(warnings::MISSING_PARAMETER.at(expr.span, message).because("it is 0"));
        }
    });
}

/// The parameter that is read as text: `$1`, `$1 + 2`.
fn text_of(arg: &Arg) -> Option<ExprId> {
    let Arg::Expr(Expr { id, kind, .. }) = arg else { return None };
    if matches!(kind, ExprKind::Param(_)) {
        return Some(*id);
    }
    if let ExprKind::Binary { op: BinaryOp::Add, left, .. } = kind { Some(left.id) } else { None }
}
