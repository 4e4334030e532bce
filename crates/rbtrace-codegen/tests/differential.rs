//! Random programs: the kernel and the interpreter must agree on what they emit, count and return.
//!
//! The seed of a failing program is in the message; `RBTRACE_TEST_SEED` runs that one alone.

mod kernel;
mod programs;

use programs::{RING_BYTES, emit, global, program, show_value};
use rbtrace_ir::{Bin, Builder, Cmp, LoopKind, MapId, Op, Program, ProgramType, SlotId, Value};

const PROGRAMS: u64 = 25;

/// Slot sizes: on the stack and beyond it, even and odd.
const SIZES: [u32; 5] = [8, 24, 61, 200, 1111];

#[test]
fn kernel_and_interpreter_agree() {
    let one = std::env::var("RBTRACE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = one.map_or(1..PROGRAMS + 1, |seed: u64| seed..seed + 1);
    for seed in seeds {
        println!("seed {seed}");
        let program = Writer::program(seed);
        programs::run(
            "kernel_and_interpreter_agree",
            &program,
            &[seed, u64::MAX - seed, 0x8000_0000_0000_0000, 77, 0xffff_ffff, 0x7fff, 1 << 40, 3],
        );
    }
}

/// Writes a program.
struct Writer {
    state: u64,
    b: Builder,
    scalars: Vec<SlotId>,
    memory: Vec<(SlotId, u32)>,
    /// Integers usable here.
    values: Vec<Value>,
    /// Loops around here; jumps are allowed where there is one.
    loops: u32,
    /// Emits that may still be written, for the ring buffer must not overflow.
    emits: u32,
}

impl Writer {
    fn program(seed: u64) -> Program {
        let mut writer = Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            b: Builder::default(),
            scalars: vec![],
            memory: vec![],
            values: vec![],
            loops: 0,
            emits: RING_BYTES / 4096,
        };
        writer.begin();
        for _ in 0..12 + writer.below(20) {
            writer.statement(0);
        }
        writer.end();
        program(vec![writer.b.finish("begin".into(), ProgramType::RawTracepoint)], vec![global("n")])
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn begin(&mut self) {
        for at in 0..3 + self.below(25) {
            let slot = self.b.scalar(&format!("$x{at}"));
            let value = self.constant();
            self.b.push(Op::Set(slot, value));
            self.scalars.push(slot);
        }
        for at in 0..2 + self.below(6) {
            let bytes = self.pick(&SIZES);
            let slot = self.b.memory(&format!("m{at}"), bytes);
            let addr = self.b.slot_addr(slot);
            self.b.push(Op::Zero { addr, bytes });
            self.memory.push((slot, bytes));
        }
    }

    /// Shows everything that is left.
    fn end(&mut self) {
        for slot in self.scalars.clone() {
            programs::show(&mut self.b, slot);
        }
        for (slot, bytes) in self.memory.clone() {
            let from = self.b.slot_addr(slot);
            emit(&mut self.b, 1, bytes, |b, to| b.push(Op::Copy { to, from, bytes }));
        }
    }

    fn constant(&mut self) -> Value {
        let wide = self.below(u64::from(u32::MAX)) << 32 | self.below(u64::from(u32::MAX));
        let small = self.below(9) as i64 - 2;
        let value = self.pick(&[small, small, i64::MIN, i64::MAX, -1, 63, 64, wide as i64, 0xffff_ffff]);
        self.b.int(value)
    }

    fn value(&mut self) -> Value {
        let value = match self.below(5) {
            0 => self.constant(),
            1 => {
                let slot = self.pick(&self.scalars.clone());
                self.b.value(Op::Get(slot))
            }
            2 => {
                let bytes = self.pick(&[1, 2, 4, 8]);
                let offset = self.below(8) as u32 * 8 + self.below(8 / u64::from(bytes)) as u32 * u32::from(bytes);
                self.b.value(Op::LoadCtx { bytes, signed: offset.is_multiple_of(3), offset })
            }
            _ if !self.values.is_empty() => self.pick(&self.values.clone()),
            _ => self.constant(),
        };
        self.values.push(value);
        value
    }

    fn statement(&mut self, depth: u32) {
        if self.b.is_terminated() {
            return;
        }
        match self.below(if depth < 3 { 18 } else { 12 }) {
            0..=3 => self.compute(),
            4 => {
                let (slot, value) = (self.pick(&self.scalars.clone()), self.value());
                self.b.push(Op::Set(slot, value));
            }
            5..=6 => self.access(),
            7 => self.indexed(),
            8 => self.areas(),
            9 => self.jump(),
            10 => self.count(),
            11 if self.loops == 0 && self.emits > 0 => {
                self.emits -= 1;
                let value = self.value();
                show_value(&mut self.b, value);
            }
            12..=13 => self.branch(depth),
            14 => self.switch(depth),
            15 => self.inline_loop(depth),
            16 => self.callback_loop(depth),
            17 => self.subprogram(depth),
            _ => {}
        }
    }

    fn compute(&mut self) {
        const BINS: [Bin; 13] = [
            Bin::Add,
            Bin::Sub,
            Bin::Mul,
            Bin::UDiv,
            Bin::SDiv,
            Bin::URem,
            Bin::SRem,
            Bin::And,
            Bin::Or,
            Bin::Xor,
            Bin::Shl,
            Bin::LShr,
            Bin::AShr,
        ];
        const CMPS: [Cmp; 10] = [Cmp::Eq, Cmp::Ne, Cmp::ULt, Cmp::ULe, Cmp::UGt, Cmp::UGe, Cmp::SLt, Cmp::SLe, Cmp::SGt, Cmp::SGe];
        let (a, b) = (self.value(), self.value());
        let op = match self.below(6) {
            0..=2 => Op::Bin(self.pick(&BINS), a, b),
            3 => Op::Cmp(self.pick(&CMPS), a, b),
            4 => Op::Extend { value: a, bytes: self.pick(&[1, 2, 4]), signed: self.below(2) == 0 },
            _ => Op::Select(a, b, self.value()),
        };
        let result = self.b.value(op);
        self.values.push(result);
    }

    fn memory(&mut self) -> (Value, u32) {
        let (slot, size) = self.pick(&self.memory.clone());
        (self.b.slot_addr(slot), size)
    }

    fn access(&mut self) {
        let (addr, size) = self.memory();
        let bytes = self.pick(&[1, 2, 4, 8]);
        let offset = self.below(u64::from(size) - u64::from(bytes) + 1) as u32;
        if self.below(2) == 0 {
            let value = self.value();
            self.b.store(bytes, addr, offset, value);
        } else {
            let signed = self.below(2) == 0;
            let value = self.b.load(bytes, signed, addr, offset);
            self.values.push(value);
        }
    }

    fn indexed(&mut self) {
        let (base, size) = self.memory();
        let index = self.value();
        let addr = self.b.value(Op::Index { base, index, bound: size });
        let value = self.value();
        self.b.store(1, addr, 0, value);
        let value = self.b.load(1, true, addr, 0);
        self.values.push(value);
    }

    fn areas(&mut self) {
        let ((a, a_size), (b, b_size)) = (self.memory(), self.memory());
        let bytes = 1 + self.below(u64::from(a_size.min(b_size))) as u32;
        let from = self.below(u64::from(a_size - bytes) + 1) as u32;
        let from = self.b.value(Op::Offset(a, from));
        match self.below(3) {
            0 => self.b.push(Op::Zero { addr: from, bytes }),
            1 => {
                let same = self.b.value(Op::MemEq(from, b, bytes));
                self.values.push(same);
            }
            // Through a record's worth of other memory: both may be the same slot, and areas must not overlap.
            _ => {
                let between = self.b.memory("between", bytes);
                let between = self.b.slot_addr(between);
                self.b.push(Op::Copy { to: between, from, bytes });
                self.b.push(Op::Copy { to: b, from: between, bytes });
            }
        }
    }

    fn jump(&mut self) {
        if self.loops > 0 && self.below(2) == 0 {
            let condition = self.value();
            let jump = self.below(5);
            let jump = move |b: &mut Builder| {
                b.push(match jump {
                    0..=1 => Op::Break,
                    2..=3 => Op::Continue,
                    _ => Op::Return(7),
                });
            };
            self.b.if_else(condition, jump, |_| {});
        }
    }

    fn count(&mut self) {
        let value = self.value();
        let entry = self.b.value(Op::Global(MapId(0)));
        let null = self.b.value(Op::IsNull(entry));
        self.b.if_else(null, |_| {}, |b| b.push(Op::AtomicAdd { addr: entry, offset: 0, value }));
    }

    fn nested(&mut self, depth: u32, loops: u32) -> rbtrace_ir::Region {
        let outer = (self.values.clone(), self.loops);
        self.loops += loops;
        if loops > 0 {
            self.values.clear();
        }
        self.b.open();
        for _ in 0..1 + self.below(5) {
            self.statement(depth + 1);
        }
        (self.values, self.loops) = outer;
        self.b.close()
    }

    fn branch(&mut self, depth: u32) {
        let cond = self.value();
        let (then, otherwise) = (self.nested(depth, 0), self.nested(depth, 0));
        self.b.push(Op::If { cond, then, otherwise });
    }

    fn switch(&mut self, depth: u32) {
        let value = self.value();
        let cases =
            vec![(vec![0, 2], self.nested(depth, 0)), (vec![u64::MAX], self.nested(depth, 0)), (vec![63, 5], self.nested(depth, 0))];
        let default = self.nested(depth, 0);
        self.b.push(Op::Switch { value, cases, default });
    }

    /// A part that runs once or twice. It emits nothing, for nobody counts how often it runs.
    fn subprogram(&mut self, depth: u32) {
        let outer = (std::mem::take(&mut self.values), self.loops, self.emits);
        (self.loops, self.emits) = (0, 0);
        let slots = self.b.begin_subprogram();
        for _ in 0..1 + self.below(5) {
            self.statement(depth + 1);
        }
        let id = self.b.end_subprogram("part", slots);
        (self.values, self.loops, self.emits) = outer;
        for _ in 0..1 + self.below(2) {
            self.b.push(Op::Invoke(id));
        }
    }

    fn inline_loop(&mut self, depth: u32) {
        let index = self.pick(&self.scalars.clone());
        let count = 1 + self.below(4) as u32;
        let body = self.nested(depth, 1);
        self.b.push(Op::Loop { kind: LoopKind::Bounded { count, index: Some(index) }, body });
    }

    fn callback_loop(&mut self, depth: u32) {
        let index = self.pick(&self.scalars.clone());
        let value = self.value();
        let times = self.b.bin_int(Bin::And, value, 15);
        let body = self.nested(depth, 1);
        self.b.push(Op::Loop { kind: LoopKind::Repeat { times, index: Some(index) }, body });
    }
}
