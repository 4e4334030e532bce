//! Loops: inline ones that the verifier walks, and those that the kernel runs by calling a function of ours back. Subprograms, too: all that
//! differs is who calls.
//!
//! The body of a callback loop is an LLVM function of its own. What it shares with the program lies in a small frame on the program's
//! stack, whose address the kernel hands to the callback; nested loops hand on the same one. The verifier keeps track of pointers spilled
//! there, so the context and the scratch memory are as good in a callback as outside.

use inkwell::IntPredicate;
use inkwell::values::{BasicMetadataValueEnum, FunctionValue, PointerValue};
use rbtrace_ir::{Helper, LoopKind, MapId, Op, Region, SlotId, SubId, Value};

use crate::builder::Arith;
use crate::function::{Addr, Datum, Emitter, Frame, Kind, Round, Sub};
use crate::maps::key_size;

/// The kernel refuses more rounds of `bpf_loop`.
const MOST_ROUNDS: u32 = 8 << 20;

/// Layout of the shared frame: the context, whether and what the program returned from within a loop, then the scratch entries.
const CTX: u32 = 0;
const RETURNED: u32 = 8;
const RETURN_VALUE: u32 = 16;
const SCRATCH: u32 = 24;

impl<'ctx> Emitter<'_, 'ctx, '_> {
    pub fn loop_over(&mut self, kind: &LoopKind, body: &Region) -> Option<Datum<'ctx>> {
        match kind {
            LoopKind::Bounded { count, index } => self.bounded(*count, *index, body),
            LoopKind::Repeat { times, index } => self.repeat(*times, *index, body),
            LoopKind::ForEach { map, key, value } => self.for_each(*map, *key, *value, body),
            LoopKind::Memory { at, area } => self.memory_at(*at, *area, body),
        }
        None
    }

    /// Tested at its end. A loop that is tested at its start LLVM turns round, so that the end runs into the start without a jump, and kernels
    /// before 5.11 allow the way back only to jumps ("back-edge from insn").
    fn bounded(&mut self, count: u32, index: Option<SlotId>, body: &Region) {
        if count == 0 {
            return;
        }
        let llvm = self.frame.llvm;
        let code = self.code();
        let counter = code.alloca(llvm, code.i64, "round");
        let (round, next, exit) = (code.block(llvm, "round"), code.block(llvm, "next"), code.block(llvm, "leave"));
        code.store(8, counter, 8, code.int(0), false);
        code.jump(round);
        code.at(next);
        let following = code.arith(Arith::Add, code.load(8, false, counter, 8), code.int(1));
        code.store(8, counter, 8, following, false);
        code.branch(code.compare(IntPredicate::ULT, following, code.int(i64::from(count))), round, exit);
        code.at(round);
        // Opaque, so that LLVM neither unrolls nor recounts the loop: the verifier needs a plain counter.
        let at = code.opaque(code.load(8, false, counter, 8));
        code.store(8, counter, 8, at, false);
        if let Some(index) = index {
            self.set_int(index, at);
        }
        self.loops.push(Round::Inline { next, exit });
        self.region(body);
        self.loops.pop();
        if !self.is_terminated() {
            self.code().jump(next);
        }
        self.code().at(exit);
    }

    fn repeat(&mut self, times: Value, index: Option<SlotId>, body: &Region) {
        let times = self.clamped(self.int(times), MOST_ROUNDS);
        let code = self.code();
        let callback = self.callback(&[code.i64.into(), code.ptr.into()], |emitter, llvm| {
            if let Some(index) = index {
                emitter.set_int(index, llvm.get_nth_param(0).expect("declared with two").into_int_value());
            }
            emitter.region(body);
        });
        // Kernels that see that there is no round drop the callback and then look for it in vain ("No program to jit"). Behind a test
        // the call goes with it.
        let code = self.code();
        let (some, none) = (code.block(self.frame.llvm, "rounds"), code.block(self.frame.llvm, "no_rounds"));
        code.branch(code.is_not_zero(times), some, none);
        code.at(some);
        self.run(Helper::Loop, &[times.into()], callback, body);
        self.code().jump(none);
        self.code().at(none);
    }

    fn for_each(&mut self, map: MapId, key: SlotId, value: Option<SlotId>, body: &Region) {
        let declaration = &self.unit.program.manifest.maps[map.0 as usize];
        let (key_bytes, value_bytes) = (key_size(declaration), declaration.value_size());
        let pointer = self.code().ptr.into();
        let callback = self.callback(&[pointer, pointer, pointer, pointer], |emitter, llvm| {
            let entry = |at| Addr::outside(llvm.get_nth_param(at).expect("declared with four").into_pointer_value());
            emitter.copy(emitter.slot(key), entry(1), key_bytes);
            if let Some(value) = value {
                emitter.copy(emitter.slot(value), entry(2), value_bytes);
            }
            emitter.region(body);
        });
        let map = self.unit.globals.map(map);
        self.run(Helper::ForEachMapElem, &[map.into()], callback, body);
    }

    fn memory_at(&mut self, at: Value, area: SlotId, body: &Region) {
        let pointer = self.code().ptr.into();
        let callback = self.callback(&[pointer, pointer, pointer], |emitter, llvm| {
            let found = llvm.get_nth_param(1).expect("declared with three").into_pointer_value();
            emitter.set_int(area, emitter.code().int_of(found));
            emitter.region(body);
        });
        // Asked for here: the helper takes no task that went through memory.
        let task = self.code().call(Helper::CurrentTaskBtf.number(), &[]);
        let at = self.int(at);
        self.run(Helper::FindVma, &[task.into(), at.into()], callback, body);
    }

    /// Makes the function of a body.
    fn callback(
        &mut self,
        params: &[inkwell::types::BasicMetadataTypeEnum<'ctx>],
        fill: impl FnOnce(&mut Self, FunctionValue<'ctx>),
    ) -> FunctionValue<'ctx> {
        self.callbacks += 1;
        let name = format!("{}__loop{}", self.function.name, self.callbacks);
        self.loops.push(Round::Callback);
        let made = self.inner(Kind::Callback, &name, params, fill);
        self.loops.pop();
        made.llvm
    }

    /// Runs a subprogram. It is made where it is first invoked.
    pub fn invoke(&mut self, id: SubId) -> Option<Datum<'ctx>> {
        let at = id.0 as usize;
        let sub = match self.subprograms[at] {
            Some(made) => {
                self.unit.frames.borrow_mut()[made.frame].callers.push(self.frame.index);
                made
            }
            None => {
                let name = format!("{}__sub{at}", self.function.name);
                let body = &self.function.subprograms[at].body;
                let loops = std::mem::take(&mut self.loops);
                let made = self.inner(Kind::Sub, &name, &[self.code().ptr.into()], |emitter, _| emitter.region(body));
                self.loops = loops;
                self.subprograms[at] = Some(made);
                made
            }
        };
        let (code, shared) = (self.code(), self.shared());
        self.unit.debug.with_location(&code.builder, &self.frame.lines, self.span, || code.call_function(sub.llvm, &[shared.into()]));
        None
    }

    /// Makes a function of its own; its last parameter is the shared frame.
    fn inner(
        &mut self,
        kind: Kind,
        name: &str,
        params: &[inkwell::types::BasicMetadataTypeEnum<'ctx>],
        fill: impl FnOnce(&mut Self, FunctionValue<'ctx>),
    ) -> Sub<'ctx> {
        let here = self.code().here();
        let llvm = self.unit.declare(name, params, Some(self.frame.index));
        let index = self.unit.frames.borrow().len() - 1;
        self.code().at(self.code().block(llvm, "entry"));
        let lines = self.unit.debug.function(llvm, name, true, self.span);
        self.unit.debug.at(&self.code().builder, &lines, self.span);
        let shared = llvm.get_last_param().expect("declared with parameters").into_pointer_value();
        let ctx = self.code().load_pointer(self.code().offset(shared, CTX), false);
        let held = if self.places.held { self.places.chunks.len() } else { 0 };
        let scratch = (0..held).map(|at| self.code().load_pointer(self.word(shared, at), false)).collect();
        let frame = Frame { llvm, index, lines, ctx, shared: Some(shared), scratch, key: None, kind };
        let outer = std::mem::replace(&mut self.frame, frame);
        fill(self, llvm);
        if !self.is_terminated() {
            self.code().ret(self.code().int(0));
        }
        self.frame = outer;
        self.code().at(here);
        self.unit.debug.at(&self.code().builder, &self.frame.lines, self.span);
        Sub { llvm, frame: index }
    }

    /// Lets the kernel run a callback, then leaves the program if the callback wanted that.
    fn run(&mut self, helper: Helper, over: &[BasicMetadataValueEnum<'ctx>], callback: FunctionValue<'ctx>, body: &Region) {
        let shared = self.shared();
        let code = self.code();
        let callback = callback.as_global_value().as_pointer_value();
        let args: Vec<_> = over.iter().copied().chain([callback.into(), shared.into(), code.int(0).into()]).collect();
        code.call(helper.number(), &args);
        if !returns(body) {
            return;
        }
        let (leave, stay) = (code.block(self.frame.llvm, "leave"), code.block(self.frame.llvm, "stay"));
        let returned = code.load(8, false, code.offset(shared, RETURNED), 8);
        code.branch(code.is_not_zero(returned), leave, stay);
        code.at(leave);
        code.ret(match self.frame.kind {
            Kind::Program => code.load(8, false, code.offset(shared, RETURN_VALUE), 8),
            // Whoever invoked the subprogram goes on.
            Kind::Sub => {
                code.store(8, code.offset(shared, RETURNED), 8, code.int(0), false);
                code.int(0)
            }
            Kind::Callback => code.int(1),
        });
        code.at(stay);
    }

    /// Notes in the shared frame that the program is to return.
    pub fn note_return(&self, value: i64) {
        let code = self.code();
        code.store(8, code.offset(self.shared(), RETURNED), 8, code.int(1), false);
        code.store(8, code.offset(self.shared(), RETURN_VALUE), 8, code.int(value), false);
    }

    fn shared(&self) -> PointerValue<'ctx> {
        self.frame.shared.expect("made at entry of a program that needs it")
    }

    /// Makes the shared frame, at entry of a program that has callback loops or subprograms, or whose registers hold no scratch entries.
    pub fn share(&mut self) {
        let mut wanted = !self.function.subprograms.is_empty() || !self.places.held;
        self.function.body.for_each(&mut |inst| wanted |= inst.op.is_callback_loop());
        if !wanted {
            return;
        }
        let code = self.code();
        let words = SCRATCH / 8 + self.places.chunks.len() as u32;
        let shared = code.alloca(self.frame.llvm, code.i64.array_type(words), "shared");
        code.store_pointer(code.offset(shared, CTX), self.frame.ctx, false);
        code.store(8, code.offset(shared, RETURNED), 8, code.int(0), false);
        code.store(8, code.offset(shared, RETURN_VALUE), 8, code.int(0), false);
        self.frame.shared = Some(shared);
    }

    /// Notes the address of a scratch entry where it will be looked for.
    pub fn keep_entry(&mut self, at: usize, entry: PointerValue<'ctx>) {
        if self.places.held {
            self.frame.scratch.push(entry);
        }
        if let Some(shared) = self.frame.shared {
            self.code().store_pointer(self.word(shared, at), entry, !self.places.held);
        }
    }

    /// The address of a scratch entry.
    pub fn scratch_entry(&self, at: usize) -> PointerValue<'ctx> {
        // Volatile, or LLVM would fetch it once and spill it in each of the frames on the stack.
        if self.places.held { self.frame.scratch[at] } else { self.code().load_pointer(self.word(self.shared(), at), true) }
    }

    fn word(&self, shared: PointerValue<'ctx>, entry: usize) -> PointerValue<'ctx> {
        self.code().offset(shared, SCRATCH + 8 * entry as u32)
    }
}

fn returns(body: &Region) -> bool {
    let mut found = false;
    body.for_each(&mut |inst| found |= matches!(inst.op, Op::Return(_)));
    found
}
