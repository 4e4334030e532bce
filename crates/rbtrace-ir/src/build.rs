//! Builds a function: a cursor over nested regions.

use rbtrace_diag::Span;

use crate::helper::Helper;
use crate::manifest::MapId;
use crate::op::{Bin, Cmp, ConstantId, Function, Inst, Op, Operand, ProgramType, Region, SlotDecl, SlotId, SubId, Subprogram, Value};

/// Appends instructions to the innermost open region of a function.
#[derive(Debug)]
pub struct Builder {
    slots: Vec<SlotDecl>,
    /// Slots in use, oldest first.
    used: Vec<SlotId>,
    /// Slots whose values died; they are handed out again.
    free: Vec<SlotId>,
    values: u32,
    /// Invariant: never empty; the last is the innermost.
    open: Vec<Region>,
    subprograms: Vec<Subprogram>,
    /// Given to the instructions that follow.
    pub span: Option<Span>,
    /// Helpers whose failures are to be noted in [`Builder::fallible`].
    pub watched: Vec<Helper>,
    /// Calls of watched helpers: the result, and where the call was lowered from.
    pub fallible: Vec<(Value, Option<Span>)>,
}

/// The slots of the function around a subprogram, while that is made.
#[derive(Debug)]
pub struct Outer {
    used: Vec<SlotId>,
    free: Vec<SlotId>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            used: Vec::new(),
            free: Vec::new(),
            values: 0,
            open: vec![Region::default()],
            subprograms: Vec::new(),
            span: None,
            watched: Vec::new(),
            fallible: Vec::new(),
        }
    }
}

impl Builder {
    /// The finished function.
    pub fn finish(mut self, name: String, program_type: ProgramType) -> Function {
        let body = self.open.pop().expect("the outermost region is always open");
        Function { name, program_type, slots: self.slots, body, subprograms: self.subprograms, values: self.values }
    }

    /// New memory of `size` bytes.
    pub fn memory(&mut self, name: &str, size: u32) -> SlotId {
        self.slot(name, size.max(1), false)
    }

    /// New memory that no [`Builder::release`] takes back: pointers into it may be kept while the function runs.
    pub fn lasting(&mut self, name: &str, size: u32) -> SlotId {
        self.slots.push(SlotDecl { name: name.to_string(), size: size.max(1).next_multiple_of(8), scalar: false });
        SlotId(self.slots.len() as u32 - 1)
    }

    /// A new 64-bit variable.
    pub fn scalar(&mut self, name: &str) -> SlotId {
        self.slot(name, 8, true)
    }

    fn slot(&mut self, name: &str, size: u32, scalar: bool) -> SlotId {
        // Sizes that differ by padding only share a slot.
        let size = if scalar { size } else { size.next_multiple_of(8) };
        let fits = |slot: &SlotId| self.slots[slot.0 as usize].size == size && self.slots[slot.0 as usize].scalar == scalar;
        let slot = match self.free.iter().position(fits) {
            Some(at) => self.free.swap_remove(at),
            None => {
                self.slots.push(SlotDecl { name: name.to_string(), size, scalar });
                SlotId(self.slots.len() as u32 - 1)
            }
        };
        self.used.push(slot);
        slot
    }

    /// A point to return to with [`Builder::release`].
    pub fn mark(&self) -> usize {
        self.used.len()
    }

    /// Ends the life of every slot taken since `mark`: later ones may use the same memory.
    pub fn release(&mut self, mark: usize) {
        self.free.extend(self.used.drain(mark..));
    }

    /// Begins a subprogram; what follows goes there until [`Builder::end_subprogram`] gets what this gives. Its slots are nobody else's: it
    /// may be invoked from anywhere.
    pub fn begin_subprogram(&mut self) -> Outer {
        self.open();
        Outer { used: std::mem::take(&mut self.used), free: std::mem::take(&mut self.free) }
    }

    /// Ends a subprogram.
    pub fn end_subprogram(&mut self, name: &str, outer: Outer) -> SubId {
        let body = self.close();
        (self.used, self.free) = (outer.used, outer.free);
        self.add_subprogram(Subprogram { name: name.to_string(), body })
    }

    /// Takes all subprograms out, to be put back in the same order when they were changed.
    pub fn take_subprograms(&mut self) -> Vec<Subprogram> {
        std::mem::take(&mut self.subprograms)
    }

    /// See [`Builder::take_subprograms`].
    pub fn add_subprogram(&mut self, subprogram: Subprogram) -> SubId {
        self.subprograms.push(subprogram);
        SubId(self.subprograms.len() as u32 - 1)
    }

    /// Opens a nested region; what follows goes there until [`Builder::close`].
    pub fn open(&mut self) {
        self.open.push(Region::default());
    }

    /// Closes the innermost region and hands it out.
    pub fn close(&mut self) -> Region {
        assert!(self.open.len() > 1, "close() matches an open()");
        self.open.pop().expect("checked above")
    }

    /// Appends the instructions of a closed region.
    pub fn splice(&mut self, region: Region) {
        self.open.last_mut().expect("the outermost region is always open").insts.extend(region.insts);
    }

    /// Whether the innermost region already ended in a jump.
    pub fn is_terminated(&self) -> bool {
        let last = self.open.last().and_then(|region| region.insts.last());
        matches!(last.map(|inst| &inst.op), Some(Op::Break | Op::Continue | Op::Return(_)))
    }

    /// Appends an operation without a result. After a jump it is dropped: it can never run.
    pub fn push(&mut self, op: Op) {
        self.append(None, op);
    }

    /// Appends an operation and names its result.
    pub fn value(&mut self, op: Op) -> Value {
        let value = self.fresh();
        self.append(Some(value), op);
        value
    }

    /// A value number for `Op::Emit`'s payload.
    pub fn fresh(&mut self) -> Value {
        self.values += 1;
        Value(self.values - 1)
    }

    fn append(&mut self, mut result: Option<Value>, op: Op) {
        if self.is_terminated() {
            return;
        }
        if let Op::Call(helper, _) = &op
            && self.watched.contains(helper)
        {
            let value = result.unwrap_or_else(|| self.fresh());
            result = Some(value);
            self.fallible.push((value, self.span));
        }
        let inst = Inst { result, op, span: self.span };
        self.open.last_mut().expect("the outermost region is always open").insts.push(inst);
    }

    /// A constant.
    pub fn int(&mut self, value: i64) -> Value {
        self.value(Op::Const(value))
    }

    /// `a op b`
    pub fn bin(&mut self, op: Bin, a: Value, b: Value) -> Value {
        self.value(Op::Bin(op, a, b))
    }

    /// `a op constant`
    pub fn bin_int(&mut self, op: Bin, a: Value, b: i64) -> Value {
        let b = self.int(b);
        self.bin(op, a, b)
    }

    /// Compares.
    pub fn cmp(&mut self, op: Cmp, a: Value, b: Value) -> Value {
        self.value(Op::Cmp(op, a, b))
    }

    /// Compares with a constant.
    pub fn cmp_int(&mut self, op: Cmp, a: Value, b: i64) -> Value {
        let b = self.int(b);
        self.cmp(op, a, b)
    }

    /// Loads an integer.
    pub fn load(&mut self, bytes: u8, signed: bool, addr: Value, offset: u32) -> Value {
        self.value(Op::Load { bytes, signed, addr, offset })
    }

    /// Stores an integer.
    pub fn store(&mut self, bytes: u8, addr: Value, offset: u32, value: Value) {
        self.push(Op::Store { bytes, addr, offset, value });
    }

    /// Calls a helper that returns something.
    pub fn call(&mut self, helper: Helper, args: Vec<Operand>) -> Value {
        self.value(Op::Call(helper, args))
    }

    /// The address of a slot.
    pub fn slot_addr(&mut self, slot: SlotId) -> Value {
        self.value(Op::Slot(slot))
    }

    /// The address of constant bytes.
    pub fn const_addr(&mut self, id: ConstantId) -> Value {
        self.value(Op::ConstAddr(id))
    }

    /// `if cond { then } else { otherwise }`, both given as functions that append.
    pub fn if_else(&mut self, cond: Value, then: impl FnOnce(&mut Self), otherwise: impl FnOnce(&mut Self)) {
        self.open();
        then(self);
        let then = self.close();
        self.open();
        otherwise(self);
        let otherwise = self.close();
        self.push(Op::If { cond, then, otherwise });
    }

    /// Looks a key up; the address may be null.
    pub fn lookup(&mut self, map: MapId, key: Value) -> Value {
        self.call(Helper::MapLookup, vec![Operand::Map(map), Operand::Value(key)])
    }

    /// Updates an entry (flags: 0 any, 1 only if absent, 2 only if present); gives 0 or a negative errno.
    pub fn update(&mut self, map: MapId, key: Value, value: Value, flags: i64) -> Value {
        let args = vec![Operand::Map(map), Operand::Value(key), Operand::Value(value), Operand::Int(flags)];
        self.call(Helper::MapUpdate, args)
    }
}
