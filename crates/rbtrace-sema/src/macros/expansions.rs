//! Which expressions came out of a macro, and who called it: what diagnostics say as "expanded from".

use std::collections::HashMap;

use rbtrace_diag::{Origin, Sink};
use rbtrace_syntax::ast::{Expr, ExprId};

/// By the expression that stands where a call stood; the innermost call first, since a macro may be nothing but the call of another.
#[derive(Debug, Default)]
pub(crate) struct Expansions(HashMap<ExprId, Vec<Origin>>);

impl Expansions {
    pub fn add(&mut self, id: ExprId, origin: Origin) {
        self.0.entry(id).or_default().push(origin);
    }

    /// What is said from now on may be about the inside of this expression.
    pub fn enter(&self, expr: &Expr, sink: &mut Sink) {
        self.0.get(&expr.id).into_iter().flatten().rev().for_each(|origin| sink.enter(*origin));
    }

    /// The end of [`Expansions::enter`].
    pub fn leave(&self, expr: &Expr, sink: &mut Sink) {
        self.0.get(&expr.id).into_iter().flatten().for_each(|_| sink.leave());
    }
}
