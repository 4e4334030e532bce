//! Calls of kernel helpers, and the look-ups that need no key of the script.

use inkwell::values::BasicMetadataValueEnum;
use rbtrace_ir::{Helper, LossId, MapId, Operand, Ret, Value};

use crate::function::{Addr, Datum, Emitter};

impl<'ctx> Emitter<'_, 'ctx, '_> {
    pub fn call(&mut self, helper: Helper, args: &[Operand]) -> Datum<'ctx> {
        let args: Vec<_> = args.iter().map(|&arg| self.argument(arg)).collect();
        match helper.ret() {
            Ret::Int | Ret::Trusted => Datum::Int(self.code().call(helper.number(), &args)),
            Ret::AddrOrNull => Datum::Addr(Addr::outside(self.code().call_for_pointer(helper.number(), &args))),
        }
    }

    fn argument(&self, operand: Operand) -> BasicMetadataValueEnum<'ctx> {
        match operand {
            Operand::Value(value) => match self.datum(value) {
                Datum::Int(int) => int.into(),
                Datum::Addr(addr) => self.pointer(addr).into(),
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
