//! Calls of kernel helpers, and the look-ups that need no key of the script.

use inkwell::values::BasicMetadataValueEnum;
use rbtrace_ir::{CId, Helper, LossId, MapId, Operand, Ret, Value};

use crate::function::{Addr, Datum, Emitter};

impl<'ctx> Emitter<'_, 'ctx, '_> {
    pub fn call(&mut self, helper: Helper, args: &[Operand]) -> Datum<'ctx> {
        let args: Vec<_> = args.iter().map(|&arg| self.argument(arg)).collect();
        match helper.ret() {
            Ret::Int | Ret::Trusted => Datum::Int(self.code().call(helper.number(), &args)),
            Ret::Int32 => {
                let code = self.code();
                Datum::Int(code.widen(code.narrow(code.call(helper.number(), &args), 4), true))
            }
            Ret::AddrOrNull => Datum::Addr(Addr::outside(self.code().call_for_pointer(helper.number(), &args))),
        }
    }

    pub fn call_c(&mut self, id: CId, args: &[Operand]) -> Datum<'ctx> {
        let (function, declared) = (self.unit.c_code[id.0 as usize], &self.unit.program.c_code.functions[id.0 as usize]);
        self.unit.frames.borrow_mut()[function.frame].callers.push(self.frame.index);
        let args: Vec<_> = args.iter().map(|&arg| self.argument(arg)).collect();
        Datum::Int(self.code().call_c(function.llvm, &args, declared.signed == Some(true)))
    }

    fn argument(&self, operand: Operand) -> BasicMetadataValueEnum<'ctx> {
        match operand {
            Operand::Value(value) => match self.datum(value) {
                Datum::Int(int) => int.into(),
                Datum::Addr(addr) => self.handed(addr).into(),
            },
            Operand::Int(value) => self.code().int(value).into(),
            Operand::Ctx => self.frame.ctx.into(),
            Operand::Map(map) => self.unit.globals.map(map).into(),
        }
    }

    pub fn global(&mut self, map: MapId) -> Datum<'ctx> {
        let map = self.unit.globals.map(map);
        Datum::Addr(Addr::outside(self.lookup_index(map, 0)))
    }

    pub fn is_null(&mut self, addr: Value) -> Datum<'ctx> {
        let bit = self.code().is_null(self.addr(addr).base);
        Datum::Int(self.code().widen(bit, false))
    }

    /// The counter of a loss; 0 if the kernel does not find it, which cannot be.
    pub fn lost(&mut self, id: LossId) -> Datum<'ctx> {
        let losses = self.unit.globals.losses();
        let counter = self.lookup_index(losses, id.0);
        let code = self.code();
        let room = code.alloca(self.frame.llvm, code.i64, "so_far");
        code.store(8, room, 8, code.int(0), false);
        let (read, done) = (code.block(self.frame.llvm, "read"), code.block(self.frame.llvm, "known"));
        code.branch(code.is_null(counter), done, read);
        code.at(read);
        code.store(8, room, 8, code.load(8, false, counter, 8), false);
        code.jump(done);
        code.at(done);
        Datum::Int(code.load(8, false, room, 8))
    }

    pub fn loss(&mut self, id: LossId) -> Option<Datum<'ctx>> {
        let losses = self.unit.globals.losses();
        let counter = self.lookup_index(losses, id.0);
        let code = self.code();
        let (count, done) = (code.block(self.frame.llvm, "lost"), code.block(self.frame.llvm, "counted"));
        code.branch(code.is_null(counter), done, count);
        code.at(count);
        code.atomic_add(counter, code.int(1));
        code.jump(done);
        code.at(done);
        None
    }
}
