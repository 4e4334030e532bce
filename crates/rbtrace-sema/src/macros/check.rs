//! What no macro may do, whoever calls it: jump out of itself, or declare a variable that it was given.

use rbtrace_diag::{Diagnostic, Sink, Span};
use rbtrace_syntax::ast::{Block, Expr, Macro, MacroParam, Stmt, StmtKind};

use crate::walk::{Part, parts};

/// Says what is wrong with a definition.
pub(super) fn check(item: &Macro, sink: &mut Sink) {
    for (at, param) in item.params.iter().enumerate() {
        if let Some(first) = item.params[..at].iter().find(|other| other.node == param.node) {
            let error =
                Diagnostic::error(param.span, format!("Variable for macro argument has already been used: {}", written(&param.node)));
            sink.push(error.because("this name again").label(first.span, "the first parameter of this name"));
        }
    }
    let variables = item.params.iter().filter_map(|param| match &param.node {
        MacroParam::Variable(name) => Some((name.as_str(), param.span)),
        MacroParam::Map(_) | MacroParam::Expr(_) => None,
    });
    let mut check = Check { variables: variables.collect(), loops: 0, sink };
    check.block(&item.body);
}

fn written(param: &MacroParam) -> String {
    match param {
        MacroParam::Variable(name) => format!("${name}"),
        MacroParam::Map(name) => format!("@{name}"),
        MacroParam::Expr(name) => name.clone(),
    }
}

struct Check<'a> {
    variables: Vec<(&'a str, Span)>,
    /// Loops of the body around the place that is looked at.
    loops: u32,
    sink: &'a mut Sink,
}

impl Check<'_> {
    fn block(&mut self, block: &Block) {
        block.stmts.iter().for_each(|stmt| self.stmt(stmt));
        block.value.iter().for_each(|value| self.expr(value));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) | StmtKind::Discard(expr) => self.expr(expr),
            StmtKind::Assign { value, .. } | StmtKind::Compound { value, .. } => self.expr(value),
            StmtKind::Let { name, value, .. } => {
                self.declares(&name.node, name.span);
                value.iter().for_each(|value| self.expr(value));
            }
            StmtKind::Unroll { body, .. } | StmtKind::While { body, .. } => self.loop_body(body),
            StmtKind::For { variable, body, .. } => {
                self.declares(&variable.node, variable.span);
                self.loop_body(body);
            }
            StmtKind::Break => self.jump(stmt.span, "break"),
            StmtKind::Continue => self.jump(stmt.span, "continue"),
            StmtKind::Return(_) => self.jump(stmt.span, "return"),
            StmtKind::Import(_) | StmtKind::Error => {}
        }
    }

    fn loop_body(&mut self, body: &Block) {
        self.loops += 1;
        self.block(body);
        self.loops -= 1;
    }

    fn jump(&mut self, span: Span, word: &str) {
        if self.loops == 0 {
            let error = Diagnostic::error(span, format!("'{word}' statement is not allowed in a macro"));
            self.sink.push(error.because("it would leave the text around the call").hint("the last expression of a macro is its value"));
        }
    }

    fn declares(&mut self, name: &str, span: Span) {
        if let Some((_, param)) = self.variables.iter().find(|(param, _)| *param == name) {
            let error = Diagnostic::error(span, format!("Variable declaration shadows macro arg ${name}"));
            self.sink.push(error.because("declared again here").label(*param, "this is the argument"));
        }
    }

    fn expr(&mut self, expr: &Expr) {
        parts(expr, &mut |part| match part {
            Part::Expr(inner) => self.expr(inner),
            Part::Block(inner) => self.block(inner),
        });
    }
}
