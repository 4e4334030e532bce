//! Branches and the ways out of a region.

use rbtrace_ir::{Region, Value};

use crate::function::{Datum, Emitter, Kind, Round};

impl<'ctx> Emitter<'_, 'ctx, '_> {
    pub fn if_else(&mut self, condition: Value, then: &Region, otherwise: &Region) -> Option<Datum<'ctx>> {
        let llvm = self.frame.llvm;
        let code = self.code();
        let (yes, no, join) = (code.block(llvm, "then"), code.block(llvm, "else"), code.block(llvm, "after"));
        code.branch(code.is_not_zero(self.int(condition)), yes, no);
        self.branch_region(yes, then, join);
        self.branch_region(no, otherwise, join);
        self.code().at(join);
        None
    }

    pub fn switch(&mut self, value: Value, cases: &[(Vec<u64>, Region)], default: &Region) -> Option<Datum<'ctx>> {
        let llvm = self.frame.llvm;
        let code = self.code();
        let (other, join) = (code.block(llvm, "default"), code.block(llvm, "after"));
        let blocks: Vec<_> = cases.iter().map(|_| code.block(llvm, "case")).collect();
        let keys = cases.iter().zip(&blocks).flat_map(|((keys, _), &block)| keys.iter().map(move |&key| (key, block)));
        let keys: Vec<_> = keys.map(|(key, block)| (code.int(key as i64), block)).collect();
        code.switch(self.int(value), other, &keys);
        for ((_, region), block) in cases.iter().zip(blocks) {
            self.branch_region(block, region, join);
        }
        self.branch_region(other, default, join);
        self.code().at(join);
        None
    }

    /// A region in a block of its own that goes on at `join`, unless it ends in a jump.
    fn branch_region(
        &mut self,
        block: inkwell::basic_block::BasicBlock<'ctx>,
        region: &Region,
        join: inkwell::basic_block::BasicBlock<'ctx>,
    ) {
        self.code().at(block);
        self.region(region);
        if !self.is_terminated() {
            self.code().jump(join);
        }
    }

    /// `Break` or `Continue`.
    pub fn leave_round(&mut self, for_good: bool) -> Option<Datum<'ctx>> {
        let code = self.code();
        match self.loops.last().expect("ir::verify: only within a loop") {
            Round::Inline { next, exit } => code.jump(if for_good { *exit } else { *next }),
            Round::Callback => code.ret(code.int(i64::from(for_good))),
        }
        None
    }

    /// From within a callback the value travels by the shared frame; see [`crate::loops`].
    pub fn return_value(&mut self, value: i64) -> Option<Datum<'ctx>> {
        let given = match self.frame.kind {
            Kind::Program => value,
            // What a subprogram has to say is in a slot.
            Kind::Sub => 0,
            Kind::Callback => {
                self.note_return(value);
                1
            }
        };
        let code = self.code();
        code.ret(code.int(given));
        None
    }
}
