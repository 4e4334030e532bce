//! Casts.

use rbtrace_ir::Op;
use rbtrace_lang::compile::{LowerCx, Lowered};
use rbtrace_syntax::ast::Expr;
use rbtrace_types::Type;

use super::Lower;

impl Lower<'_> {
    pub(super) fn cast(&mut self, expr: &Expr, operand: &Expr) -> Lowered {
        let (from, to) = (self.value_ty(operand), self.ty(expr));
        match (&from, &to) {
            (Type::String(_), Type::Bool) => {
                let text = self.lower_as(operand, &from);
                let first = self.ir.load(1, false, text, 0);
                Lowered::Int(self.ir.cmp_int(rbtrace_ir::Cmp::Ne, first, 0))
            }
            (from, Type::Array(..)) if from.is_scalar() => self.int_as_array(operand, from, &to),
            (from, Type::Named(_)) if from.is_scalar() => {
                let (value, addr) = (self.int(operand), self.temp(to.size()));
                self.ir.store(8, addr, 0, value);
                Lowered::Mem(addr)
            }
            (Type::String(_) | Type::Array(..), Type::Pointer(..)) => Lowered::Int(self.start_of(operand, &from)),
            (Type::Array(..), to) if to.is_scalar() => self.array_as_int(operand, &from, to),
            (_, to) if !to.is_scalar() => Lowered::Mem(self.lower_as(operand, to)),
            // As upstream has it: `(uint8 *)-1` is 0xff, the bytes of the number and no more.
            (Type::Int(int), Type::Pointer(..)) if int.signed && int.bytes < 8 => {
                let value = self.int(operand);
                Lowered::Int(self.ir.value(Op::Extend { value, bytes: int.bytes, signed: false }))
            }
            _ => {
                let value = self.int(operand);
                let value = if matches!(to, Type::Int(_)) { self.calculable(value, &from) } else { value };
                Lowered::Int(self.convert(value, &from, &to))
            }
        }
    }

    /// The bytes of an integer, in the order of the machine; bools are 0 or 1 each.
    fn int_as_array(&mut self, operand: &Expr, from: &Type, to: &Type) -> Lowered {
        let bytes = to.size();
        let value = self.int(operand);
        let value = self.calculable(value, from);
        let value = self.convert(value, from, &Type::int(bytes.next_power_of_two() as u8, from.is_signed()));
        let addr = self.temp(8);
        self.ir.store(8, addr, 0, value);
        if let Type::Array(of, len) = to
            && **of == Type::Bool
        {
            for at in 0..*len {
                let byte = self.ir.load(1, false, addr, at);
                let truth = self.ir.cmp_int(rbtrace_ir::Cmp::Ne, byte, 0);
                self.ir.store(1, addr, at, truth);
            }
        }
        Lowered::Mem(addr)
    }

    fn array_as_int(&mut self, operand: &Expr, from: &Type, to: &Type) -> Lowered {
        let addr = self.memory_of(operand, from);
        // Elements may be narrower than the integer, and memory aligned to them only.
        let aligned = self.temp(to.size());
        self.ir.push(Op::Copy { to: aligned, from: addr, bytes: to.size() });
        let number = self.ir.load(to.size() as u8, to.is_signed(), aligned, 0);
        Lowered::Int(if *to == Type::Bool { self.ir.cmp_int(rbtrace_ir::Cmp::Ne, number, 0) } else { number })
    }
}
