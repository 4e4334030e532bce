//! `==` and `!=` of values in memory: strings, buffers, arrays, tuples, records.

use rbtrace_ir::{Cmp, Op, Value};
use rbtrace_lang::compile::LowerCx;
use rbtrace_syntax::ast::Expr;
use rbtrace_types::Type;

use super::Lower;
use crate::infer::{Ty, join};

impl Lower<'_> {
    /// 1 or 0. The bytes decide, because equal values have equal bytes (see `memory`).
    pub(super) fn equal_memory(&mut self, want_equal: bool, left: &Expr, right: &Expr) -> Value {
        let (a_ty, b_ty) = (self.value_ty(left), self.value_ty(right));
        let equal = match (&a_ty, &b_ty) {
            // Up to the smaller capacity: the shorter one's NUL is among those bytes.
            (Type::String(x), Type::String(y)) => self.equal_prefix(left, &a_ty, right, &b_ty, 0, *x.min(y)),
            (Type::Buffer(x), Type::Buffer(y)) => self.equal_prefix(left, &a_ty, right, &b_ty, 4, *x.min(y)),
            _ => {
                let common = join(&Ty::fixed(a_ty), &Ty::fixed(b_ty)).expect("inference compares what can be joined").ty;
                let a = self.lower_as(left, &common);
                let b = self.lower_as(right, &common);
                self.ir.value(Op::MemEq(a, b, common.size()))
            }
        };
        if want_equal { equal } else { self.ir.cmp_int(Cmp::Eq, equal, 0) }
    }

    fn equal_prefix(&mut self, left: &Expr, left_ty: &Type, right: &Expr, right_ty: &Type, from: u32, bytes: u32) -> Value {
        let a = self.memory_of(left, left_ty);
        let b = self.memory_of(right, right_ty);
        let (a, b) = (self.offset(a, from), self.offset(b, from));
        self.ir.value(Op::MemEq(a, b, bytes))
    }

    /// The address of an expression's value.
    pub(super) fn memory_of(&mut self, expr: &Expr, ty: &Type) -> Value {
        let value = self.expr(expr);
        let rbtrace_lang::Lowered::Mem(addr) = self.materialise(value, ty) else { unreachable!("a value of type {ty} is memory") };
        addr
    }
}
