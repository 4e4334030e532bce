//! Scratch variables: integers in scalar slots, everything else, and what has its address taken, in memory.

use rbtrace_ir::{Op, Value};
use rbtrace_lang::compile::Lowered;
use rbtrace_types::Type;

use super::Lower;

impl Lower<'_> {
    pub(super) fn make_vars(&mut self) {
        self.vars.clear();
        for (index, decl) in self.body.names.vars.iter().enumerate() {
            let name = format!("${}", decl.name);
            let slot = match self.is_register(index) {
                true => self.ir.scalar(&name),
                false => self.ir.memory(&name, self.room(index)),
            };
            self.vars.push(slot);
            // What a pointer to a wider integer reads behind a narrow variable is zero, not what was there before.
            if self.inside.as_ref().is_some_and(|inside| index < inside.params) {
                // The caller has put something there.
            } else if decl.addressed && self.var_ty(index).is_scalar() {
                let addr = self.ir.slot_addr(slot);
                self.ir.push(Op::Zero { addr, bytes: self.room(index) });
            } else if decl.hoisted {
                self.clear_var(index);
            }
        }
    }

    /// Bytes of the memory of a variable.
    fn room(&self, index: usize) -> u32 {
        let ty = self.var_ty(index);
        if ty.is_scalar() { 8 } else { ty.size() }
    }

    /// The final type of a variable.
    pub(super) fn var_ty(&self, index: usize) -> Type {
        self.body.vars[index].ty.clone()
    }

    /// Variables of unknown type are never read, but need a slot.
    pub(super) fn is_register(&self, index: usize) -> bool {
        let ty = &self.body.vars[index].ty;
        *ty == Type::Void || (ty.is_scalar() && !self.body.names.vars[index].addressed)
    }

    /// A variable that was declared but not assigned reads as zero.
    pub(super) fn clear_var(&mut self, index: usize) {
        let slot = self.vars[index];
        if self.is_register(index) {
            let zero = self.ir.int(0);
            self.ir.push(Op::Set(slot, zero));
        } else {
            let addr = self.ir.slot_addr(slot);
            self.ir.push(Op::Zero { addr, bytes: self.var_ty(index).size() });
        }
    }

    /// The value of a variable.
    pub(super) fn read_var(&mut self, index: usize) -> Lowered {
        let slot = self.vars[index];
        if self.is_register(index) {
            return Lowered::Int(self.ir.value(Op::Get(slot)));
        }
        let addr = self.ir.slot_addr(slot);
        self.read(Lowered::Mem(addr), 0, &self.var_ty(index))
    }

    /// Sets a variable whose type is scalar.
    pub(super) fn write_var(&mut self, index: usize, value: Value) {
        let slot = self.vars[index];
        if self.is_register(index) {
            return self.ir.push(Op::Set(slot, value));
        }
        let addr = self.ir.slot_addr(slot);
        self.ir.store(self.var_ty(index).size() as u8, addr, 0, value);
    }
}
