//! Walks one function and checks each operation where it stands.

use std::collections::HashSet;

use super::state::{Known, State};
use crate::manifest::{MapDecl, MapId, Storage};
use crate::op::{Function, Inst, LoopKind, Op, Operand, Program, Region, SlotDecl, SlotId, Value, ValueKind};
use crate::print::op_text;

/// Checks one function.
pub fn function(program: &Program, function: &Function) -> Result<(), String> {
    let mut checker = Checker { program, function, defined: HashSet::new(), invocable: 0 };
    for (at, slot) in function.slots.iter().enumerate() {
        if slot.size == 0 || slot.scalar && slot.size > 8 {
            return Err(format!("program `{}`: #{at} has {} bytes", function.name, slot.size));
        }
    }
    for (at, subprogram) in function.subprograms.iter().enumerate() {
        checker.invocable = at;
        checker.region(&subprogram.body, &mut State::default(), Within::default())?;
    }
    checker.invocable = function.subprograms.len();
    checker.region(&function.body, &mut State::default(), Within::default()).map(drop)
}

/// What encloses a region.
#[derive(Clone, Copy, Default)]
struct Within {
    in_loop: bool,
    in_emit: bool,
}

struct Checker<'a> {
    program: &'a Program,
    function: &'a Function,
    /// Every value defined so far, visible or not.
    defined: HashSet<Value>,
    /// How many subprograms may be invoked here: the first ones.
    invocable: usize,
}

type Checked = Result<(), String>;

impl Checker<'_> {
    /// Whether the region ends in a jump.
    fn region(&mut self, region: &Region, state: &mut State, within: Within) -> Result<bool, String> {
        let Some(last) = region.insts.len().checked_sub(1) else { return Ok(false) };
        let mut jumps = false;
        for (at, inst) in region.insts.iter().enumerate() {
            jumps = matches!(inst.op, Op::Break | Op::Continue | Op::Return(_));
            let placed = if jumps && at != last { Err("comes before the end of its region".to_string()) } else { Ok(()) };
            placed.and_then(|()| self.inst(inst, state, within)).map_err(|problem| self.locate(inst, problem))?;
        }
        Ok(jumps)
    }

    /// Problems of nested operations arrive located.
    fn locate(&self, inst: &Inst, problem: String) -> String {
        if problem.starts_with("program `") {
            return problem;
        }
        format!("program `{}`: `{}`: {problem}", self.function.name, op_text(self.program, &inst.op))
    }

    fn inst(&mut self, inst: &Inst, state: &mut State, within: Within) -> Checked {
        self.op(&inst.op, state, within)?;
        match (inst.result, inst.op.result_kind()) {
            (Some(_), None) => Err("has no result to name".into()),
            (Some(result), Some(kind)) => {
                let known = state.describe(self.program, &self.function.slots, &inst.op, kind);
                self.define(result, known, state)
            }
            (None, _) => Ok(()),
        }
    }

    fn define(&mut self, value: Value, known: Known, state: &mut State) -> Checked {
        if value.0 >= self.function.values {
            return Err(format!("%{} is beyond the {} values of the function", value.0, self.function.values));
        }
        if !self.defined.insert(value) {
            return Err(format!("%{} is defined twice", value.0));
        }
        state.values.insert(value, known);
        Ok(())
    }

    fn op(&mut self, op: &Op, state: &mut State, within: Within) -> Checked {
        if let Some(value) = op.operands().into_iter().find(|value| !state.values.contains_key(value)) {
            return Err(format!("%{} is not defined here", value.0));
        }
        if let Some(slot) = op.slots().into_iter().find(|slot| slot.0 as usize >= self.function.slots.len()) {
            return Err(format!("there is no #{}", slot.0));
        }
        match op {
            Op::Const(_) | Op::CtxAddr | Op::Return(_) | Op::Break | Op::Continue => jump(op, within),
            Op::Bin(_, a, b) | Op::Cmp(_, a, b) => ints(&[*a, *b], state),
            Op::Extend { value, bytes, .. } => ints(&[*value], state).and_then(|()| width(*bytes, &[1, 2, 4])),
            Op::Select(cond, a, b) => ints(&[*cond, *a, *b], state),
            Op::Clamp(value, _) => ints(&[*value], state),
            Op::Get(slot) => self.scalar(*slot, true),
            Op::Set(slot, value) => ints(&[*value], state).and_then(|()| self.scalar(*slot, true)),
            Op::Slot(slot) => self.scalar(*slot, false),
            Op::ConstAddr(id) => known_id(id.0, self.program.constants.len(), "constant"),
            Op::Offset(base, bytes) => access(*base, *bytes, 0, state),
            Op::Index { base, index, bound } => ints(&[*index], state).and_then(|()| access(*base, 0, *bound, state)),
            Op::Load { bytes, addr, offset, .. } => self.load(*bytes, *addr, *offset, state),
            Op::Store { bytes, addr, offset, value } => ints(&[*value], state).and_then(|()| self.load(*bytes, *addr, *offset, state)),
            Op::Copy { to, from, bytes } => access(*to, 0, *bytes, state).and_then(|()| access(*from, 0, *bytes, state)),
            Op::Zero { addr, bytes } => access(*addr, 0, *bytes, state),
            Op::AtomicAdd { addr, offset, value } => ints(&[*value], state).and_then(|()| access(*addr, *offset, 8, state)),
            Op::MemEq(a, b, bytes) => access(*a, 0, *bytes, state).and_then(|()| access(*b, 0, *bytes, state)),
            Op::AddrInt(addr) => access(*addr, 0, 0, state),
            Op::LoadCtx { bytes, .. } => width(*bytes, &[1, 2, 4, 8]),
            Op::LoadTrusted { bytes, pointer, .. } => ints(&[*pointer], state).and_then(|()| width(*bytes, &[1, 2, 4, 8])),
            Op::Call(helper, args) => self.call(helper.arity(), args, state),
            Op::Global(map) => self.map(*map, &[Storage::Global, Storage::PerCpuGlobal]).map(drop),
            Op::IsNull(addr) => any_address(*addr, state),
            Op::Emit { event, bytes, payload, fill } => self.emit(event.0, *bytes, *payload, fill, state, within),
            Op::Loss(id) | Op::Lost(id) => known_id(id.0, self.program.manifest.losses.len(), "loss"),
            Op::If { cond, then, otherwise } => self.if_else(*cond, then, otherwise, state, within),
            Op::Switch { value, cases, default } => self.switch(*value, cases, default, state, within),
            Op::Loop { kind, body } => self.loop_over(kind, body, state, within),
            Op::Invoke(_) if within.in_emit => Err("stands within an `emit`".into()),
            Op::Invoke(id) => known_id(id.0, self.invocable, "subprogram before this one,"),
            Op::CallC(id, args) => match self.program.c_code.functions.get(id.0 as usize) {
                Some(function) if function.params == args.len() => args.iter().try_for_each(|arg| match arg {
                    Operand::Value(value) if state.values[value].kind != ValueKind::Int => any_address(*value, state),
                    Operand::Value(_) | Operand::Int(_) | Operand::Ctx | Operand::Map(_) => Ok(()),
                }),
                Some(function) => Err(format!("takes {} arguments", function.params)),
                None => Err(format!("there is no function of C {}", id.0)),
            },
        }
    }

    fn load(&self, bytes: u8, addr: Value, offset: u32, state: &State) -> Checked {
        width(bytes, &[1, 2, 4, 8])?;
        access(addr, offset, u32::from(bytes), state)
    }

    fn scalar(&self, slot: SlotId, wanted: bool) -> Checked {
        if self.slot(slot).scalar == wanted {
            return Ok(());
        }
        Err(format!("#{} is {}", slot.0, if wanted { "memory" } else { "a scalar" }))
    }

    fn slot(&self, slot: SlotId) -> &SlotDecl {
        &self.function.slots[slot.0 as usize]
    }

    fn map(&self, map: MapId, storages: &[Storage]) -> Result<&MapDecl, String> {
        let found = self.program.manifest.maps.get(map.0 as usize).ok_or_else(|| format!("there is no map {}", map.0))?;
        if !storages.contains(&found.storage) {
            return Err(format!("`{}` is a map of the wrong kind ({:?})", found.symbol, found.storage));
        }
        Ok(found)
    }

    fn call(&self, arity: usize, args: &[Operand], state: &State) -> Checked {
        if args.len() != arity {
            return Err(format!("takes {arity} arguments"));
        }
        args.iter().try_for_each(|arg| match arg {
            Operand::Value(value) if state.values[value].kind != ValueKind::Int => access(*value, 0, 0, state),
            Operand::Value(_) | Operand::Int(_) | Operand::Ctx => Ok(()),
            Operand::Map(map) => known_id(map.0, self.program.manifest.maps.len(), "map"),
        })
    }

    fn emit(&mut self, event: u32, bytes: u32, payload: Value, fill: &Region, state: &State, within: Within) -> Checked {
        known_id(event, self.program.manifest.events.len(), "event")?;
        if within.in_emit {
            return Err("stands within another".into());
        }
        let mut inside = state.clone();
        self.define(payload, Known { kind: ValueKind::Addr, room: Some(bytes), constant: None, test: None }, &mut inside)?;
        self.region(fill, &mut inside, Within { in_emit: true, ..within }).map(drop)
    }

    fn if_else(&mut self, cond: Value, then: &Region, otherwise: &Region, state: &mut State, within: Within) -> Checked {
        ints(&[cond], state)?;
        let then_jumps = self.region(then, &mut state.branch(cond, true), within)?;
        let otherwise_jumps = self.region(otherwise, &mut state.branch(cond, false), within)?;
        // Where one branch never comes back, what the other knew holds afterwards.
        if then_jumps {
            *state = state.branch(cond, false);
        }
        if otherwise_jumps {
            *state = state.branch(cond, true);
        }
        Ok(())
    }

    fn switch(&mut self, value: Value, cases: &[(Vec<u64>, Region)], default: &Region, state: &State, within: Within) -> Checked {
        ints(&[value], state)?;
        let mut keys = HashSet::new();
        for (of, region) in cases {
            if let Some(key) = of.iter().find(|key| !keys.insert(**key)) {
                return Err(format!("has the key {key} twice"));
            }
            self.region(region, &mut state.clone(), within)?;
        }
        self.region(default, &mut state.clone(), within).map(drop)
    }

    fn loop_over(&mut self, kind: &LoopKind, body: &Region, state: &State, within: Within) -> Checked {
        if within.in_emit {
            return Err("stands within an `emit`".into());
        }
        let mut known = match kind {
            LoopKind::Bounded { .. } => state.clone(),
            LoopKind::Repeat { .. } | LoopKind::ForEach { .. } | LoopKind::Memory { .. } => State::default(),
        };
        match kind {
            LoopKind::Bounded { count, .. } if *count > 4096 => return Err("has more than 4096 rounds".into()),
            LoopKind::Bounded { index, .. } => index.map_or(Ok(()), |slot| self.scalar(slot, true))?,
            LoopKind::Repeat { times, index } => {
                ints(&[*times], state)?;
                index.map_or(Ok(()), |slot| self.scalar(slot, true))?;
            }
            LoopKind::ForEach { map, key, value } => self.for_each(*map, *key, *value)?,
            LoopKind::Memory { at, area } => {
                ints(&[*at], state)?;
                self.scalar(*area, true)?;
            }
        }
        self.region(body, &mut known, Within { in_loop: true, ..within }).map(drop)
    }

    fn for_each(&self, map: MapId, key: SlotId, value: Option<SlotId>) -> Checked {
        let map = self.map(map, &[Storage::Hash, Storage::LruHash, Storage::PerCpuHash, Storage::LruPerCpuHash])?;
        let key_size = map.key.as_ref().map_or(0, |key| key.size());
        for (slot, size) in std::iter::once((key, key_size)).chain(value.map(|value| (value, map.value_size()))) {
            self.scalar(slot, false)?;
            if self.slot(slot).size < size {
                return Err(format!("#{} does not hold {size} bytes", slot.0));
            }
        }
        Ok(())
    }
}

fn jump(op: &Op, within: Within) -> Checked {
    let breaks = matches!(op, Op::Break | Op::Continue);
    if breaks && !within.in_loop {
        return Err("stands outside of any loop".into());
    }
    if within.in_emit && (breaks || matches!(op, Op::Return(_))) {
        return Err("leaves an `emit`".into());
    }
    Ok(())
}

fn ints(values: &[Value], state: &State) -> Checked {
    match values.iter().find(|value| state.values[value].kind != ValueKind::Int) {
        Some(value) => Err(format!("%{} is an address", value.0)),
        None => Ok(()),
    }
}

fn any_address(value: Value, state: &State) -> Checked {
    match state.values[&value].kind {
        ValueKind::Int => Err(format!("%{} is an integer", value.0)),
        ValueKind::Addr | ValueKind::AddrOrNull => Ok(()),
    }
}

/// `bytes` bytes at `address + offset` may be touched.
fn access(address: Value, offset: u32, bytes: u32, state: &State) -> Checked {
    any_address(address, state)?;
    let known = &state.values[&address];
    if known.kind == ValueKind::AddrOrNull && !state.not_null.contains(&address) {
        return Err(format!("%{} may be null", address.0));
    }
    match known.room {
        Some(room) if u64::from(offset) + u64::from(bytes) > u64::from(room) => {
            Err(format!("only {room} bytes are left at %{}", address.0))
        }
        Some(_) | None => Ok(()),
    }
}

fn width(bytes: u8, allowed: &[u8]) -> Checked {
    if allowed.contains(&bytes) { Ok(()) } else { Err(format!("{bytes} is no width")) }
}

fn known_id(id: u32, count: usize, what: &str) -> Checked {
    if (id as usize) < count { Ok(()) } else { Err(format!("there is no {what} {id}")) }
}
