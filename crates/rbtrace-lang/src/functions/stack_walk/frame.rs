//! From a frame to its caller's, by a rule.

use rbtrace_ir::{Bin, Builder, Cmp, Helper, Op, Operand, SlotId, Value};
use rbtrace_types::unwind::kind;
use rbtrace_types::{Arch, Facts, Type};

use super::{Walk, end, kernel_word, layout, leave};

/// The bits of addresses of processes where the kernel does not say how many it uses.
const USUAL: i64 = (1 << 48) - 1;

/// Where the kernel keeps how large the address space of a process is: offset of its memory in `struct task_struct`, and of the size in that.
pub(super) fn size_at(facts: &dyn Facts) -> Option<(u32, u32)> {
    let (Type::Struct(task), Type::Struct(memory)) = (facts.kernel_type("struct task_struct")?, facts.kernel_type("struct mm_struct")?)
    else {
        return None;
    };
    Some((task.field("mm")?.offset, memory.field("task_size")?.offset))
}

impl Walk {
    /// Goes to the caller.
    pub(super) fn go(&self, ir: &mut Builder, rule: Value) {
        let kinds = ir.load(4, false, rule, 0);
        let base_kind = ir.bin_int(Bin::And, kinds, 0xff);
        for (of, why) in [(kind::UNKNOWN, end::UNKNOWN), (kind::END, end::WHOLE)] {
            let is_it = ir.cmp_int(Cmp::Eq, base_kind, of.into());
            self.stop_if(ir, is_it, why, leave);
        }
        let is_signal = ir.cmp_int(Cmp::Eq, base_kind, kind::SIGNAL.into());
        ir.if_else(is_signal, |ir| self.leave_handler(ir), |_| ());
        let number = byte(ir, kinds, 3);
        let base = self.base(ir, (base_kind, number), rule);
        // A function that called nobody may not have moved the stack pointer.
        let (sp, exact) = (ir.value(Op::Get(self.sp)), ir.value(Op::Get(self.exact)));
        let least = ir.bin_int(Bin::Add, sp, 1);
        let least = ir.bin(Bin::Sub, least, exact);
        let wrong = ir.cmp(Cmp::ULt, base, least);
        self.stop_if(ir, wrong, end::SENSELESS, leave);
        let address_kind = byte(ir, kinds, 1);
        // Only who was not called by anybody since can have the return address in a register.
        let in_register = ir.cmp_int(Cmp::Eq, address_kind, kind::KEPT.into());
        let inexact = ir.bin_int(Bin::Xor, exact, 1);
        let wrong = ir.bin(Bin::And, in_register, inexact);
        self.stop_if(ir, wrong, end::UNKNOWN, leave);
        let distance = ir.load(4, true, rule, 8);
        let address = self.saved(ir, (address_kind, distance), base, self.lr);
        let pointer_kind = byte(ir, kinds, 2);
        let distance = ir.load(4, true, rule, 12);
        let pointer = self.saved(ir, (pointer_kind, distance), base, self.fp);
        ir.push(Op::Set(self.sp, base));
        ir.push(Op::Set(self.fp, pointer));
        self.arrive(ir, address, false);
    }

    /// Where the frame begins.
    fn base(&self, ir: &mut Builder, (base_kind, number): (Value, Value), rule: Value) -> Value {
        let distance = ir.load(4, true, rule, 4);
        let (sp, fp) = (ir.value(Op::Get(self.sp)), ir.value(Op::Get(self.fp)));
        let is = |ir: &mut Builder, kind: u8| ir.cmp_int(Cmp::Eq, base_kind, kind.into());
        let (is_chain, no_frame) = (is(ir, kind::CHAIN), ir.cmp_int(Cmp::Eq, fp, 0));
        let over = ir.bin(Bin::And, is_chain, no_frame);
        self.stop_if(ir, over, end::WHOLE, leave);
        let by_frame = ir.cmp_int(Cmp::UGe, base_kind, kind::FRAME.into());
        let from = ir.value(Op::Select(by_frame, fp, sp));
        let base = ir.bin(Bin::Add, from, distance);
        ir.push(Op::Set(self.number, base));
        let is_register = is(ir, kind::REGISTER);
        ir.if_else(is_register, |ir| self.by_register(ir, number, distance), |_| ());
        let is_linkage = is(ir, kind::LINKAGE);
        ir.if_else(
            is_linkage,
            |ir| {
                let pc = ir.value(Op::Get(self.pc));
                let into = ir.bin_int(Bin::And, pc, 15);
                let pushed = ir.cmp(Cmp::UGe, into, distance);
                let pushed = ir.bin_int(Bin::Shl, pushed, 3);
                let base = ir.bin_int(Bin::Add, sp, 8);
                let base = ir.bin(Bin::Add, base, pushed);
                ir.push(Op::Set(self.number, base));
            },
            |_| (),
        );
        let (by_frame, by_stack) = (is(ir, kind::STORED), is(ir, kind::STORED_AT_STACK));
        let is_stored = ir.bin(Bin::Or, by_frame, by_stack);
        ir.if_else(
            is_stored,
            |ir| {
                self.read(ir, base, self.number);
                let base = ir.value(Op::Get(self.number));
                let base = ir.bin(Bin::Add, base, number);
                ir.push(Op::Set(self.number, base));
            },
            |_| (),
        );
        ir.value(Op::Get(self.number))
    }

    /// The base by another register, if there is one whose value is known.
    fn by_register(&self, ir: &mut Builder, number: Value, distance: Value) {
        let registers = ir.value(Op::Get(self.registers));
        let lost = ir.cmp_int(Cmp::Eq, registers, 0);
        self.stop_if(ir, lost, end::UNKNOWN, leave);
        let offset = ir.bin_int(Bin::Shl, number, 3);
        let at = ir.bin(Bin::Add, registers, offset);
        let register = kernel_word(ir, self.word, 8, at, 0);
        let base = ir.bin(Bin::Add, register, distance);
        ir.push(Op::Set(self.number, base));
    }

    /// The caller's value of a register: by kind and distance of where it is.
    fn saved(&self, ir: &mut Builder, (kind, distance): (Value, Value), base: Value, register: SlotId) -> Value {
        let (kept, fp) = (ir.value(Op::Get(register)), ir.value(Op::Get(self.fp)));
        ir.push(Op::Set(self.number, kept));
        let in_memory = ir.cmp_int(Cmp::Ne, kind, kind::KEPT.into());
        let by_frame = ir.cmp_int(Cmp::Eq, kind, kind::AT_FRAME.into());
        let from = ir.value(Op::Select(by_frame, fp, base));
        let from = ir.bin(Bin::Add, from, distance);
        ir.if_else(in_memory, |ir| self.read(ir, from, self.number), |_| ());
        ir.value(Op::Get(self.number))
    }

    /// Reads a word of the stack into a variable.
    fn read(&self, ir: &mut Builder, from: Value, to: SlotId) {
        let word = ir.slot_addr(self.word);
        let done = ir.call(Helper::ProbeReadUser, vec![Operand::Value(word), Operand::Int(8), Operand::Value(from)]);
        let failed = ir.cmp_int(Cmp::SLt, done, 0);
        self.stop_if(ir, failed, end::UNREADABLE, leave);
        let word = ir.load(8, false, word, 0);
        ir.push(Op::Set(to, word));
    }

    /// From a handler of signals to what it interrupted, anywhere in the code: all registers are in memory.
    fn leave_handler(&self, ir: &mut Builder) {
        let layout = layout(self.arch);
        let sp = ir.value(Op::Get(self.sp));
        let [pc_at, sp_at, fp_at, lr_at] = layout.signal;
        let registers = [(sp_at, self.sp), (fp_at, self.fp)].into_iter().chain(layout.lr.map(|_| (lr_at, self.lr)));
        for (at, register) in registers {
            let from = ir.bin_int(Bin::Add, sp, at);
            self.read(ir, from, register);
        }
        let from = ir.bin_int(Bin::Add, sp, pc_at);
        self.read(ir, from, self.number);
        let pc = ir.value(Op::Get(self.number));
        self.arrive(ir, pc, true);
        leave(ir);
    }

    /// The next place.
    fn arrive(&self, ir: &mut Builder, address: Value, exact: bool) {
        let address = match self.arch {
            Arch::X86_64 => address,
            Arch::Aarch64 => self.unsigned(ir, address),
        };
        let address = if exact { address } else { self.returns_to(ir, address) };
        // What begins a thread has nobody to return to.
        let nobody = ir.cmp_int(Cmp::Eq, address, 0);
        self.stop_if(ir, nobody, end::WHOLE, leave);
        ir.push(Op::Set(self.pc, address));
        let exact = ir.int(exact.into());
        ir.push(Op::Set(self.exact, exact));
        let zero = ir.int(0);
        ir.push(Op::Set(self.registers, zero));
    }

    /// A return address may be signed, in the bits above those of addresses.
    fn unsigned(&self, ir: &mut Builder, address: Value) -> Value {
        let bits = ir.value(Op::Get(self.address_bits));
        ir.bin(Bin::And, address, bits)
    }

    /// Learns how many bits addresses have: 39, 48 or 52.
    pub(super) fn measure(&self, ir: &mut Builder, size_at: Option<(u32, u32)>) {
        let bits = match size_at {
            Some((memory, size)) => {
                let task = ir.call(Helper::CurrentTask, vec![]);
                let memory = kernel_word(ir, self.word, 8, task, memory);
                let size = kernel_word(ir, self.word, 8, memory, size);
                ir.bin_int(Bin::Sub, size, 1)
            }
            None => ir.int(USUAL),
        };
        ir.push(Op::Set(self.address_bits, bits));
    }
}

fn byte(ir: &mut Builder, word: Value, number: i64) -> Value {
    let byte = ir.bin_int(Bin::LShr, word, 8 * number);
    ir.bin_int(Bin::And, byte, 0xff)
}
