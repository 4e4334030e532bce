//! The machine: its memory and maps, and the walk over the regions of a function.

use std::collections::{BTreeMap, HashMap};

use rbtrace_ir::{Bin, EventId, Function, Inst, LoopKind, MapId, Op, Program, Region, SlotDecl, SlotId, Value};

use crate::arith;
use crate::maps::Map;
use crate::memory::{Address, Memory};
use crate::{Fault, World};

/// What slots hold before anything was stored: a program that lets it show is wrong.
const UNDEFINED: u8 = 0xa5;
/// The kernel refuses more rounds of `bpf_loop`.
const MOST_ROUNDS: u64 = 8 << 20;
/// See [`Machine::patience`], unless something else is said.
const PATIENCE: u64 = 100_000_000;

/// Runs the programs of a script, one after the other, on the same maps.
///
/// Invariant: the programs were accepted by `ir::verify`; then nothing here panics.
#[derive(Debug)]
pub struct Machine<'a, W> {
    /// What the programs ask.
    pub world: W,
    /// Emitted so far: which event, its payload.
    pub events: Vec<(EventId, Vec<u8>)>,
    /// Counters of losses.
    pub losses: Vec<u64>,
    /// Operations after which a run is given up.
    pub patience: u64,
    pub(crate) memory: Memory,
    pub(crate) maps: Vec<Map>,
    program: &'a Program,
    constants: Vec<Address>,
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Datum {
    Int(i64),
    /// `None` is null.
    Addr(Option<Address>),
}

/// How a region was left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
    Return(i64),
}

/// The run of one function.
pub(crate) struct Run<'m, 'a, W> {
    pub machine: &'m mut Machine<'a, W>,
    function: &'m Function,
    ctx: &'m [u8],
    slots: Vec<Address>,
    values: HashMap<Value, Datum>,
    steps: u64,
}

impl<'a, W: World> Machine<'a, W> {
    /// A machine with empty maps.
    pub fn new(program: &'a Program, world: W) -> Self {
        let mut memory = Memory::default();
        let constants = program.constants.iter().map(|constant| memory.add(constant.bytes.clone())).collect();
        let maps = program.manifest.maps.iter().map(|map| Map::new(map, &mut memory)).collect();
        let losses = vec![0; program.manifest.losses.len()];
        Self { world, events: Vec::new(), losses, patience: PATIENCE, memory, maps, program, constants }
    }

    /// Runs a function on the bytes of a context; gives what it returns.
    pub fn run(&mut self, function: &Function, ctx: &[u8]) -> Result<i64, Fault> {
        let size = |slot: &SlotDecl| if slot.scalar { 8 } else { slot.size as usize };
        let slots = function.slots.iter().map(|slot| self.memory.add(vec![UNDEFINED; size(slot)])).collect();
        let mut run = Run { machine: self, function, ctx, slots, values: HashMap::new(), steps: 0 };
        match run.region(&function.body)? {
            Flow::Return(value) => Ok(value),
            Flow::Next | Flow::Break | Flow::Continue => Ok(0),
        }
    }

    /// The entries of a map.
    pub fn entries(&self, map: MapId) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let map = &self.maps[map.0 as usize];
        let value = |at| self.memory.bytes(at, u64::from(map.value_size)).expect("entries have their map's size").to_vec();
        map.entries().map(|(key, at)| (key.clone(), value(at))).collect()
    }
}

impl<W: World> Run<'_, '_, W> {
    fn region(&mut self, region: &Region) -> Result<Flow, Fault> {
        for inst in &region.insts {
            let flow = self.inst(inst)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn inst(&mut self, inst: &Inst) -> Result<Flow, Fault> {
        self.steps += 1;
        if self.steps > self.machine.patience {
            return Err(Fault("runs forever".into()));
        }
        let flow = self.control(&inst.op)?;
        if let Some(flow) = flow {
            return Ok(flow);
        }
        if let (Some(datum), Some(result)) = (self.op(&inst.op)?, inst.result) {
            self.values.insert(result, datum);
        }
        Ok(Flow::Next)
    }

    /// Operations that have regions or leave one.
    fn control(&mut self, op: &Op) -> Result<Option<Flow>, Fault> {
        if let Op::If { cond, then, otherwise } = op {
            return self.region(if self.int(*cond) != 0 { then } else { otherwise }).map(Some);
        }
        if let Op::Switch { value, cases, default } = op {
            let value = self.int(*value) as u64;
            let taken = cases.iter().find(|(keys, _)| keys.contains(&value)).map_or(default, |(_, region)| region);
            return self.region(taken).map(Some);
        }
        if let Op::Loop { kind, body } = op {
            return self.loop_over(kind, body).map(Some);
        }
        if let Op::Invoke(id) = op {
            let function = self.function;
            return self.region(&function.subprograms[id.0 as usize].body).map(|_| Some(Flow::Next));
        }
        if let Op::Return(value) = op {
            return Ok(Some(Flow::Return(*value)));
        }
        Ok(if matches!(op, Op::Break) {
            Some(Flow::Break)
        } else if matches!(op, Op::Continue) {
            Some(Flow::Continue)
        } else {
            None
        })
    }

    fn loop_over(&mut self, kind: &LoopKind, body: &Region) -> Result<Flow, Fault> {
        match kind {
            LoopKind::Bounded { count, index } => self.rounds(u64::from(*count), *index, body),
            LoopKind::Repeat { times, index } => self.rounds((self.int(*times) as u64).min(MOST_ROUNDS), *index, body),
            LoopKind::ForEach { map, key, value } => self.for_each(*map, *key, *value, body),
            // There is no process here.
            LoopKind::Memory { .. } => Ok(Flow::Next),
        }
    }

    fn rounds(&mut self, count: u64, index: Option<SlotId>, body: &Region) -> Result<Flow, Fault> {
        for round in 0..count {
            if let Some(index) = index {
                self.machine.memory.store(self.slot(index), 8, round as i64)?;
            }
            match self.region(body)? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => break,
                Flow::Return(value) => return Ok(Flow::Return(value)),
            }
        }
        Ok(Flow::Next)
    }

    fn for_each(&mut self, map: MapId, key: SlotId, value: Option<SlotId>, body: &Region) -> Result<Flow, Fault> {
        for entry in self.machine.maps[map.0 as usize].keys() {
            let Some(at) = self.machine.maps[map.0 as usize].get(&entry) else { continue };
            let slot = self.slot(key);
            self.machine.memory.bytes_mut(slot, entry.len() as u64)?.copy_from_slice(&entry);
            if let Some(value) = value {
                let size = self.machine.maps[map.0 as usize].value_size;
                self.machine.memory.copy(self.slot(value), at, u64::from(size))?;
            }
            match self.region(body)? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => break,
                Flow::Return(value) => return Ok(Flow::Return(value)),
            }
        }
        Ok(Flow::Next)
    }

    /// One line per operation.
    fn op(&mut self, op: &Op) -> Result<Option<Datum>, Fault> {
        let int = |value: i64| Ok(Some(Datum::Int(value)));
        let addr = |at: Address| Ok(Some(Datum::Addr(Some(at))));
        match op {
            Op::Const(value) => int(*value),
            Op::Bin(op, a, b) => int(arith::bin(*op, self.int(*a), self.int(*b))),
            Op::Cmp(op, a, b) => int(i64::from(arith::cmp(*op, self.int(*a), self.int(*b)))),
            Op::Extend { value, bytes, signed } => int(arith::extend(self.int(*value), *bytes, *signed)),
            Op::Select(cond, a, b) => int(self.int(if self.int(*cond) != 0 { *a } else { *b })),
            Op::Clamp(value, largest) => int((self.int(*value) as u64).min(u64::from(*largest)) as i64),
            Op::Get(slot) => int(self.machine.memory.load(self.slot(*slot), 8, false)?),
            Op::Set(slot, value) => self.machine.memory.store(self.slot(*slot), 8, self.int(*value)).map(|()| None),
            Op::Slot(slot) => addr(self.slot(*slot)),
            Op::ConstAddr(id) => addr(self.machine.constants[id.0 as usize]),
            Op::Offset(base, bytes) => addr(self.addr(*base)?.plus(u64::from(*bytes))),
            Op::Index { base, index, bound } => {
                addr(self.addr(*base)?.plus((self.int(*index) as u64).min(u64::from(bound.saturating_sub(1)))))
            }
            Op::Load { bytes, signed, addr, offset } => int(self.machine.memory.load(self.at(*addr, *offset)?, *bytes, *signed)?),
            Op::Store { bytes, addr, offset, value } => self.store(*bytes, *addr, *offset, self.int(*value)),
            Op::Copy { to, from, bytes } => self.copy(*to, *from, *bytes),
            Op::Zero { addr, bytes } => self.zero(*addr, *bytes),
            Op::AtomicAdd { addr, offset, value } => self.atomic_add(*addr, *offset, *value),
            Op::MemEq(a, b, bytes) => int(self.equal(*a, *b, *bytes)?),
            Op::LoadCtx { bytes, signed, offset } => int(self.load_ctx(*bytes, *signed, *offset)?),
            Op::LoadTrusted { bytes, signed, pointer, offset } => int(self.load_trusted(*bytes, *signed, *pointer, *offset)),
            Op::AddrInt(value) => int(self.addr(*value)?.number()),
            Op::CtxAddr => Err(Fault("the context has no address here".into())),
            Op::Call(helper, args) => self.call(*helper, args).map(Some),
            Op::CallC(..) => Err(Fault("functions of C are not run here".into())),
            Op::Global(map) => Ok(Some(Datum::Addr(self.machine.maps[map.0 as usize].get(&[0; 4])))),
            Op::IsNull(value) => int(i64::from(matches!(self.values[value], Datum::Addr(None)))),
            Op::Emit { event, bytes, payload, fill } => self.emit(*event, *bytes, *payload, fill),
            Op::Loss(id) => self.loss(id.0),
            Op::Lost(id) => int(self.machine.losses[id.0 as usize] as i64),
            Op::If { .. } | Op::Switch { .. } | Op::Loop { .. } | Op::Invoke(_) => unreachable!("see control()"),
            Op::Break | Op::Continue | Op::Return(_) => unreachable!("see control()"),
        }
    }

    fn store(&mut self, bytes: u8, addr: Value, offset: u32, value: i64) -> Result<Option<Datum>, Fault> {
        let at = self.at(addr, offset)?;
        self.machine.memory.store(at, bytes, value).map(|()| None)
    }

    fn copy(&mut self, to: Value, from: Value, bytes: u32) -> Result<Option<Datum>, Fault> {
        let (to, from) = (self.addr(to)?, self.addr(from)?);
        self.machine.memory.copy(to, from, u64::from(bytes)).map(|()| None)
    }

    fn zero(&mut self, addr: Value, bytes: u32) -> Result<Option<Datum>, Fault> {
        let at = self.addr(addr)?;
        self.machine.memory.bytes_mut(at, u64::from(bytes))?.fill(0);
        Ok(None)
    }

    fn atomic_add(&mut self, addr: Value, offset: u32, value: Value) -> Result<Option<Datum>, Fault> {
        let at = self.at(addr, offset)?;
        let old = self.machine.memory.load(at, 8, false)?;
        self.machine.memory.store(at, 8, arith::bin(Bin::Add, old, self.int(value))).map(|()| None)
    }

    fn equal(&mut self, a: Value, b: Value, bytes: u32) -> Result<i64, Fault> {
        let (a, b) = (self.addr(a)?, self.addr(b)?);
        let memory = &self.machine.memory;
        Ok(i64::from(memory.bytes(a, u64::from(bytes))? == memory.bytes(b, u64::from(bytes))?))
    }

    fn load_ctx(&mut self, bytes: u8, signed: bool, offset: u32) -> Result<i64, Fault> {
        let outside = || Fault(format!("the context has no {bytes} bytes at {offset}"));
        let field = self.ctx.get(offset as usize..offset as usize + usize::from(bytes)).ok_or_else(outside)?;
        Ok(from_bytes(field, signed))
    }

    /// The kernel makes a load through a bad pointer 0.
    fn load_trusted(&mut self, bytes: u8, signed: bool, pointer: Value, offset: u32) -> i64 {
        let mut field = vec![0; usize::from(bytes)];
        let address = (self.int(pointer) as u64).wrapping_add(u64::from(offset));
        if self.machine.world.read(false, address, &mut field) { from_bytes(&field, signed) } else { 0 }
    }

    fn emit(&mut self, event: EventId, bytes: u32, payload: Value, fill: &Region) -> Result<Option<Datum>, Fault> {
        let at = self.machine.memory.add(vec![UNDEFINED; bytes as usize]);
        self.values.insert(payload, Datum::Addr(Some(at)));
        self.region(fill)?;
        let record = self.machine.memory.bytes(at, u64::from(bytes))?.to_vec();
        self.machine.events.push((event, record));
        Ok(None)
    }

    fn loss(&mut self, id: u32) -> Result<Option<Datum>, Fault> {
        self.machine.losses[id as usize] += 1;
        Ok(None)
    }

    pub(crate) fn int(&self, value: Value) -> i64 {
        match self.values[&value] {
            Datum::Int(int) => int,
            Datum::Addr(_) => unreachable!("ir::verify: an operand of this kind is an integer"),
        }
    }

    pub(crate) fn datum(&self, value: Value) -> Datum {
        self.values[&value]
    }

    pub(crate) fn addr(&self, value: Value) -> Result<Address, Fault> {
        match self.values[&value] {
            Datum::Addr(Some(at)) => Ok(at),
            Datum::Addr(None) => Err(Fault(format!("%{} is null", value.0))),
            Datum::Int(_) => unreachable!("ir::verify: an operand of this kind is an address"),
        }
    }

    fn at(&self, value: Value, offset: u32) -> Result<Address, Fault> {
        Ok(self.addr(value)?.plus(u64::from(offset)))
    }

    fn slot(&self, slot: SlotId) -> Address {
        self.slots[slot.0 as usize]
    }

    pub(crate) fn program(&self) -> &Program {
        self.machine.program
    }
}

fn from_bytes(bytes: &[u8], signed: bool) -> i64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    arith::extend(i64::from_le_bytes(word), bytes.len() as u8, signed)
}

#[cfg(test)]
mod tests {
    use rbtrace_ir::{Bin, Builder, LoopKind, Op, Program, ProgramType};

    use crate::{Fault, Machine, Nowhere};

    fn run(build: impl FnOnce(&mut Builder)) -> Result<i64, Fault> {
        let mut builder = Builder::default();
        build(&mut builder);
        let program = Program { functions: vec![builder.finish("f".into(), ProgramType::RawTracepoint)], ..Program::default() };
        Machine::new(&program, Nowhere).run(&program.functions[0], &[])
    }

    #[test]
    fn returns_from_within_loops() {
        let returned = run(|b| {
            b.open();
            b.push(Op::Return(7));
            let body = b.close();
            b.push(Op::Loop { kind: LoopKind::Bounded { count: 3, index: None }, body });
        });
        assert_eq!(returned, Ok(7));
    }

    #[test]
    fn accesses_outside_an_area_are_faults() {
        let said = run(|b| {
            let slot = b.memory("m", 8);
            let addr = b.slot_addr(slot);
            b.load(8, false, addr, 4);
        });
        assert_eq!(said, Err(Fault("8 bytes at 4 of an area of 8".into())));
    }

    #[test]
    fn division_by_zero_is_bpfs() {
        assert_eq!(crate::arith::bin(Bin::SDiv, -5, 0), 0);
        assert_eq!(crate::arith::bin(Bin::SRem, -5, 0), -5);
        assert_eq!(crate::arith::bin(Bin::SDiv, i64::MIN, -1), i64::MIN);
    }
}
