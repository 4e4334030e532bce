//! Runs the few operations that aggregations are made of. The whole IR is interpreted in rbtrace-interp, which this crate may not know.

use std::collections::HashMap;

use rbtrace_ir::{Bin, Builder, Cmp, Op, ProgramType, Region, Value};

/// A state's memory; addresses are byte offsets in it.
pub(super) struct Machine<'m> {
    memory: &'m mut [u64],
    slots: Vec<u64>,
    values: HashMap<Value, u64>,
}

impl<'m> Machine<'m> {
    pub fn new(memory: &'m mut [u64]) -> Self {
        Self::with_slots(memory, Vec::new())
    }

    /// The first slots have values already.
    pub fn with_slots(memory: &'m mut [u64], slots: Vec<u64>) -> Self {
        Machine { memory, slots, values: HashMap::new() }
    }

    /// Runs what was built; gives the slots and the values.
    pub fn run(mut self, built: Builder, inputs: &[(Value, u64)]) -> (Vec<u64>, HashMap<Value, u64>) {
        let function = built.finish("test".into(), ProgramType::RawTracepoint);
        self.slots.resize(function.slots.len(), 0xdead);
        self.values.extend(inputs.iter().copied());
        self.region(&function.body);
        (self.slots, self.values)
    }

    fn region(&mut self, region: &Region) {
        for inst in &region.insts {
            if let Some(value) = self.op(&inst.op) {
                self.values.insert(inst.result.expect("operations with a value name it"), value);
            }
        }
    }

    fn op(&mut self, op: &Op) -> Option<u64> {
        const UNUSED: &str = "no aggregation needs";
        let get = |value: &Value| self.values[value];
        match op {
            Op::Const(value) => Some(*value as u64),
            Op::Bin(op, a, b) => Some(bin(*op, get(a), get(b))),
            Op::Cmp(op, a, b) => Some(cmp(*op, get(a), get(b)).into()),
            Op::Get(slot) => Some(self.slots[slot.0 as usize]),
            Op::Set(slot, value) => {
                self.slots[slot.0 as usize] = get(value);
                None
            }
            Op::Index { base, index, bound } => {
                assert!(get(index) < u64::from(*bound), "index {} of {bound}", get(index));
                Some(get(base) + get(index))
            }
            Op::Load { bytes: 8, addr, offset, .. } => Some(self.memory[(get(addr) + u64::from(*offset)) as usize / 8]),
            Op::Store { bytes: 8, addr, offset, value } => {
                self.memory[(get(addr) + u64::from(*offset)) as usize / 8] = get(value);
                None
            }
            Op::If { cond, then, otherwise } => {
                let taken = if get(cond) != 0 { then } else { otherwise };
                self.region(taken);
                None
            }
            Op::Load { .. } | Op::Store { .. } | Op::Extend { .. } | Op::Select(..) | Op::Clamp(..) | Op::Slot(_) => {
                panic!("{UNUSED} {op:?}")
            }
            Op::ConstAddr(_) | Op::Offset(..) | Op::Copy { .. } | Op::Zero { .. } | Op::AtomicAdd { .. } => panic!("{UNUSED} {op:?}"),
            Op::MemEq(..) | Op::LoadCtx { .. } | Op::CtxAddr | Op::AddrInt(_) | Op::LoadTrusted { .. } => panic!("{UNUSED} {op:?}"),
            Op::Call(..) | Op::CallC(..) | Op::Invoke(_) | Op::Global(_) | Op::IsNull(_) | Op::Emit { .. } => panic!("{UNUSED} {op:?}"),
            Op::Loss(_) | Op::Lost(_) | Op::Switch { .. } | Op::Loop { .. } => panic!("{UNUSED} {op:?}"),
            Op::Break | Op::Continue | Op::Return(_) => panic!("{UNUSED} {op:?}"),
        }
    }
}

fn bin(op: Bin, a: u64, b: u64) -> u64 {
    match op {
        Bin::Add => a.wrapping_add(b),
        Bin::Sub => a.wrapping_sub(b),
        Bin::Mul => a.wrapping_mul(b),
        Bin::UDiv => a.checked_div(b).unwrap_or(0),
        Bin::SDiv => (a as i64).checked_div(b as i64).unwrap_or(0) as u64,
        Bin::URem => a.checked_rem(b).unwrap_or(a),
        Bin::SRem => panic!("no aggregation needs a signed remainder"),
        Bin::And => a & b,
        Bin::Or => a | b,
        Bin::Xor => a ^ b,
        Bin::Shl => a << (b & 63),
        Bin::LShr => a >> (b & 63),
        Bin::AShr => ((a as i64) >> (b & 63)) as u64,
    }
}

fn cmp(op: Cmp, a: u64, b: u64) -> bool {
    let (sa, sb) = (a as i64, b as i64);
    match op {
        Cmp::Eq => a == b,
        Cmp::Ne => a != b,
        Cmp::ULt => a < b,
        Cmp::ULe => a <= b,
        Cmp::UGt => a > b,
        Cmp::UGe => a >= b,
        Cmp::SLt => sa < sb,
        Cmp::SLe => sa <= sb,
        Cmp::SGt => sa > sb,
        Cmp::SGe => sa >= sb,
    }
}
