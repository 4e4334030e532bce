//! Statements.

use rbtrace_ir::{Manifest, Op, Role};
use rbtrace_lang::compile::{LowerCx, Lowered};
use rbtrace_syntax::ast::{Block, Expr, ExprKind, Name, Stmt, StmtKind};
use rbtrace_types::Type;

use super::Lower;
use crate::forms::Target;
use crate::infer::{Ty, aggregation_call};

impl Lower<'_> {
    /// A block whose value nobody takes.
    pub(super) fn block_effects(&mut self, block: &Block) {
        self.stmts(&block.stmts);
        if let Some(value) = &block.value {
            let mark = self.ir.mark();
            self.effect(value);
            self.ir.release(mark);
        }
    }

    pub(super) fn stmts(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            let outer = self.ir.span.replace(stmt.span);
            let mark = self.ir.mark();
            self.stmt(stmt);
            self.ir.release(mark);
            self.ir.span = outer;
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) => self.effect(expr),
            StmtKind::Discard(expr) => {
                self.expr(expr);
            }
            StmtKind::Assign { target, value } => self.assign(target, value),
            StmtKind::Compound { target, op, value } => self.compound(target, *op, value),
            StmtKind::Let { name, value, .. } => self.let_(name, value.as_ref()),
            StmtKind::Unroll { count, body } => self.unroll(count, body),
            StmtKind::While { condition, body } => self.while_(condition, body),
            StmtKind::For { variable, over, body } => self.for_(variable, over, body),
            StmtKind::Break => self.break_(),
            StmtKind::Continue => self.ir.push(Op::Continue),
            StmtKind::Return(value) if self.inside.is_some() => self.return_from_function(value.as_ref()),
            StmtKind::Return(value) => {
                if let Some(value) = value {
                    self.result(value);
                }
                self.leave();
            }
            StmtKind::Import(_) | StmtKind::Error => unreachable!("these are errors"),
        }
    }

    /// What a probe returns matters to nobody but who runs it as a test.
    fn result(&mut self, value: &Expr) {
        if !matches!(self.unit.planned.role, Role::Test | Role::Bench) {
            self.expr(value);
            return;
        }
        let value = self.int(value);
        let map = self.out.internal(Manifest::RESULT_MAP);
        let entry = self.ir.value(Op::Global(map));
        let missing = self.ir.value(Op::IsNull(entry));
        self.ir.if_else(missing, |_| {}, |ir| ir.store(8, entry, 0, value));
    }

    /// An expression for its effect: `@x++` needs no value then, which saves a load.
    fn effect(&mut self, expr: &Expr) {
        if let ExprKind::Step { up, target, .. } = &expr.kind
            && !matches!(target.kind, ExprKind::Variable(_))
        {
            let by = self.ir.int(if *up { 1 } else { -1 });
            return self.add_to_map(target, by);
        }
        self.statement = Some(expr.id);
        self.expr(expr);
    }

    fn assign(&mut self, target: &Expr, value: &Expr) {
        if let Some((row, args)) = aggregation_call(value) {
            return self.aggregate(target, value, row, args);
        }
        match Target::of(target) {
            Target::Variable => {
                let var = self.body.names.uses[&target.id];
                self.set_var(var.0 as usize, value);
            }
            Target::Map(name) => self.assign_scalar(name, value),
            Target::Element(map, key) => self.assign_element(&map.node, key, value),
            Target::Part | Target::None => unreachable!("inference refuses other targets"),
        }
    }

    /// Evaluates first, then writes: `$a = ($a.1, $a.0)` reads the old value.
    fn set_var(&mut self, index: usize, value: &Expr) {
        let (slot, ty) = (self.vars[index], self.var_ty(index));
        if ty.is_scalar() || ty == Type::Void {
            let int = self.int(value);
            let int = self.convert(int, &self.value_ty(value), &ty);
            return self.write_var(index, int);
        }
        let reads_memory = matches!(value.kind, ExprKind::Tuple(_) | ExprKind::Record(_));
        let evaluated = match reads_memory {
            true => Lowered::Mem(self.lower_as(value, &ty)),
            false => self.expr(value),
        };
        let from = if reads_memory { ty.clone() } else { self.value_ty(value) };
        let addr = self.ir.slot_addr(slot);
        self.store_value(addr, 0, &ty, evaluated, &from);
    }

    fn let_(&mut self, name: &Name, value: Option<&Expr>) {
        let index = self.body.names.declared[name].0 as usize;
        match value {
            Some(value) => self.set_var(index, value),
            None => self.clear_var(index),
        }
    }

    fn compound(&mut self, target: &Expr, op: rbtrace_syntax::ast::BinaryOp, value: &Expr) {
        if !matches!(target.kind, ExprKind::Variable(_)) {
            return self.compound_map(target, op, value);
        }
        let ty = self.ty(target);
        let right = self.int(value);
        let index = self.var_index(target);
        let left = self.int(target);
        let value_ty = self.operand(value);
        let result = self.arithmetic(op, left, &Ty::fixed(ty.clone()), right, &value_ty, value);
        let result = self.convert(result, &Type::I64, &ty);
        self.write_var(index, result);
    }
}
