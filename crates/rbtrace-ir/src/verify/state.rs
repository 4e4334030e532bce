//! What the verifier knows of the values of a function at one point.

use std::collections::{HashMap, HashSet};

use crate::op::{Cmp, Op, Program, Value, ValueKind};

/// A value that was defined.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub kind: ValueKind,
    /// For an address: bytes between it and the end of its memory, where known.
    pub room: Option<u32>,
    /// For an integer: its value, where known.
    pub constant: Option<i64>,
    /// For the result of a null test: what was tested, and whether 1 means null.
    pub test: Option<(Value, bool)>,
}

/// See the file. A region works on a copy: what is defined in it is forgotten after it.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub values: HashMap<Value, Known>,
    /// Addresses shown not to be null.
    pub not_null: HashSet<Value>,
}

impl State {
    /// The state at the start of a branch taken when `condition` is not 0 (`taken`), or is 0.
    pub fn branch(&self, condition: Value, taken: bool) -> State {
        let mut state = self.clone();
        if let Some((address, means_null)) = self.values.get(&condition).and_then(|known| known.test)
            && means_null != taken
        {
            state.not_null.insert(address);
        }
        state
    }

    /// What the result of an operation is, given its operands are in order.
    pub fn describe(&self, program: &Program, slots: &[crate::op::SlotDecl], op: &Op, kind: ValueKind) -> Known {
        let room = self.room(program, slots, op);
        let constant = if let Op::Const(value) = op { Some(*value) } else { None };
        Known { kind, room, constant, test: self.test(op) }
    }

    fn room(&self, program: &Program, slots: &[crate::op::SlotDecl], op: &Op) -> Option<u32> {
        let of = |value: &Value| self.values.get(value).and_then(|known| known.room);
        if let Op::Slot(slot) = op {
            Some(slots[slot.0 as usize].size)
        } else if let Op::ConstAddr(id) = op {
            Some(program.constants[id.0 as usize].bytes.len() as u32)
        } else if let Op::Global(map) = op {
            Some(program.manifest.maps[map.0 as usize].value_size())
        } else if let Op::Offset(base, bytes) = op {
            of(base).map(|room| room.saturating_sub(*bytes))
        } else if let Op::Index { base, bound, .. } = op {
            of(base).map(|room| room.saturating_sub(bound.saturating_sub(1)))
        } else {
            None
        }
    }

    /// `is_null x`, and its comparison with a constant 0 or 1.
    fn test(&self, op: &Op) -> Option<(Value, bool)> {
        if let Op::IsNull(address) = op {
            return Some((*address, true));
        }
        let Op::Cmp(how @ (Cmp::Eq | Cmp::Ne), a, b) = op else { return None };
        let equal = *how == Cmp::Eq;
        let (address, means_null) = self.values.get(a)?.test?;
        match self.values.get(b)?.constant? {
            0 => Some((address, means_null != equal)),
            1 => Some((address, means_null == equal)),
            _ => None,
        }
    }
}
