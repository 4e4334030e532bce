//! One BPF program: its frame, its values, and the walk over its regions. Each operation has a method in [`crate::ops`] or
//! [`crate::loops`]; [`Emitter::op`] is the router.

use std::collections::HashMap;

use inkwell::basic_block::BasicBlock;
use inkwell::values::{FunctionValue, IntValue, PointerValue};
use rbtrace_ir::{Function, Helper, Inst, Op, Region, SlotId, Span, Value};

use crate::builder::Code;
use crate::debug::Lines;
use crate::module::Unit;
use crate::slots::{Place, Places};

/// What a value of the IR is in LLVM.
#[derive(Clone, Copy)]
pub enum Datum<'ctx> {
    Int(IntValue<'ctx>),
    Addr(Addr<'ctx>),
}

/// An address. Constant offsets are added up here and become part of the access, so that no pointer arithmetic reaches the verifier.
#[derive(Clone, Copy)]
pub struct Addr<'ctx> {
    pub base: PointerValue<'ctx>,
    pub offset: u32,
    /// Points to the stack, where the verifier insists on natural alignment; elsewhere BPF's machines load from anywhere.
    pub stack: bool,
}

impl<'ctx> Addr<'ctx> {
    /// Memory outside the stack.
    pub fn outside(base: PointerValue<'ctx>) -> Self {
        Self { base, offset: 0, stack: false }
    }

    pub fn plus(self, offset: u32) -> Self {
        Self { offset: self.offset + offset, ..self }
    }

    /// The alignment to claim for an access of `bytes` bytes. Slots on the stack are aligned to 8.
    pub fn align(self, bytes: u32) -> u32 {
        if self.stack { bytes.min(1 << self.offset.trailing_zeros().min(3)) } else { bytes }
    }
}

/// An LLVM function being filled: the program itself, a subprogram or the body of a callback loop in it.
pub struct Frame<'ctx> {
    pub llvm: FunctionValue<'ctx>,
    /// Its index among the module's frames.
    pub index: usize,
    pub lines: Lines<'ctx>,
    pub ctx: PointerValue<'ctx>,
    /// What a callback shares with its caller; see [`crate::loops`].
    pub shared: Option<PointerValue<'ctx>>,
    /// Addresses of the scratch entries, parallel to [`Places::chunks`], if they are held.
    pub scratch: Vec<PointerValue<'ctx>>,
    /// Where keys of array look-ups are put.
    pub key: Option<PointerValue<'ctx>>,
    pub kind: Kind,
}

/// What an LLVM function is of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All of it that is nothing else.
    Program,
    /// A subprogram.
    Sub,
    /// The body of a loop that the kernel calls back.
    Callback,
}

/// A subprogram that was made.
#[derive(Clone, Copy)]
pub struct Sub<'ctx> {
    pub llvm: FunctionValue<'ctx>,
    /// Its index among the module's frames.
    pub frame: usize,
}

/// A loop around the current instruction.
#[derive(Clone, Copy)]
pub enum Round<'ctx> {
    /// Within the same LLVM function.
    Inline { next: BasicBlock<'ctx>, exit: BasicBlock<'ctx> },
    /// The LLVM function is its body.
    Callback,
}

/// Emits one program.
pub struct Emitter<'u, 'ctx, 'a> {
    pub unit: &'u Unit<'ctx, 'a>,
    pub function: &'u Function,
    pub places: &'u Places,
    pub frame: Frame<'ctx>,
    pub loops: Vec<Round<'ctx>>,
    /// Callbacks made so far; names the next.
    pub callbacks: u32,
    pub span: Option<Span>,
    /// Made when they are first invoked.
    pub subprograms: Vec<Option<Sub<'ctx>>>,
    values: HashMap<Value, Datum<'ctx>>,
    /// Slots that live in the program's own LLVM function.
    local: Vec<Option<PointerValue<'ctx>>>,
}

/// Fills `llvm` with a function.
pub fn emit<'ctx>(unit: &Unit<'ctx, '_>, function: &Function, places: &Places, llvm: FunctionValue<'ctx>, span: Option<Span>) {
    let code = &unit.code;
    code.at(code.block(llvm, "entry"));
    let lines = unit.debug.function(llvm, &function.name, false, span);
    unit.debug.at(&code.builder, &lines, span);
    let ctx = llvm.get_nth_param(0).expect("declared with one parameter").into_pointer_value();
    let index = unit.frames.borrow().len() - 1;
    let frame = Frame { llvm, index, lines, ctx, shared: None, scratch: Vec::new(), key: None, kind: Kind::Program };
    let local = allocate(code, function, places, llvm);
    let subprograms = vec![None; function.subprograms.len()];
    let values = HashMap::new();
    let mut emitter = Emitter { unit, function, places, frame, loops: Vec::new(), callbacks: 0, span, subprograms, values, local };
    emitter.share();
    emitter.find_scratch();
    emitter.region(&function.body);
    if !emitter.is_terminated() {
        code.ret(code.int(0));
    }
}

fn allocate<'ctx>(code: &Code<'ctx>, function: &Function, places: &Places, llvm: FunctionValue<'ctx>) -> Vec<Option<PointerValue<'ctx>>> {
    let mut local = Vec::new();
    for (slot, place) in function.slots.iter().zip(&places.slots) {
        local.push(match place {
            Place::Register => {
                let pointer = code.alloca(llvm, code.i64, &slot.name);
                // Undefined to the IR, but to LLVM undefined means "assume anything", even that the branch is never taken.
                code.store(8, pointer, 8, code.int(0), false);
                Some(pointer)
            }
            Place::Stack => Some(code.alloca(llvm, code.bytes_type(slot.size.next_multiple_of(8)), &slot.name)),
            Place::Scratch { .. } => None,
        });
    }
    local
}

impl<'ctx, 'a> Emitter<'_, 'ctx, 'a> {
    pub fn code(&self) -> &Code<'ctx> {
        &self.unit.code
    }

    pub fn region(&mut self, region: &Region) {
        for inst in &region.insts {
            if inst.span.is_some() {
                self.span = inst.span;
                self.unit.debug.at(&self.unit.code.builder, &self.frame.lines, inst.span);
            }
            self.inst(inst);
        }
    }

    pub fn is_terminated(&self) -> bool {
        self.code().here().get_terminator().is_some()
    }

    fn inst(&mut self, inst: &Inst) {
        let datum = self.op(&inst.op);
        if let (Some(result), Some(datum)) = (inst.result, datum) {
            self.define(result, datum);
        }
    }

    /// One line per operation.
    fn op(&mut self, op: &Op) -> Option<Datum<'ctx>> {
        match op {
            Op::Const(value) => Some(Datum::Int(self.code().int(*value))),
            Op::Bin(op, a, b) => Some(self.bin(*op, *a, *b)),
            Op::Cmp(op, a, b) => Some(self.cmp(*op, *a, *b)),
            Op::Extend { value, bytes, signed } => Some(self.extend(*value, *bytes, *signed)),
            Op::Select(condition, a, b) => Some(self.select(*condition, *a, *b)),
            Op::Clamp(value, largest) => Some(self.clamp(*value, *largest)),
            Op::Get(slot) => Some(self.get(*slot)),
            Op::Set(slot, value) => self.set(*slot, *value),
            Op::Slot(slot) => Some(Datum::Addr(self.slot(*slot))),
            Op::ConstAddr(id) => Some(Datum::Addr(Addr::outside(self.unit.globals.constant(*id)))),
            Op::Offset(base, bytes) => Some(Datum::Addr(self.addr(*base).plus(*bytes))),
            Op::Index { base, index, bound } => Some(self.index(*base, *index, *bound)),
            Op::Load { bytes, signed, addr, offset } => Some(self.load(*bytes, *signed, *addr, *offset)),
            Op::Store { bytes, addr, offset, value } => self.store(*bytes, *addr, *offset, *value),
            Op::Copy { to, from, bytes } => self.copy(self.addr(*to), self.addr(*from), *bytes),
            Op::Zero { addr, bytes } => self.zero(self.addr(*addr), *bytes),
            Op::AtomicAdd { addr, offset, value } => self.atomic_add(*addr, *offset, *value),
            Op::MemEq(a, b, bytes) => Some(self.mem_eq(*a, *b, *bytes)),
            Op::LoadCtx { bytes, signed, offset } => Some(self.load_ctx(*bytes, *signed, *offset)),
            Op::CtxAddr => Some(self.ctx_addr()),
            Op::AddrInt(addr) => Some(self.addr_int(*addr)),
            Op::LoadTrusted { bytes, signed, pointer, offset } => Some(self.load_trusted(*bytes, *signed, *pointer, *offset)),
            Op::Call(helper, args) => Some(self.call(*helper, args)),
            Op::Global(map) => Some(self.global(*map)),
            Op::IsNull(addr) => Some(self.is_null(*addr)),
            Op::Emit { event, bytes, payload, fill } => self.event(*event, *bytes, *payload, fill),
            Op::Loss(id) => self.loss(*id),
            Op::Lost(id) => Some(self.lost(*id)),
            Op::If { cond, then, otherwise } => self.if_else(*cond, then, otherwise),
            Op::Switch { value, cases, default } => self.switch(*value, cases, default),
            Op::Loop { kind, body } => self.loop_over(kind, body),
            Op::Invoke(id) => self.invoke(*id),
            Op::CallC(id, args) => Some(self.call_c(*id, args)),
            Op::Break => self.leave_round(true),
            Op::Continue => self.leave_round(false),
            Op::Return(value) => self.return_value(*value),
        }
    }

    /// Gives a value its meaning.
    pub fn define(&mut self, value: Value, datum: Datum<'ctx>) {
        if let (Some(home), Datum::Int(int)) = (self.places.homes.get(&value), datum) {
            // Volatile, so that LLVM does not turn the memory back into the register it did not have.
            let addr = self.scratch(*home);
            self.code().store(8, self.pointer(addr), 8, int, true);
        }
        self.values.insert(value, datum);
    }

    /// The integer of a value.
    pub fn int(&self, value: Value) -> IntValue<'ctx> {
        if let Some(home) = self.places.homes.get(&value) {
            return self.code().load_raw(8, self.pointer(self.scratch(*home)), 8, true);
        }
        match self.values[&value] {
            Datum::Int(int) => int,
            Datum::Addr(_) => unreachable!("ir::verify: an operand of this kind is an integer"),
        }
    }

    /// The address of a value.
    pub fn addr(&self, value: Value) -> Addr<'ctx> {
        match self.values[&value] {
            Datum::Addr(addr) => addr,
            Datum::Int(_) => unreachable!("ir::verify: an operand of this kind is an address"),
        }
    }

    /// A value of either kind.
    pub fn datum(&self, value: Value) -> Datum<'ctx> {
        match self.values[&value] {
            Datum::Int(_) => Datum::Int(self.int(value)),
            Datum::Addr(addr) => Datum::Addr(addr),
        }
    }

    /// The pointer of an address.
    pub fn pointer(&self, addr: Addr<'ctx>) -> PointerValue<'ctx> {
        self.code().offset(addr.base, addr.offset)
    }

    /// The pointer of an address for a helper. Its sum is made anew each time: LLVM would remember it for the next helper that gets the same
    /// memory, and the sums that deeply nested map keys leave behind fill the stack.
    pub fn handed(&self, addr: Addr<'ctx>) -> PointerValue<'ctx> {
        if addr.stack || addr.offset == 0 { self.pointer(addr) } else { self.code().sum(addr.base, addr.offset) }
    }

    /// The memory of a slot.
    pub fn slot(&self, slot: SlotId) -> Addr<'ctx> {
        match self.places.slots[slot.0 as usize] {
            Place::Register | Place::Stack => {
                let base = self.local[slot.0 as usize].expect("allocated at entry");
                Addr { base, offset: 0, stack: true }
            }
            place @ Place::Scratch { .. } => self.scratch(place),
        }
    }

    fn scratch(&self, place: Place) -> Addr<'ctx> {
        let Place::Scratch { chunk, offset } = place else { unreachable!("only asked for scratch places") };
        let at = self.places.chunks.iter().position(|&known| known == chunk).expect("chunks lists every place");
        Addr::outside(self.scratch_entry(at)).plus(offset)
    }

    /// Looks the scratch entries up, once per run of the program. They always exist; the verifier wants to see the test.
    fn find_scratch(&mut self) {
        for (at, &chunk) in self.places.chunks.iter().enumerate() {
            let map = self.unit.globals.scratch();
            let entry = self.lookup_index(map, chunk);
            let code = self.code();
            let (missing, found) = (code.block(self.frame.llvm, "missing"), code.block(self.frame.llvm, "found"));
            code.branch(code.is_null(entry), missing, found);
            code.at(missing);
            code.ret(code.int(0));
            code.at(found);
            self.keep_entry(at, entry);
        }
    }

    /// Looks up an entry of an array map by a constant index.
    pub fn lookup_index(&mut self, map: PointerValue<'ctx>, index: u32) -> PointerValue<'ctx> {
        let llvm = self.frame.llvm;
        let key = *self.frame.key.get_or_insert_with(|| self.unit.code.alloca(llvm, self.unit.code.i32, "key"));
        let code = self.code();
        code.store(4, key, 4, code.int(i64::from(index)), false);
        code.call_for_pointer(Helper::MapLookup.number(), &[map.into(), key.into()])
    }
}
