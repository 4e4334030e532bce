//! Where the memory of a function lives: in registers, on the stack within a fixed budget, or in per-CPU scratch memory.
//!
//! Everything that a callback loop or a subprogram touches lives in scratch memory. It is reachable there from both sides, and the verifier, which follows
//! stack memory byte by byte, would otherwise walk a loop round by round for as long as a variable on the stack changes. Each program has a
//! range of its own: one that interrupts another on the same CPU cannot harm it, and the kernel never nests a program in itself.

use std::collections::{HashMap, HashSet};

use rbtrace_ir::{Function, Inst, Op, Program, Region, Ret, SlotDecl, SlotId, Value, ValueKind};

use crate::CodegenError;

/// Bytes of one entry of the scratch map: what the kernel's per-CPU allocator gives at most.
pub const CHUNK: u32 = rbtrace_ir::LARGEST_SLOT;
/// Variables that may live in registers; LLVM spills what does not fit to the stack.
const REGISTERS: u32 = 16;
/// Bytes of memory slots on the stack. What remains of the 512 is for spills and the frames of callbacks.
const STACK_BUDGET: u32 = 192;
/// The largest slot worth a place on the stack.
const STACK_SLOT: u32 = 64;
/// Instructions between a value and its last use up to which even a frugal program keeps it in a register.
const NEAR: usize = 8;

/// How much stack a program may hope for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frugality {
    /// The budgets above.
    Normal,
    /// Nothing: every slot and every integer that is used later lives in scratch memory, of which only one word a piece is on the stack.
    Frugal,
}

/// Where a slot lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A variable that LLVM promotes to a register.
    Register,
    /// Memory on the stack.
    Stack,
    /// `offset` in entry `chunk` of the scratch map.
    Scratch { chunk: u32, offset: u32 },
}

/// Where the memory of one function lives.
pub struct Places {
    /// By slot.
    pub slots: Vec<Place>,
    /// Integers that are kept in memory between definition and use, by value.
    pub homes: HashMap<Value, Place>,
    /// The entries of the scratch map in use, ascending.
    pub chunks: Vec<u32>,
    /// Their addresses stay in registers; else each use fetches them from the shared frame.
    pub held: bool,
}

/// The scratch map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScratchSize {
    /// Bytes of an entry; 0 if there is none.
    pub bytes: u32,
    /// Entries.
    pub chunks: u32,
}

/// Where everything lives.
pub struct Placement {
    /// By function.
    pub functions: Vec<Places>,
    /// The map behind it.
    pub scratch: ScratchSize,
}

/// Places the memory of all functions.
pub fn place(program: &Program, frugality: Frugality) -> Result<Placement, CodegenError> {
    let mut scratch = Scratch::default();
    let functions = program.functions.iter().map(|function| place_function(function, frugality, &mut scratch)).collect::<Result<_, _>>()?;
    Ok(Placement { functions, scratch: scratch.size() })
}

fn place_function(function: &Function, frugality: Frugality, scratch: &mut Scratch) -> Result<Places, CodegenError> {
    let uses = Uses::of(function);
    let local = local_places(function, &uses, frugality);
    let far = if frugality == Frugality::Frugal { far_values(function) } else { Vec::new() };
    let pending = local.iter().zip(&function.slots).filter(|(place, _)| place.is_none());
    scratch.begin(pending.map(|(_, slot)| aligned(slot)).sum::<u32>() + 8 * far.len() as u32);
    let mut slots = Vec::new();
    for (place, slot) in local.into_iter().zip(&function.slots) {
        slots.push(match place {
            Some(place) => place,
            None => scratch.take(aligned(slot)).ok_or_else(|| too_large(function, slot))?,
        });
    }
    let homes = far.into_iter().filter_map(|value| Some((value, scratch.take(8)?))).collect();
    let chunks = scratch.finish();
    let held = frugality == Frugality::Normal || chunks.len() == 1;
    Ok(Places { slots, homes, chunks, held })
}

fn too_large(function: &Function, slot: &SlotDecl) -> CodegenError {
    CodegenError::SlotTooLarge { function: function.name.clone(), slot: slot.name.clone(), size: slot.size }
}

fn aligned(slot: &SlotDecl) -> u32 {
    slot.size.next_multiple_of(8)
}

/// The slots that need no scratch memory, in order of declaration as long as the budgets last.
fn local_places(function: &Function, uses: &Uses, frugality: Frugality) -> Vec<Option<Place>> {
    let (mut registers, mut stack) = match frugality {
        Frugality::Normal => (REGISTERS, STACK_BUDGET),
        Frugality::Frugal => (0, 0),
    };
    let place = |(at, slot): (usize, &SlotDecl)| {
        if !uses.used[at] {
            return Some(Place::Register);
        }
        if uses.callback[at] {
            return None;
        }
        if slot.scalar {
            registers = registers.checked_sub(1)?;
            return Some(Place::Register);
        }
        if slot.size > STACK_SLOT || uses.indexed[at] {
            return None;
        }
        stack = stack.checked_sub(aligned(slot))?;
        Some(Place::Stack)
    };
    function.slots.iter().enumerate().map(place).collect()
}

/// How the slots of a function are used.
struct Uses {
    used: Vec<bool>,
    /// Within the body of a callback loop or of a subprogram, or filled by one.
    callback: Vec<bool>,
    /// At an offset only known at run time; the stack is no place for that.
    indexed: Vec<bool>,
    /// The slot an address points into.
    roots: HashMap<Value, SlotId>,
}

impl Uses {
    fn of(function: &Function) -> Self {
        let none = vec![false; function.slots.len()];
        let mut uses = Self { used: none.clone(), callback: none.clone(), indexed: none, roots: HashMap::new() };
        function.subprograms.iter().for_each(|subprogram| uses.region(&subprogram.body, true));
        uses.region(&function.body, false);
        uses
    }

    fn region(&mut self, region: &Region, callback: bool) {
        for inst in &region.insts {
            self.inst(inst, callback);
            let inside = callback || inst.op.is_callback_loop();
            for nested in inst.op.regions() {
                self.region(nested, inside);
            }
        }
    }

    fn inst(&mut self, inst: &Inst, callback: bool) {
        let callback = callback || inst.op.is_callback_loop();
        for slot in inst.op.slots() {
            self.used[slot.0 as usize] = true;
            self.callback[slot.0 as usize] |= callback;
        }
        if let Op::Index { base, .. } = inst.op
            && let Some(slot) = self.roots.get(&base)
        {
            self.indexed[slot.0 as usize] = true;
        }
        let root = if let Op::Slot(slot) = inst.op {
            Some(slot)
        } else if let Op::Offset(base, _) | Op::Index { base, .. } = inst.op {
            self.roots.get(&base).copied()
        } else {
            None
        };
        if let (Some(result), Some(slot)) = (inst.result, root) {
            self.roots.insert(result, slot);
        }
    }
}

/// Integers used far from their definition, of which the verifier need know nothing.
fn far_values(function: &Function) -> Vec<Value> {
    let mut far = Far::default();
    function.subprograms.iter().for_each(|subprogram| far.region(&subprogram.body));
    far.region(&function.body);
    let mut values: Vec<_> = far.values.into_iter().filter(|(value, found)| found.far && !far.kept.contains(value)).collect();
    values.sort_by_key(|(value, _)| *value);
    values.into_iter().map(|(value, _)| value).collect()
}

#[derive(Default)]
struct Far {
    at: usize,
    regions: usize,
    values: HashMap<Value, Found>,
    /// Values that must stay in registers: the verifier's knowledge of them (a bound, a null test, a trusted pointer) would be lost in memory.
    kept: HashSet<Value>,
    /// Results of null tests and what was computed of them.
    tests: HashSet<Value>,
}

struct Found {
    at: usize,
    region: usize,
    far: bool,
}

impl Far {
    fn region(&mut self, region: &Region) {
        self.regions += 1;
        let here = self.regions;
        for inst in &region.insts {
            self.at += 1;
            for operand in inst.op.operands() {
                if let Some(found) = self.values.get_mut(&operand) {
                    found.far |= found.region != here || self.at - found.at > NEAR;
                }
            }
            self.keep(inst);
            if let (Some(result), Some(ValueKind::Int)) = (inst.result, inst.op.result_kind()) {
                self.values.insert(result, Found { at: self.at, region: here, far: false });
            }
            for nested in inst.op.regions() {
                self.region(nested);
            }
        }
    }

    fn keep(&mut self, inst: &Inst) {
        if matches!(inst.op, Op::LoadTrusted { .. } | Op::Call(..) | Op::CallC(..)) {
            self.kept.extend(inst.op.operands());
        }
        let is_trusted = |helper: &rbtrace_ir::Helper| helper.ret() == Ret::Trusted;
        let keeps = matches!(&inst.op, Op::Call(helper, _) if is_trusted(helper)) || matches!(inst.op, Op::Clamp(..) | Op::Const(_));
        let tests = matches!(inst.op, Op::IsNull(_)) || inst.op.operands().iter().any(|operand| self.tests.contains(operand));
        if let (Some(result), true) = (inst.result, tests) {
            self.tests.insert(result);
        }
        if let (Some(result), true) = (inst.result, keeps || tests) {
            self.kept.insert(result);
        }
    }
}

/// Hands out scratch memory.
#[derive(Default)]
struct Scratch {
    chunk: u32,
    offset: u32,
    /// Bytes of the fullest chunk.
    fullest: u32,
    /// Chunks of the function at hand.
    chunks: Vec<u32>,
}

impl Scratch {
    /// Begins a function that needs `total` bytes: in one chunk if they fit, so that one look-up is enough.
    fn begin(&mut self, total: u32) {
        if total <= CHUNK && self.offset + total > CHUNK {
            self.next_chunk();
        }
    }

    fn take(&mut self, size: u32) -> Option<Place> {
        if size > CHUNK {
            return None;
        }
        if self.offset + size > CHUNK {
            self.next_chunk();
        }
        let place = Place::Scratch { chunk: self.chunk, offset: self.offset };
        self.offset += size;
        self.fullest = self.fullest.max(self.offset);
        if self.chunks.last() != Some(&self.chunk) {
            self.chunks.push(self.chunk);
        }
        Some(place)
    }

    fn next_chunk(&mut self) {
        self.chunk += 1;
        self.offset = 0;
    }

    fn finish(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.chunks)
    }

    fn size(&self) -> ScratchSize {
        ScratchSize { bytes: self.fullest, chunks: self.chunk + 1 }
    }
}

#[cfg(test)]
mod tests {
    use rbtrace_ir::{Builder, LoopKind, Op, Program, ProgramType};

    use super::{CHUNK, Frugality, Place, ScratchSize, place};

    fn program(builders: Vec<Builder>) -> Program {
        let functions = builders.into_iter().map(|b| b.finish("f".into(), ProgramType::RawTracepoint)).collect();
        Program { functions, ..Program::default() }
    }

    fn touched(b: &mut Builder, size: u32) {
        let slot = b.memory("m", size);
        b.slot_addr(slot);
    }

    #[test]
    fn small_slots_are_on_the_stack_until_its_budget_is_spent() {
        let mut b = Builder::default();
        [64, 65, 60, 64, 8].into_iter().for_each(|size| touched(&mut b, size));
        let placed = place(&program(vec![b]), Frugality::Normal).expect("fits");
        let scratch = |offset| Place::Scratch { chunk: 0, offset };
        assert_eq!(placed.functions[0].slots, [Place::Stack, scratch(0), Place::Stack, Place::Stack, scratch(72)]);
        assert_eq!(placed.scratch, ScratchSize { bytes: 80, chunks: 1 });
    }

    #[test]
    fn what_a_callback_touches_is_in_scratch_memory() {
        let mut b = Builder::default();
        let (inside, outside) = (b.scalar("$inside"), b.scalar("$outside"));
        let times = b.int(3);
        b.open();
        b.value(Op::Get(inside));
        let body = b.close();
        b.push(Op::Loop { kind: LoopKind::Repeat { times, index: None }, body });
        b.value(Op::Get(outside));
        let placed = place(&program(vec![b]), Frugality::Normal).expect("fits");
        assert_eq!(placed.functions[0].slots, [Place::Scratch { chunk: 0, offset: 0 }, Place::Register]);
    }

    #[test]
    fn a_function_has_its_scratch_memory_in_one_chunk_if_it_fits() {
        let (mut first, mut second) = (Builder::default(), Builder::default());
        touched(&mut first, 20_000);
        [10_000, 10_000].into_iter().for_each(|size| touched(&mut second, size));
        let placed = place(&program(vec![first, second]), Frugality::Normal).expect("fits");
        assert_eq!(placed.functions[0].chunks, [0]);
        assert_eq!(placed.functions[1].chunks, [1]);
        assert_eq!(placed.scratch, ScratchSize { bytes: 20_000, chunks: 2 });
        let mut huge = Builder::default();
        touched(&mut huge, CHUNK + 1);
        assert!(place(&program(vec![huge]), Frugality::Normal).is_err());
    }
}
