//! Calls of functions that were written in C: up to five integers or pointers in registers, and one comes back.

use rbtrace_ir::{CFunction, CId, Op, Operand};
use rbtrace_lang::compile::Lowered;
use rbtrace_syntax::ast::{Expr, ExprKind, Name, Stmt, StmtKind, UnaryOp};
use rbtrace_types::Type;

use super::Lower;
use super::output::Output;
use crate::walk::{self, Node};

/// Variables that stand for each other: `$q = $p`, `$p = &$x`.
const MOST_STEPS: u32 = 8;

impl<'a> Lower<'a> {
    /// What an expression is the address of, whenever it is looked at: `&$x`, or a variable that never has another value.
    fn addressed<'e>(&self, expr: &'e Expr, steps: u32) -> Option<&'e Expr>
    where
        'a: 'e,
    {
        if let ExprKind::Unary { op: UnaryOp::AddressOf, operand } = &expr.kind {
            return Some(operand);
        }
        let ExprKind::Variable(_) = &expr.kind else { return None };
        let value = self.only_value(self.var_index(expr)).filter(|_| steps > 0)?;
        // A key may be another one by now.
        self.addressed(value, steps - 1).filter(|operand| matches!(operand.kind, ExprKind::Variable(_) | ExprKind::Map(_)))
    }

    /// The expression that a variable has its only value from.
    fn only_value(&self, var: usize) -> Option<&'a Expr> {
        let names = self.body.names;
        if names.vars[var].addressed || names.vars[var].hoisted {
            return None;
        }
        let is_it = |expr: &Expr| names.uses.get(&expr.id).is_some_and(|used| used.0 as usize == var);
        let (mut values, mut is_known) = (Vec::new(), true);
        walk::block(&self.body.probe.body, &mut |node| match node {
            Node::Stmt(Stmt { kind: StmtKind::Assign { target, value }, .. }) if is_it(target) => values.push(value),
            Node::Stmt(Stmt { kind: StmtKind::Compound { target, .. }, .. }) if is_it(target) => is_known = false,
            Node::Stmt(Stmt { kind: StmtKind::Let { name, value: Some(value), .. }, .. })
                if names.declared.get(name).is_some_and(|declared| declared.0 as usize == var) =>
            {
                values.push(value);
            }
            Node::Expr(Expr { kind: ExprKind::Step { target, .. }, .. }) if is_it(target) => is_known = false,
            Node::Stmt(_) | Node::Expr(_) => {}
        });
        match values[..] {
            [only] if is_known => Some(only),
            _ => None,
        }
    }
}

impl Lower<'_> {
    /// A call of an imported function of C; `None`: there is none of this name.
    pub(super) fn c_call(&mut self, function: &Name, args: &[&Expr]) -> Option<Lowered> {
        let shared = self.shared;
        let found = shared.c_imports.functions.get(&function.node)?;
        let mut operands = Vec::with_capacity(args.len());
        for (arg, (_, param)) in args.iter().zip(&found.params) {
            operands.push(Operand::Value(if let Some(operand) = self.addressed(arg, MOST_STEPS) {
                // Not as a number: C may follow it without a helper.
                self.place_of(operand)
            } else {
                let value = self.int(arg);
                self.convert(value, &self.value_ty(arg), param)
            }));
        }
        let signed = (found.result != Type::Void).then(|| found.result.is_signed());
        let id = self.out.c_function(&CFunction { name: found.name.clone(), params: found.params.len(), signed });
        let value = self.ir.value(Op::CallC(id, operands));
        Some(if signed.is_some() { Lowered::Int(value) } else { Lowered::Void })
    }
}

impl Output {
    /// The number of a function of C.
    fn c_function(&mut self, function: &CFunction) -> CId {
        let known = &mut self.program.c_code.functions;
        let at = known.iter().position(|other| other == function).unwrap_or_else(|| {
            known.push(function.clone());
            known.len() - 1
        });
        CId(at as u32)
    }
}
