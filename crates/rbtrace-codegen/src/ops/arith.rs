//! Arithmetic on 64-bit integers, with BPF's answers where LLVM has none: shifts beyond the width, division by zero.

use inkwell::IntPredicate;
use inkwell::values::IntValue;
use rbtrace_ir::{Bin, Cmp, SlotId, Value};

use crate::builder::Arith;
use crate::function::{Datum, Emitter};

impl<'ctx> Emitter<'_, 'ctx, '_> {
    pub fn bin(&mut self, op: Bin, a: Value, b: Value) -> Datum<'ctx> {
        let (a, b) = (self.int(a), self.int(b));
        let code = self.code();
        Datum::Int(match op {
            Bin::Add => code.arith(Arith::Add, a, b),
            Bin::Sub => code.arith(Arith::Sub, a, b),
            Bin::Mul => code.arith(Arith::Mul, a, b),
            Bin::And => code.arith(Arith::And, a, b),
            Bin::Or => code.arith(Arith::Or, a, b),
            Bin::Xor => code.arith(Arith::Xor, a, b),
            Bin::Shl => self.shift(Arith::Shl, a, b),
            Bin::LShr => self.shift(Arith::LShr, a, b),
            Bin::AShr => self.shift(Arith::AShr, a, b),
            Bin::UDiv => self.divide("/", a, b),
            Bin::URem => self.divide("%", a, b),
            Bin::SDiv => self.signed_div(a, b),
            Bin::SRem => self.signed_rem(a, b),
        })
    }

    fn shift(&self, op: Arith, a: IntValue<'ctx>, by: IntValue<'ctx>) -> IntValue<'ctx> {
        let code = self.code();
        code.arith(op, a, code.arith(Arith::And, by, code.int(63)))
    }

    /// Division by zero is undefined to LLVM, which may then assume that the divisor is not zero. In assembly it is BPF's own.
    fn divide(&self, sign: &str, a: IntValue<'ctx>, b: IntValue<'ctx>) -> IntValue<'ctx> {
        self.code().asm(&format!("$0 {sign}= $2"), &[a, b])
    }

    /// By magnitudes on every instruction set level: v4's own signed division traps on some kernels for the smallest number by -1.
    fn signed_div(&self, a: IntValue<'ctx>, b: IntValue<'ctx>) -> IntValue<'ctx> {
        let code = self.code();
        let magnitude = self.divide("/", self.magnitude(a), self.magnitude(b));
        self.negate_if(code.arith(Arith::Xor, a, b), magnitude)
    }

    fn signed_rem(&self, a: IntValue<'ctx>, b: IntValue<'ctx>) -> IntValue<'ctx> {
        let magnitude = self.divide("%", self.magnitude(a), self.magnitude(b));
        self.negate_if(a, magnitude)
    }

    fn magnitude(&self, value: IntValue<'ctx>) -> IntValue<'ctx> {
        self.negate_if(value, value)
    }

    /// `-value` if `sign` is negative.
    fn negate_if(&self, sign: IntValue<'ctx>, value: IntValue<'ctx>) -> IntValue<'ctx> {
        let code = self.code();
        let mask = code.arith(Arith::AShr, sign, code.int(63));
        code.arith(Arith::Sub, code.arith(Arith::Xor, value, mask), mask)
    }

    pub fn cmp(&mut self, op: Cmp, a: Value, b: Value) -> Datum<'ctx> {
        let predicate = match op {
            Cmp::Eq => IntPredicate::EQ,
            Cmp::Ne => IntPredicate::NE,
            Cmp::ULt => IntPredicate::ULT,
            Cmp::ULe => IntPredicate::ULE,
            Cmp::UGt => IntPredicate::UGT,
            Cmp::UGe => IntPredicate::UGE,
            Cmp::SLt => IntPredicate::SLT,
            Cmp::SLe => IntPredicate::SLE,
            Cmp::SGt => IntPredicate::SGT,
            Cmp::SGe => IntPredicate::SGE,
        };
        let bit = self.code().compare(predicate, self.int(a), self.int(b));
        Datum::Int(self.code().widen(bit, false))
    }

    pub fn extend(&mut self, value: Value, bytes: u8, signed: bool) -> Datum<'ctx> {
        let low = self.code().narrow(self.int(value), bytes);
        Datum::Int(self.code().widen(low, signed))
    }

    pub fn select(&mut self, condition: Value, a: Value, b: Value) -> Datum<'ctx> {
        let bit = self.code().is_not_zero(self.int(condition));
        Datum::Int(self.code().select(bit, self.int(a), self.int(b)))
    }

    pub fn clamp(&mut self, value: Value, largest: u32) -> Datum<'ctx> {
        Datum::Int(self.clamped(self.int(value), largest))
    }

    /// The smaller of both. Compare and assignment are one piece of assembly: the verifier learns the bound of the very register that is
    /// used afterwards. As LLVM IR the check may end up on a copy of it.
    pub fn clamped(&self, value: IntValue<'ctx>, largest: u32) -> IntValue<'ctx> {
        let code = self.code();
        let largest = i64::from(largest);
        if let Some(known) = value.get_zero_extended_constant() {
            return code.int(known.min(largest as u64) as i64);
        }
        if largest <= i64::from(i32::MAX) {
            code.asm(&format!("if $0 <= {largest} goto +1\n\t$0 = {largest}"), &[value])
        } else {
            code.asm("if $0 <= $2 goto +1\n\t$0 = $2", &[value, code.int(largest)])
        }
    }

    pub fn get(&mut self, slot: SlotId) -> Datum<'ctx> {
        let addr = self.slot(slot);
        Datum::Int(self.code().load(8, false, self.pointer(addr), 8))
    }

    pub fn set(&mut self, slot: SlotId, value: Value) -> Option<Datum<'ctx>> {
        self.set_int(slot, self.int(value));
        None
    }

    /// Stores into a scalar slot.
    pub fn set_int(&self, slot: SlotId, value: IntValue<'ctx>) {
        let addr = self.slot(slot);
        self.code().store(8, self.pointer(addr), 8, value, false);
    }
}
