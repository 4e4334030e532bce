//! Binary operators on integers and pointers.

use rbtrace_ir::{Bin, Cmp, Op, Value};
use rbtrace_lang::compile::{Complaint, LowerCx, Lowered, TypeCx};
use rbtrace_lang::warnings;
use rbtrace_syntax::ast::{BinaryOp, Expr};
use rbtrace_types::{Type, integer};

use super::Lower;
use crate::infer::{Class, Ty, class};

impl Lower<'_> {
    pub(super) fn binary(&mut self, expr: &Expr, op: BinaryOp, left: &Expr, right: &Expr) -> Lowered {
        if class(op) == Class::Logic {
            return Lowered::Int(self.logic(op, left, right));
        }
        match class(op) {
            Class::Arithmetic => {
                let a = self.int(left);
                let b = self.int(right);
                let (left_ty, right_ty) = (self.operand(left), self.operand(right));
                let result = self.arithmetic(op, a, &left_ty, b, &right_ty, right);
                Lowered::Int(self.convert(result, &Type::I64, &self.ty(expr)))
            }
            Class::Equality if !self.value_ty(left).is_scalar() => Lowered::Int(self.equal_memory(op == BinaryOp::Eq, left, right)),
            Class::Equality | Class::Order => {
                let a = self.int(left);
                let b = self.int(right);
                Lowered::Int(self.compare(op, a, left, b, right))
            }
            Class::Logic => unreachable!("handled above"),
        }
    }

    /// `a op b` on 64-bit integers, as SPEC §3.4 says.
    pub(super) fn arithmetic(&mut self, op: BinaryOp, a: Value, a_ty: &Ty, b: Value, b_ty: &Ty, right: &Expr) -> Value {
        let (a, b) = (self.calculable(a, &a_ty.ty), self.calculable(b, &b_ty.ty));
        let (a, b) = match (&a_ty.ty, &b_ty.ty) {
            (Type::Pointer(..), other) if other.is_integer() => (a, self.times(b, self.step_size(&a_ty.ty))),
            (other, Type::Pointer(..)) if other.is_integer() => (self.times(a, self.step_size(&b_ty.ty)), b),
            _ => (a, b),
        };
        let both = a_ty.integer().zip(b_ty.integer());
        let signed = both.is_some_and(|(a, b)| integer::arithmetic(a, b, false).signed);
        let bin = match op {
            BinaryOp::Add => Bin::Add,
            BinaryOp::Sub => Bin::Sub,
            BinaryOp::Mul => Bin::Mul,
            BinaryOp::BitAnd => Bin::And,
            BinaryOp::BitOr => Bin::Or,
            BinaryOp::BitXor => Bin::Xor,
            BinaryOp::Shl => Bin::Shl,
            // `>>` is a logical shift for every type (SPEC §3.4).
            BinaryOp::Shr => Bin::LShr,
            BinaryOp::Div => return self.divide(if signed { Bin::SDiv } else { Bin::UDiv }, a, b, right),
            BinaryOp::Mod => return self.divide(if signed { Bin::SRem } else { Bin::URem }, a, b, right),
            BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge | BinaryOp::And | BinaryOp::Or => {
                unreachable!("not arithmetic")
            }
        };
        self.ir.bin(bin, a, b)
    }

    /// Scaled by the size of what a pointer points to.
    pub(super) fn times(&mut self, value: Value, size: i64) -> Value {
        if size == 1 { value } else { self.ir.bin_int(Bin::Mul, value, size) }
    }

    /// A divisor of zero is reported and gives 1 (SPEC §9.13).
    fn divide(&mut self, bin: Bin, a: Value, b: Value, right: &Expr) -> Value {
        if self.int_literal(right).is_some_and(|divisor| divisor != 0) {
            return self.ir.bin(bin, a, b);
        }
        let slot = self.ir.scalar("quotient");
        let is_zero = self.ir.cmp_int(Cmp::Eq, b, 0);
        self.ir.open();
        let span = self.ir.span.unwrap_or(right.span);
        let text = "Divide or modulo by 0 detected. This can lead to unexpected results. 1 is being used as the result.";
        self.complain(Complaint { warning: &warnings::DIVISION_BY_ZERO, span, text, helper: None });
        let one = self.ir.int(1);
        self.ir.push(Op::Set(slot, one));
        let then = self.ir.close();
        self.ir.open();
        let quotient = self.ir.bin(bin, a, b);
        self.ir.push(Op::Set(slot, quotient));
        let otherwise = self.ir.close();
        self.ir.push(Op::If { cond: is_zero, then, otherwise });
        self.ir.value(Op::Get(slot))
    }

    /// Compares integers in their promoted type: signed if that is.
    fn compare(&mut self, op: BinaryOp, a: Value, left: &Expr, b: Value, right: &Expr) -> Value {
        let signed = match (self.operand(left).integer(), self.operand(right).integer()) {
            (Some(x), Some(y)) => integer::promote(x, y).0.int.signed,
            _ => false,
        };
        let cmp = match (op, signed) {
            (BinaryOp::Eq, _) => Cmp::Eq,
            (BinaryOp::Ne, _) => Cmp::Ne,
            (BinaryOp::Lt, true) => Cmp::SLt,
            (BinaryOp::Lt, false) => Cmp::ULt,
            (BinaryOp::Le, true) => Cmp::SLe,
            (BinaryOp::Le, false) => Cmp::ULe,
            (BinaryOp::Gt, true) => Cmp::SGt,
            (BinaryOp::Gt, false) => Cmp::UGt,
            (BinaryOp::Ge, true) => Cmp::SGe,
            (BinaryOp::Ge, false) => Cmp::UGe,
            _ => unreachable!("not a comparison"),
        };
        self.ir.cmp(cmp, a, b)
    }

    /// The type of an operand as inference saw it: a literal, or a variable that holds nothing else, takes the sign of the other side.
    pub(super) fn operand(&mut self, expr: &Expr) -> Ty {
        if let Some(value) = self.int_literal(expr) {
            return Ty::literal(value);
        }
        match &self.body.types[expr.id.0 as usize] {
            Ty { ty: Type::Aggregate(aggregate), .. } => Ty::fixed(Type::int(8, aggregate.signed)),
            known => known.clone(),
        }
    }

    /// `&&` and `||`: the right side is evaluated only if it decides.
    fn logic(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Value {
        let slot = self.ir.scalar("truth");
        let first = self.truth(left);
        let first = self.ir.cmp_int(Cmp::Ne, first, 0);
        self.ir.push(Op::Set(slot, first));
        self.ir.open();
        let second = self.truth(right);
        let second = self.ir.cmp_int(Cmp::Ne, second, 0);
        self.ir.push(Op::Set(slot, second));
        let decides = self.ir.close();
        let nothing = rbtrace_ir::Region::default();
        let (then, otherwise) = if op == BinaryOp::And { (decides, nothing) } else { (nothing, decides) };
        self.ir.push(Op::If { cond: first, then, otherwise });
        self.ir.value(Op::Get(slot))
    }
}
