//! Events: a record reserved in the ring buffer, filled in place, submitted.

use rbtrace_ir::{EventId, Helper, Manifest, RECORD_HEADER, Region, Value};

use crate::function::{Addr, Datum, Emitter};

impl<'ctx> Emitter<'_, 'ctx, '_> {
    pub fn event(&mut self, event: EventId, bytes: u32, payload: Value, fill: &Region) -> Option<Datum<'ctx>> {
        let llvm = self.frame.llvm;
        let code = self.code();
        let size = code.int(i64::from(RECORD_HEADER + bytes));
        let record =
            code.call_for_pointer(Helper::RingbufReserve.number(), &[self.unit.globals.ring().into(), size.into(), code.int(0).into()]);
        let (full, room, done) = (code.block(llvm, "full"), code.block(llvm, "room"), code.block(llvm, "done"));
        code.branch(code.is_null(record), full, room);
        code.at(full);
        self.loss(Manifest::RING_LOSS);
        self.code().jump(done);
        self.code().at(room);
        let header = u64::from(event.0) | u64::from(bytes) << 32;
        self.code().store(8, record, 8, self.code().int(header as i64), false);
        self.define(payload, Datum::Addr(Addr::outside(record).plus(RECORD_HEADER)));
        self.region(fill);
        let code = self.code();
        code.call(Helper::RingbufSubmit.number(), &[record.into(), code.int(0).into()]);
        code.jump(done);
        code.at(done);
        None
    }
}
