//! Expressions: a router and one method per kind.

use rbtrace_ir as ir;
use rbtrace_ir::{Cmp, Op, Value};
use rbtrace_lang::compile::{Call, Constant, LowerCx, Lowered, TypeCx};
use rbtrace_lang::{functions, variables};
use rbtrace_syntax::ast::{Arg, Block, Expr, ExprKind, Name, UnaryOp};
use rbtrace_types::Type;

use super::Lower;
use super::memory::layout;
use crate::args::{self, is_args};
use crate::infer::packed;

impl Lower<'_> {
    /// Evaluates an expression; see [`Lowered`].
    pub(super) fn expr(&mut self, expr: &Expr) -> Lowered {
        let outer = self.ir.span.replace(expr.span);
        let expansions = self.shared.expansions;
        expansions.enter(expr, self.sink);
        let value = match self.int_literal(expr) {
            Some(value) => Lowered::Int(self.ir.int(value as i64)),
            None => match self.body.constants.get(&expr.id) {
                Some(known) => self.constant_value(expr, known),
                None => self.kind(expr),
            },
        };
        self.note_sites();
        expansions.leave(expr, self.sink);
        self.ir.span = outer;
        value
    }

    fn kind(&mut self, expr: &Expr) -> Lowered {
        match &expr.kind {
            ExprKind::Int(value) => Lowered::Int(self.ir.int(*value as i64)),
            ExprKind::String(bytes) => self.string(bytes),
            ExprKind::Bool(value) => Lowered::Int(self.ir.int(i64::from(*value))),
            ExprKind::Variable(_) => self.variable(expr),
            ExprKind::Map(name) => self.read_scalar_map(name),
            ExprKind::MapElement { map, key } => self.read_element(&map.node, key),
            ExprKind::Ident(name) => self.ident(expr, name),
            ExprKind::Call { function, args } => self.call(expr, function, args),
            ExprKind::Binary { op, left, right } => self.binary(expr, *op, left, right),
            ExprKind::Unary { .. } if is_args(expr) => self.whole_args(),
            ExprKind::Unary { op: UnaryOp::AddressOf, operand } => self.address_of(operand),
            ExprKind::Unary { op, operand } => self.unary(*op, operand),
            ExprKind::Step { up, prefix, target } => self.step(*up, *prefix, target),
            ExprKind::Ternary { condition, then, otherwise } => self.ternary(expr, condition, then.as_deref(), otherwise),
            ExprKind::If { condition, then, otherwise } if matches!(condition.kind, ExprKind::Comptime(_)) => {
                self.if_comptime(condition, then, otherwise.as_ref())
            }
            ExprKind::If { condition, then, otherwise } => self.if_(expr, condition, then, otherwise.as_ref()),
            ExprKind::Block(block) => self.block_value(block),
            ExprKind::Cast { operand, .. } => self.cast(expr, operand),
            ExprKind::Tuple(_) | ExprKind::Record(_) => {
                let ty = self.ty(expr);
                let addr = self.temp(ty.size());
                self.expr_into(addr, 0, &ty, expr);
                Lowered::Mem(addr)
            }
            ExprKind::Field { base, field } => self.field(base, &field.node),
            ExprKind::TupleIndex { base, index } => self.element(base, index.node),
            ExprKind::Index { base, index } => self.index(base, index),
            ExprKind::Comptime(inner) => self.expr(inner),
            ExprKind::Param(number) => self.string(self.param(*number).unwrap_or_default().as_bytes()),
            ExprKind::ParamCount => unreachable!("a number"),
            ExprKind::SizeOf(_) | ExprKind::OffsetOf(..) | ExprKind::TypeInfo(_) => unreachable!("constants"),
            ExprKind::Error => unreachable!("the parser or a pass before has said why"),
        }
    }

    /// Evaluates a scalar expression, or one that reads as an integer.
    pub(super) fn int(&mut self, expr: &Expr) -> Value {
        match self.expr(expr) {
            Lowered::Int(value) => value,
            Lowered::Mem(_) | Lowered::Remote(..) | Lowered::Void => {
                unreachable!("inference gives this expression a scalar type: {:?}", self.ty(expr))
            }
        }
    }

    /// Evaluates an expression straight into memory as type `to`.
    pub(super) fn expr_into(&mut self, addr: Value, offset: u32, to: &Type, expr: &Expr) {
        let items: Vec<&Expr> = match (&expr.kind, to) {
            (ExprKind::Tuple(items), Type::Tuple(_)) => items.iter().collect(),
            (ExprKind::Record(items), Type::Record(_)) => items.iter().map(|(_, item)| item).collect(),
            _ => return self.plain_into(addr, offset, to, expr),
        };
        let start = self.offset(addr, offset);
        self.zero_gaps(start, to);
        let layout = layout(to);
        for (at, item) in self.places_of(expr, to).into_iter().zip(items) {
            let element = to.elements().expect("a tuple or record")[at].clone();
            self.expr_into(addr, offset + layout.offsets[at], &element, item);
        }
    }

    fn plain_into(&mut self, addr: Value, offset: u32, to: &Type, expr: &Expr) {
        let from = self.value_ty(expr);
        if let (ExprKind::Ident(name), true) = (&expr.kind, from == *to)
            && let Some(row) = variables::by_name(name)
            && let Some(lower_into) = row.lower_into
        {
            let start = self.offset(addr, offset);
            return lower_into(self, &Call { name, id: expr.id, span: expr.span, args: Vec::new() }, start);
        }
        let value = self.expr(expr);
        self.store_value(addr, offset, to, value, &from);
    }

    /// For each written element, its place in the target type: records go by name.
    fn places_of(&self, expr: &Expr, to: &Type) -> Vec<usize> {
        match (&expr.kind, to) {
            (ExprKind::Record(items), Type::Record(fields)) => {
                let place =
                    |name: &str| fields.iter().position(|(field, _)| field == name).expect("records of one type have the same names");
                items.iter().map(|(name, _)| place(&name.node)).collect()
            }
            (_, to) => (0..to.elements().map_or(0, |items| items.len())).collect(),
        }
    }

    fn string(&mut self, bytes: &[u8]) -> Lowered {
        let mut text = bytes.to_vec();
        text.push(0);
        Lowered::Mem(self.constant(&text))
    }

    fn variable(&mut self, expr: &Expr) -> Lowered {
        let index = self.var_index(expr);
        self.read_var(index)
    }

    /// The number of a `$x` expression's variable.
    pub(super) fn var_index(&self, expr: &Expr) -> usize {
        self.body.names.uses[&expr.id].0 as usize
    }

    fn ident(&mut self, expr: &Expr, name: &str) -> Lowered {
        if name == args::NAME {
            return self.whole_args();
        }
        if let Some(row) = variables::by_name(name).or_else(|| functions::by_name(name)) {
            return (row.lower)(self, &Call { name, id: expr.id, span: expr.span, args: Vec::new() });
        }
        let (_, number) = self.seen().enum_constant(name).expect("inference knows the identifier");
        Lowered::Int(self.ir.int(number))
    }

    fn call(&mut self, expr: &Expr, function: &Name, args: &[Arg]) -> Lowered {
        let args = args.iter().filter_map(|arg| match arg {
            Arg::Expr(arg) => Some(arg),
            Arg::Type(_) => None,
        });
        let (name, args) = (function.node.as_str(), args.collect::<Vec<_>>());
        match functions::by_name(name).or_else(|| variables::by_name(name)) {
            Some(row) => (row.lower)(self, &Call { name, id: expr.id, span: expr.span, args }),
            None => {
                let value = self.function_call(function, &args).or_else(|| self.c_call(function, &args));
                value.expect("inference knows the function")
            }
        }
    }

    /// `args` as a value: a copy of all its fields.
    fn whole_args(&mut self) -> Lowered {
        let args = self.body.args.clone().expect("inference knows that there are arguments");
        let whole = packed(&args);
        let addr = self.temp(whole.size);
        self.ir.push(Op::Zero { addr, bytes: whole.size.max(1) });
        for (field, to) in args.fields.iter().zip(&whole.fields) {
            let arg = self.arg(field);
            self.store_value(addr, to.offset, &to.ty, arg, &field.ty);
        }
        Lowered::Mem(addr)
    }

    pub(super) fn arg(&mut self, field: &rbtrace_types::Field) -> Lowered {
        let planned = &self.unit.planned;
        (self.place().probe_type.arg)(self, planned, field)
    }

    fn unary(&mut self, op: UnaryOp, operand: &Expr) -> Lowered {
        let value = self.int(operand);
        match op {
            UnaryOp::Neg => {
                let zero = self.ir.int(0);
                Lowered::Int(self.ir.bin(ir::Bin::Sub, zero, value))
            }
            UnaryOp::Not => Lowered::Int(self.ir.cmp_int(Cmp::Eq, value, 0)),
            UnaryOp::BitNot => Lowered::Int(self.ir.bin_int(ir::Bin::Xor, value, -1)),
            UnaryOp::Deref => {
                let (to, space) = self.pointee(&self.value_ty(operand));
                self.read_remote(value, space, &to)
            }
            UnaryOp::AddressOf => unreachable!("has its own method"),
        }
    }

    /// `++` and `--`.
    fn step(&mut self, up: bool, prefix: bool, target: &Expr) -> Lowered {
        let by = if up { 1 } else { -1 };
        let ExprKind::Variable(_) = &target.kind else { return self.step_map(by, prefix, target) };
        let index = self.var_index(target);
        let before = self.int(target);
        let by = by * self.step_size(&self.ty(target));
        let after = self.ir.bin_int(ir::Bin::Add, before, by);
        let after = self.convert(after, &Type::I64, &self.ty(target));
        self.write_var(index, after);
        Lowered::Int(if prefix { after } else { before })
    }

    /// Whether an expression is true, as 0 or not 0.
    pub(super) fn truth(&mut self, expr: &Expr) -> Value {
        match self.known_truth(expr) {
            Some(truth) => self.ir.int(i64::from(truth)),
            None => self.int(expr),
        }
    }

    /// As inference knows it.
    fn known_truth(&mut self, condition: &Expr) -> Option<bool> {
        if let Some(text) = self.string_literal(condition) {
            return Some(!text.is_empty());
        }
        let number = self.int_literal(condition).map(|number| number != 0);
        number.or_else(|| self.body.constants.get(&condition.id)?.truth())
    }

    fn ternary(&mut self, expr: &Expr, condition: &Expr, then: Option<&Expr>, otherwise: &Expr) -> Lowered {
        let ty = self.ty(expr);
        let result = self.result_slot(&ty);
        if let Some(truth) = self.known_truth(condition) {
            self.set_result(result, &ty, if truth { then.unwrap_or(condition) } else { otherwise });
            return self.get_result(result, &ty);
        }
        let cond = self.truth(condition);
        self.ir.open();
        match then {
            Some(then) => self.set_result(result, &ty, then),
            // `c ?: b`: the condition is the value and is evaluated once.
            None => self.set_int_result(result, &ty, cond, &self.value_ty(condition)),
        }
        let then = self.ir.close();
        self.ir.open();
        self.set_result(result, &ty, otherwise);
        let otherwise = self.ir.close();
        self.ir.push(Op::If { cond, then, otherwise });
        self.get_result(result, &ty)
    }

    fn if_(&mut self, expr: &Expr, condition: &Expr, then: &Block, otherwise: Option<&Block>) -> Lowered {
        let ty = self.ty(expr);
        let cond = self.truth(condition);
        let result = self.result_slot(&ty);
        self.ir.open();
        self.branch(result, &ty, then);
        let then = self.ir.close();
        self.ir.open();
        otherwise.iter().for_each(|block| self.branch(result, &ty, block));
        let otherwise = self.ir.close();
        self.ir.push(Op::If { cond, then, otherwise });
        self.get_result(result, &ty)
    }

    fn branch(&mut self, result: Option<ir::SlotId>, ty: &Type, block: &Block) {
        match (&block.value, ty) {
            (Some(value), ty) if *ty != Type::Void => {
                self.stmts(&block.stmts);
                self.set_result(result, ty, value);
            }
            _ => self.block_effects(block),
        }
    }

    /// Where the branches of a conditional leave their value; none for `void`.
    fn result_slot(&mut self, ty: &Type) -> Option<ir::SlotId> {
        if *ty == Type::Void {
            return None;
        }
        Some(if ty.is_scalar() { self.ir.scalar("result") } else { self.ir.memory("result", ty.size()) })
    }

    fn set_result(&mut self, result: Option<ir::SlotId>, ty: &Type, value: &Expr) {
        match result {
            None => {
                self.expr(value);
            }
            Some(slot) if ty.is_scalar() => {
                let int = self.int(value);
                self.set_int_result(Some(slot), ty, int, &self.value_ty(value));
            }
            Some(slot) => {
                let addr = self.ir.slot_addr(slot);
                self.expr_into(addr, 0, ty, value);
            }
        }
    }

    fn set_int_result(&mut self, result: Option<ir::SlotId>, ty: &Type, value: Value, from: &Type) {
        if let Some(slot) = result {
            let value = self.convert(value, from, ty);
            self.ir.push(Op::Set(slot, value));
        }
    }

    fn get_result(&mut self, result: Option<ir::SlotId>, ty: &Type) -> Lowered {
        match result {
            None => Lowered::Void,
            Some(slot) if ty.is_scalar() => Lowered::Int(self.ir.value(Op::Get(slot))),
            Some(slot) => Lowered::Mem(self.ir.slot_addr(slot)),
        }
    }

    fn block_value(&mut self, block: &Block) -> Lowered {
        self.stmts(&block.stmts);
        match &block.value {
            Some(value) => self.expr(value),
            None => Lowered::Void,
        }
    }

    /// A value that inference found.
    fn constant_value(&mut self, expr: &Expr, known: &Constant) -> Lowered {
        match known {
            Constant::Int(value) => Lowered::Int(self.ir.int(*value as i64)),
            Constant::Bool(value) => Lowered::Int(self.ir.int(i64::from(*value))),
            Constant::Text(text) => self.string(text),
            Constant::Record(_) => {
                let ty = self.ty(expr);
                let mut bytes = vec![0; ty.size() as usize];
                write_constant(&mut bytes, known, &ty);
                Lowered::Mem(self.constant(&bytes))
            }
        }
    }

    /// `if comptime …`: only what runs is there.
    fn if_comptime(&mut self, condition: &Expr, then: &Block, otherwise: Option<&Block>) -> Lowered {
        let is_true = self.known_truth(condition).expect("inference wants a constant here");
        match if is_true { Some(then) } else { otherwise } {
            Some(block) => self.block_value(block),
            None => Lowered::Void,
        }
    }
}

/// A constant as it lies in memory.
fn write_constant(to: &mut [u8], value: &Constant, ty: &Type) {
    match value {
        Constant::Int(value) => to.copy_from_slice(&(*value as u64).to_le_bytes()[..to.len()]),
        Constant::Bool(value) => to[0] = u8::from(*value),
        Constant::Text(text) => to[..text.len()].copy_from_slice(text),
        Constant::Record(fields) => {
            let types = ty.elements().unwrap_or_default();
            for (((_, value), ty), offset) in fields.iter().zip(types).zip(layout(ty).offsets) {
                write_constant(&mut to[offset as usize..][..ty.size() as usize], value, ty);
            }
        }
    }
}
