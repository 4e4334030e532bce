//! What holds at a place of the code: the process's stretch of code there, the row of the binary that it is of, the row's rule.

use rbtrace_ir::{Bin, Builder, Cmp, Helper, LoopKind, Op, Operand, Region, Value};
use rbtrace_types::unwind;

use super::{Walk, end, leave};

impl Walk {
    /// Finds the stretch of code that a place is in.
    pub(super) fn find_code(&self, ir: &mut Builder, at: Value) {
        let (start, end) = (ir.value(Op::Get(self.start)), ir.value(Op::Get(self.end)));
        // One comparison for both ends.
        let (into, size) = (ir.bin(Bin::Sub, at, start), ir.bin(Bin::Sub, end, start));
        let elsewhere = ir.cmp(Cmp::UGe, into, size);
        ir.open();
        let (first, last) = (ir.value(Op::Get(self.first)), ir.value(Op::Get(self.last)));
        self.search(ir, first, last, unwind::STRETCH_STEPS, at, |ir, number| {
            let key = self.key_of(ir, number);
            let entry = ir.lookup(self.maps.code, key);
            self.fetch(ir, entry);
        });
        self.take_noted(ir, at);
        if let Some(places) = &self.places {
            let end = ir.value(Op::Get(self.end));
            let unknown = ir.cmp_int(Cmp::Eq, end, 0);
            ir.if_else(unknown, |ir| self.ask_kernel(ir, places, at), |_| ());
        }
        let end = ir.value(Op::Get(self.end));
        let unknown = ir.cmp_int(Cmp::Eq, end, 0);
        self.stop_if(ir, unknown, end::NO_TABLE, leave);
        let then = ir.close();
        ir.push(Op::If { cond: elsewhere, then, otherwise: Region::default() });
    }

    /// Takes the last of the noted stretches that begin at or before a place, if it is that place's; else leaves an end of 0.
    fn take_noted(&self, ir: &mut Builder, at: Value) {
        let zero = ir.int(0);
        ir.push(Op::Set(self.end, zero));
        let (behind, first) = (ir.value(Op::Get(self.low)), ir.value(Op::Get(self.first)));
        let some = ir.cmp(Cmp::UGt, behind, first);
        ir.open();
        let number = ir.bin_int(Bin::Sub, behind, 1);
        let key = self.key_of(ir, number);
        let entry = ir.lookup(self.maps.code, key);
        let none = ir.value(Op::IsNull(entry));
        ir.open();
        for (slot, offset) in [(self.start, 0), (self.bias, 16)] {
            let value = ir.load(8, false, entry, offset);
            ir.push(Op::Set(slot, value));
        }
        let (row, rows) = (ir.load(4, false, entry, 24), ir.load(4, false, entry, 28));
        let row_last = ir.bin(Bin::Add, row, rows);
        ir.push(Op::Set(self.row_first, row));
        ir.push(Op::Set(self.row_last, row_last));
        let end = ir.load(8, false, entry, 8);
        let inside = ir.cmp(Cmp::ULt, at, end);
        let end = ir.value(Op::Select(inside, end, zero));
        ir.push(Op::Set(self.end, end));
        let otherwise = ir.close();
        ir.push(Op::If { cond: none, then: Region::default(), otherwise });
        let then = ir.close();
        ir.push(Op::If { cond: some, then, otherwise: Region::default() });
    }

    /// Finds what holds at a place of the stretch that was found: gives the address of its rule.
    pub(super) fn find_rule(&self, ir: &mut Builder, at: Value) -> Value {
        let bias = ir.value(Op::Get(self.bias));
        let at = ir.bin(Bin::Sub, at, bias);
        let (first, last) = (ir.value(Op::Get(self.row_first)), ir.value(Op::Get(self.row_last)));
        // Rows are compared with their rules: of equal places the row is the lesser or equal one.
        let most = ir.bin_int(Bin::Shl, at, 32);
        let most = ir.bin_int(Bin::Or, most, 0xffff_ffff);
        self.search(ir, first, last, unwind::ROW_STEPS, most, |ir, number| self.fetch_row(ir, number));
        let behind = ir.value(Op::Get(self.low));
        let none = ir.cmp(Cmp::ULe, behind, first);
        self.stop_if(ir, none, end::UNKNOWN, leave);
        let number = ir.bin_int(Bin::Sub, behind, 1);
        self.fetch_row(ir, number);
        let row = ir.value(Op::Get(self.number));
        let key = self.key_of(ir, row);
        let rule = ir.lookup(self.maps.rules, key);
        let none = ir.value(Op::IsNull(rule));
        self.stop_if(ir, none, end::UNKNOWN, leave);
        rule
    }

    /// The first of an entry's words, or one that is behind all others.
    fn fetch(&self, ir: &mut Builder, entry: Value) {
        let nothing = ir.int(-1);
        ir.push(Op::Set(self.number, nothing));
        let missing = ir.value(Op::IsNull(entry));
        ir.if_else(
            missing,
            |_| (),
            |ir| {
                let word = ir.load(8, false, entry, 0);
                ir.push(Op::Set(self.number, word));
            },
        );
    }

    fn fetch_row(&self, ir: &mut Builder, number: Value) {
        let nothing = ir.int(-1);
        ir.push(Op::Set(self.number, nothing));
        let shard = ir.bin_int(Bin::LShr, number, unwind::SHARD.trailing_zeros().into());
        let key = self.key_of(ir, shard);
        let rows = ir.lookup(self.maps.rows, key);
        let missing = ir.value(Op::IsNull(rows));
        ir.if_else(
            missing,
            |_| (),
            |ir| {
                let row = ir.bin_int(Bin::And, number, i64::from(unwind::SHARD - 1));
                let key = self.key_of(ir, row);
                let entry = ir.call(Helper::MapLookup, vec![Operand::Value(rows), Operand::Value(key)]);
                self.fetch(ir, entry);
            },
        );
    }

    /// Leaves in `low` the number behind the last entry whose word is not greater than a target. `fetch` puts the word of an entry into `number`.
    fn search(&self, ir: &mut Builder, first: Value, last: Value, steps: u32, target: Value, fetch: impl FnOnce(&mut Builder, Value)) {
        ir.push(Op::Set(self.low, first));
        ir.push(Op::Set(self.high, last));
        ir.open();
        let (low, high) = (ir.value(Op::Get(self.low)), ir.value(Op::Get(self.high)));
        let done = ir.cmp(Cmp::ULe, high, low);
        ir.if_else(done, |ir| ir.push(Op::Break), |_| ());
        let sum = ir.bin(Bin::Add, low, high);
        let middle = ir.bin_int(Bin::LShr, sum, 1);
        fetch(ir, middle);
        let word = ir.value(Op::Get(self.number));
        let above = ir.cmp(Cmp::UGt, word, target);
        let behind = ir.bin_int(Bin::Add, middle, 1);
        ir.if_else(above, |ir| ir.push(Op::Set(self.high, middle)), |ir| ir.push(Op::Set(self.low, behind)));
        let body = ir.close();
        ir.push(Op::Loop { kind: LoopKind::Bounded { count: steps, index: None }, body });
    }
}
