//! What an operation names: its operands, the slots it touches, the regions inside it, and the kind of its result. Everything that walks
//! a function without caring for each operation is built on this.

use crate::helper::Ret;
use crate::op::{Function, Inst, LoopKind, Op, Operand, Region, SlotId, Value, ValueKind};

/// What an operation holds, to be looked at (`iter`) or changed (`iter_mut`): one list of them for both.
macro_rules! regions {
    ($op:expr, $iter:ident) => {
        match $op {
            Op::Emit { fill, .. } => vec![fill],
            Op::If { then, otherwise, .. } => vec![then, otherwise],
            Op::Switch { cases, default, .. } => cases.$iter().map(|(_, region)| region).chain([default]).collect(),
            Op::Loop { body, .. } => vec![body],
            Op::Const(_) | Op::Bin(..) | Op::Cmp(..) | Op::Extend { .. } | Op::Select(..) | Op::Clamp(..) | Op::Get(_) => vec![],
            Op::Set(..) | Op::Slot(_) | Op::ConstAddr(_) | Op::Offset(..) | Op::Index { .. } | Op::Load { .. } | Op::Store { .. } => vec![],
            Op::Copy { .. } | Op::Zero { .. } | Op::AtomicAdd { .. } | Op::MemEq(..) | Op::LoadCtx { .. } => vec![],
            Op::CtxAddr | Op::AddrInt(_) | Op::LoadTrusted { .. } | Op::Call(..) | Op::Global(_) | Op::IsNull(_) | Op::Loss(_) => vec![],
            Op::Lost(_) | Op::Invoke(_) | Op::CallC(..) | Op::Break | Op::Continue | Op::Return(_) => vec![],
        }
    };
}

impl Op {
    /// The values it uses, in order of appearance; those used inside its regions are not among them.
    pub fn operands(&self) -> Vec<Value> {
        match self {
            Op::Const(_) | Op::Get(_) | Op::Slot(_) | Op::ConstAddr(_) | Op::LoadCtx { .. } | Op::CtxAddr | Op::Global(_) => vec![],
            Op::Loss(_) | Op::Lost(_) | Op::Invoke(_) | Op::Break | Op::Continue | Op::Return(_) | Op::Emit { .. } => vec![],
            Op::Bin(_, a, b) | Op::Cmp(_, a, b) | Op::MemEq(a, b, _) => vec![*a, *b],
            Op::Select(cond, a, b) => vec![*cond, *a, *b],
            Op::Extend { value, .. } | Op::Clamp(value, _) | Op::Set(_, value) | Op::Offset(value, _) => vec![*value],
            Op::IsNull(value) | Op::AddrInt(value) => vec![*value],
            Op::Index { base, index, .. } => vec![*base, *index],
            Op::Load { addr, .. } | Op::Zero { addr, .. } => vec![*addr],
            Op::Store { addr, value, .. } | Op::AtomicAdd { addr, value, .. } => vec![*addr, *value],
            Op::Copy { to, from, .. } => vec![*to, *from],
            Op::LoadTrusted { pointer, .. } => vec![*pointer],
            Op::Call(_, args) | Op::CallC(_, args) => args.iter().filter_map(operand_value).collect(),
            Op::If { cond, .. } => vec![*cond],
            Op::Switch { value, .. } => vec![*value],
            Op::Loop { kind: LoopKind::Repeat { times: value, .. } | LoopKind::Memory { at: value, .. }, .. } => vec![*value],
            Op::Loop { kind: LoopKind::Bounded { .. } | LoopKind::ForEach { .. }, .. } => vec![],
        }
    }

    /// The slots it names itself.
    pub fn slots(&self) -> Vec<SlotId> {
        match self {
            Op::Get(slot) | Op::Set(slot, _) | Op::Slot(slot) => vec![*slot],
            Op::Loop { kind: LoopKind::Bounded { index, .. } | LoopKind::Repeat { index, .. }, .. } => index.iter().copied().collect(),
            Op::Loop { kind: LoopKind::Memory { area, .. }, .. } => vec![*area],
            Op::Loop { kind: LoopKind::ForEach { key, value, .. }, .. } => std::iter::once(*key).chain(*value).collect(),
            Op::Const(_) | Op::Bin(..) | Op::Cmp(..) | Op::Extend { .. } | Op::Select(..) | Op::Clamp(..) | Op::ConstAddr(_) => vec![],
            Op::Offset(..) | Op::Index { .. } | Op::Load { .. } | Op::Store { .. } | Op::Copy { .. } | Op::Zero { .. } => vec![],
            Op::AtomicAdd { .. } | Op::MemEq(..) | Op::LoadCtx { .. } | Op::LoadTrusted { .. } | Op::Call(..) | Op::Global(_) => vec![],
            Op::CtxAddr | Op::AddrInt(_) | Op::IsNull(_) | Op::Emit { .. } | Op::Loss(_) | Op::If { .. } | Op::Switch { .. } => vec![],
            Op::Lost(_) | Op::Invoke(_) | Op::CallC(..) | Op::Break | Op::Continue | Op::Return(_) => vec![],
        }
    }

    /// The regions inside it, in order.
    pub fn regions(&self) -> Vec<&Region> {
        regions!(self, iter)
    }

    /// The regions inside it, in order, to be changed.
    pub fn regions_mut(&mut self) -> Vec<&mut Region> {
        regions!(self, iter_mut)
    }

    /// The kind of its result; none for operations without one. The payload of `Emit` is not a result.
    pub fn result_kind(&self) -> Option<ValueKind> {
        match self {
            Op::Const(_) | Op::Bin(..) | Op::Cmp(..) | Op::Extend { .. } | Op::Select(..) | Op::Clamp(..) => Some(ValueKind::Int),
            Op::Get(_) | Op::Load { .. } | Op::MemEq(..) | Op::LoadCtx { .. } | Op::LoadTrusted { .. } => Some(ValueKind::Int),
            Op::CtxAddr | Op::AddrInt(_) | Op::IsNull(_) | Op::Lost(_) | Op::CallC(..) => Some(ValueKind::Int),
            Op::Slot(_) | Op::ConstAddr(_) | Op::Offset(..) | Op::Index { .. } => Some(ValueKind::Addr),
            Op::Global(_) => Some(ValueKind::AddrOrNull),
            Op::Call(helper, _) => Some(match helper.ret() {
                Ret::Int | Ret::Int32 | Ret::Trusted => ValueKind::Int,
                Ret::AddrOrNull => ValueKind::AddrOrNull,
            }),
            Op::Set(..) | Op::Store { .. } | Op::Copy { .. } | Op::Zero { .. } | Op::AtomicAdd { .. } | Op::Emit { .. } => None,
            Op::Loss(_) | Op::If { .. } | Op::Switch { .. } | Op::Loop { .. } => None,
            Op::Invoke(_) | Op::Break | Op::Continue | Op::Return(_) => None,
        }
    }

    /// Whether it is a loop whose body becomes a callback of its own.
    pub fn is_callback_loop(&self) -> bool {
        matches!(self, Op::Loop { kind: LoopKind::Repeat { .. } | LoopKind::ForEach { .. } | LoopKind::Memory { .. }, .. })
    }
}

fn operand_value(operand: &Operand) -> Option<Value> {
    match operand {
        Operand::Value(value) => Some(*value),
        Operand::Int(_) | Operand::Ctx | Operand::Map(_) => None,
    }
}

impl Function {
    /// Calls `f` with every instruction, those of the subprograms first.
    pub fn for_each<'a>(&'a self, f: &mut impl FnMut(&'a Inst)) {
        self.subprograms.iter().for_each(|subprogram| subprogram.body.for_each(f));
        self.body.for_each(f);
    }
}

impl Region {
    /// Calls `f` with every instruction, nested ones right after the one they are in.
    pub fn for_each<'a>(&'a self, f: &mut impl FnMut(&'a Inst)) {
        for inst in &self.insts {
            f(inst);
            for region in inst.op.regions() {
                region.for_each(f);
            }
        }
    }
}
