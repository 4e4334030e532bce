//! Building blocks for small programs, and the check that kernel and interpreter agree on them.
#![allow(dead_code, reason = "each test file uses some of them")]

use std::collections::BTreeMap;

use rbtrace_codegen::{Isa, Target};
use rbtrace_interp::{Machine, Nowhere};
use rbtrace_ir::{
    Bin, Builder, EventDecl, EventId, Function, Helper, LoopKind, LossDecl, LossKind, Manifest, MapDecl, MapId, Op, Operand, Program,
    ProgramDecl, ProgramType, Role, RunConfig, SlotId, Span, Storage, Type, Value, verify,
};

use crate::kernel::{self, Outcome};

pub const RING_BYTES: u32 = 64 << 10;

pub fn map(name: &str, storage: Storage, key: Option<Type>, value: Type) -> MapDecl {
    MapDecl { name: name.into(), symbol: format!("AT_{name}"), storage, key, value, max_entries: 64, preallocate: false }
}

pub fn global(name: &str) -> MapDecl {
    map(name, Storage::Global, None, Type::U64)
}

pub fn program(functions: Vec<Function>, maps: Vec<MapDecl>) -> Program {
    let declare = |function: &Function| ProgramDecl {
        symbol: function.name.clone(),
        role: Role::Begin,
        plan: None,
        probes: vec![],
        span: Span::default(),
        reverse: false,
    };
    let event = EventDecl { handler: "printf".into(), ..EventDecl::default() };
    let manifest = Manifest {
        maps,
        events: vec![event; 4],
        programs: functions.iter().map(declare).collect(),
        losses: vec![LossDecl { kind: LossKind::Ring, site: None }, LossDecl { kind: LossKind::MapFull(MapId(0)), site: None }],
        config: RunConfig { ring_bytes: RING_BYTES, ..RunConfig::default() },
        ..Manifest::default()
    };
    Program { functions, manifest, ..Program::default() }
}

pub fn function(name: &str, build: impl FnOnce(&mut Builder)) -> Function {
    let mut builder = Builder::default();
    build(&mut builder);
    builder.finish(name.into(), ProgramType::RawTracepoint)
}

/// A program of one function.
pub fn single(maps: Vec<MapDecl>, build: impl FnOnce(&mut Builder)) -> Program {
    program(vec![function("begin", build)], maps)
}

/// `map[0] += value` of a scalar map.
pub fn add(b: &mut Builder, map: u32, value: Value) {
    let entry = b.value(Op::Global(MapId(map)));
    let null = b.value(Op::IsNull(entry));
    b.if_else(
        null,
        |_| {},
        |b| {
            let old = b.load(8, false, entry, 0);
            let new = b.bin(Bin::Add, old, value);
            b.store(8, entry, 0, new);
        },
    );
}

/// `$x += constant`
pub fn bump(b: &mut Builder, slot: SlotId, by: i64) {
    let old = b.value(Op::Get(slot));
    let new = b.bin_int(Bin::Add, old, by);
    b.push(Op::Set(slot, new));
}

pub fn set(b: &mut Builder, slot: SlotId, value: i64) {
    let value = b.int(value);
    b.push(Op::Set(slot, value));
}

/// Emits the value of a scalar slot.
pub fn show(b: &mut Builder, slot: SlotId) {
    let value = b.value(Op::Get(slot));
    show_value(b, value);
}

pub fn show_value(b: &mut Builder, value: Value) {
    emit(b, 0, 8, |b, payload| b.store(8, payload, 0, value));
}

pub fn emit(b: &mut Builder, event: u32, bytes: u32, fill: impl FnOnce(&mut Builder, Value)) {
    let payload = b.fresh();
    b.open();
    fill(b, payload);
    let fill = b.close();
    b.push(Op::Emit { event: EventId(event), bytes, payload, fill });
}

pub fn repeat(b: &mut Builder, times: i64, index: Option<SlotId>, body: impl FnOnce(&mut Builder)) {
    let times = b.int(times);
    let body = region(b, body);
    b.push(Op::Loop { kind: LoopKind::Repeat { times, index }, body });
}

pub fn bounded(b: &mut Builder, count: u32, index: Option<SlotId>, body: impl FnOnce(&mut Builder)) {
    let body = region(b, body);
    b.push(Op::Loop { kind: LoopKind::Bounded { count, index }, body });
}

pub fn region(b: &mut Builder, body: impl FnOnce(&mut Builder)) -> rbtrace_ir::Region {
    b.open();
    body(b);
    b.close()
}

pub fn call(b: &mut Builder, helper: Helper, args: &[Operand]) -> Value {
    b.call(helper, args.to_vec())
}

/// Every instruction set level, and the way that large programs take.
pub fn targets() -> impl Iterator<Item = Target> {
    let levels = [Isa::V2, Isa::V3, Isa::V4].into_iter().map(|isa| Target { isa, ..Target::default() });
    levels.chain([Target { frugal: true, ..Target::default() }])
}

/// Runs a program in the kernel on every instruction set level and in the interpreter. All must agree; the outcome is given back.
/// Nothing where the kernel cannot be used: then the interpreter's is.
pub fn run(test: &str, program: &Program, ctx: &[u64]) -> Outcome {
    let expected = interpret(program, ctx);
    if kernel::available(test) {
        for target in targets() {
            assert_eq!(kernel::run(program, ctx, target), expected, "the kernel ({target:?}) and the interpreter (right) differ");
        }
    }
    expected
}

fn interpret(program: &Program, ctx: &[u64]) -> Outcome {
    assert_eq!(verify(program), Ok(()), "{}", rbtrace_ir::print(program));
    let ctx: Vec<u8> = ctx.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut machine = Machine::new(program, Nowhere);
    let mut returned = 0;
    for function in &program.functions {
        returned = machine.run(function, &ctx).unwrap_or_else(|fault| panic!("{fault}\n{}", rbtrace_ir::print(program))) as u32;
    }
    let maps: Vec<BTreeMap<_, _>> = (0..program.manifest.maps.len() as u32).map(|id| machine.entries(MapId(id))).collect();
    let events = machine.events.iter().map(|(event, payload)| (event.0, payload.clone())).collect();
    Outcome { returned, events, losses: machine.losses.clone(), maps }
}

/// The u64 payloads of all events.
pub fn shown(outcome: &Outcome) -> Vec<i64> {
    outcome.events.iter().map(|(_, payload)| i64::from_le_bytes(payload[..8].try_into().expect("8 bytes"))).collect()
}
