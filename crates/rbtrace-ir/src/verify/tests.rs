//! One test per invariant: the smallest program that breaks it, and the sentence it gets.

use rbtrace_types::Type;

use super::verify;
use crate::manifest::{LossDecl, LossKind, Manifest, MapDecl, MapId, ProgramDecl, Role, Storage};
use crate::op::{Bin, Cmp, ConstantId, Function, LoopKind, Op, Program, ProgramType, SubId, Value};
use crate::{Builder, Constant, EventDecl, EventId, Helper, Span};

pub(crate) fn function(build: impl FnOnce(&mut Builder)) -> Function {
    let mut builder = Builder::default();
    build(&mut builder);
    builder.finish("f".into(), ProgramType::RawTracepoint)
}

pub(crate) fn program(functions: Vec<Function>) -> Program {
    let declare = |function: &Function| ProgramDecl {
        symbol: function.name.clone(),
        role: Role::Begin,
        plan: None,
        probes: vec![],
        span: Span::default(),
        reverse: false,
    };
    let programs = functions.iter().map(declare).collect();
    let manifest = Manifest { programs, losses: vec![LossDecl { kind: LossKind::Ring, site: None }], ..Manifest::default() };
    Program { functions, manifest, ..Program::default() }
}

fn ignore(_: Value) {}

/// A program with a scalar map (0) and a hash map (1).
fn with_maps(build: impl FnOnce(&mut Builder)) -> Program {
    let mut program = program(vec![function(build)]);
    let map = |name: &str, storage, key| MapDecl {
        name: name.into(),
        symbol: format!("AT_{name}"),
        storage,
        key,
        value: Type::U64,
        max_entries: 8,
        preallocate: false,
    };
    program.manifest.maps = vec![map("n", Storage::Global, None), map("h", Storage::Hash, Some(Type::Tuple(vec![Type::U64, Type::U64])))];
    let event = EventDecl { handler: "printf".into(), ..EventDecl::default() };
    program.manifest.events = vec![event];
    program
}

/// Checks a function with the maps of [`with_maps`]; what it says must contain `problem`.
#[track_caller]
fn refuses(problem: &str, build: impl FnOnce(&mut Builder)) {
    let said = verify(&with_maps(build)).expect_err("an invariant is broken");
    assert!(said.contains(problem), "{said}");
}

#[track_caller]
fn accepts(build: impl FnOnce(&mut Builder)) {
    assert_eq!(verify(&with_maps(build)), Ok(()));
}

#[test]
fn functions_belong_to_programs() {
    let mut lacking = program(vec![function(|_| {})]);
    lacking.manifest.programs.clear();
    assert_eq!(verify(&lacking), Err("1 functions for 0 programs".into()));
    let mut renamed = program(vec![function(|_| {})]);
    renamed.functions[0].name = "g".into();
    assert!(verify(&renamed).is_err_and(|said| said.contains("stands where `f` is declared")));
    let twice = program(vec![function(|_| {}), function(|_| {})]);
    assert!(verify(&twice).is_err_and(|said| said.contains("no unique C identifier")));
}

#[test]
fn the_first_loss_is_the_ring_buffers() {
    let mut none = program(vec![]);
    none.manifest.losses.clear();
    assert!(verify(&none).is_err_and(|said| said.contains("losses[0]")));
}

#[test]
fn ids_are_in_range() {
    refuses("there is no loss 1", |b| b.push(Op::Loss(crate::LossId(1))));
    refuses("there is no map 9", |b| b.push(Op::Global(MapId(9))));
    refuses("there is no constant 0", |b| b.push(Op::ConstAddr(ConstantId(0))));
    refuses("there is no #0", |b| b.push(Op::Get(crate::SlotId(0))));
    let mut odd = program(vec![]);
    odd.constants.push(Constant { bytes: vec![0; 5] });
    assert!(verify(&odd).is_err_and(|said| said.contains("multiple of 8")));
}

#[test]
fn values_are_defined_before_use() {
    refuses("%7 is not defined here", |b| b.push(Op::Clamp(Value(7), 1)));
    refuses("%1 is not defined here", |b| {
        let one = b.int(1);
        b.if_else(one, |b| ignore(b.int(5)), |_| {});
        b.push(Op::Clamp(Value(1), 1));
    });
}

#[test]
fn values_do_not_cross_loops() {
    refuses("%0 is not defined here", |b| {
        let one = b.int(1);
        b.open();
        b.bin(Bin::Add, one, one);
        let body = b.close();
        b.push(Op::Loop { kind: LoopKind::Repeat { times: one, index: None }, body });
    });
    refuses("%0 is not defined here", |b| {
        let (place, area) = (b.int(1), b.scalar("area"));
        b.open();
        b.bin(Bin::Add, place, place);
        let body = b.close();
        b.push(Op::Loop { kind: LoopKind::Memory { at: place, area }, body });
    });
}

#[test]
fn kinds_match() {
    refuses("%0 is an integer", |b| {
        let one = b.int(1);
        b.load(8, false, one, 0);
    });
    refuses("%0 is an address", |b| {
        let slot = b.memory("m", 8);
        let addr = b.slot_addr(slot);
        b.bin_int(Bin::Add, addr, 1);
    });
    refuses("has no result to name", |b| ignore(b.value(Op::Return(0))));
}

#[test]
fn nullable_addresses_are_tested() {
    refuses("%0 may be null", |b| {
        let entry = b.value(Op::Global(MapId(0)));
        b.load(8, false, entry, 0);
    });
    accepts(|b| {
        let entry = b.value(Op::Global(MapId(0)));
        let null = b.value(Op::IsNull(entry));
        b.if_else(null, |b| b.push(Op::Return(0)), |b| ignore(b.load(8, false, entry, 0)));
        b.load(8, false, entry, 8);
    });
    accepts(|b| {
        let entry = b.value(Op::Global(MapId(0)));
        let null = b.value(Op::IsNull(entry));
        let found = b.cmp_int(Cmp::Eq, null, 0);
        b.if_else(found, |b| ignore(b.load(8, false, entry, 0)), |_| {});
    });
}

#[test]
fn scalar_slots_are_no_memory() {
    refuses("#0 is a scalar", |b| {
        let slot = b.scalar("$x");
        b.slot_addr(slot);
    });
    refuses("#0 is memory", |b| {
        let slot = b.memory("m", 8);
        b.value(Op::Get(slot));
    });
}

#[test]
fn jumps_come_last_and_in_loops() {
    let mut early = with_maps(|b| b.push(Op::Return(0)));
    let jump = early.functions[0].body.insts[0].clone();
    early.functions[0].body.insts.push(jump);
    assert!(verify(&early).is_err_and(|said| said.contains("before the end of its region")));
    refuses("outside of any loop", |b| b.push(Op::Break));
}

#[test]
fn emit_only_fills() {
    let emit = |fill: fn(&mut Builder)| {
        move |b: &mut Builder| {
            let payload = b.fresh();
            b.open();
            fill(b);
            let fill = b.close();
            b.push(Op::Emit { event: EventId(0), bytes: 8, payload, fill });
        }
    };
    refuses("leaves an `emit`", emit(|b| b.push(Op::Return(0))));
    refuses("within an `emit`", emit(|b| b.push(Op::Loop { kind: LoopKind::Bounded { count: 1, index: None }, body: Default::default() })));
    refuses(
        "stands within another",
        emit(|b| {
            let payload = b.fresh();
            b.push(Op::Emit { event: EventId(0), bytes: 8, payload, fill: Default::default() });
        }),
    );
    refuses(
        "only 8 bytes are left",
        emit(|b| {
            let one = b.int(1);
            b.store(1, Value(0), 8, one);
        }),
    );
}

#[test]
fn accesses_lie_within_slots() {
    refuses("only 4 bytes are left", |b| {
        let slot = b.memory("m", 16);
        let addr = b.slot_addr(slot);
        let tail = b.value(Op::Offset(addr, 12));
        b.load(8, false, tail, 0);
    });
    refuses("only 9 bytes are left", |b| {
        let slot = b.memory("m", 16);
        let addr = b.slot_addr(slot);
        let index = b.int(3);
        let at = b.value(Op::Index { base: addr, index, bound: 8 });
        b.load(8, false, at, 2);
    });
}

#[test]
fn widths_rounds_arguments_and_keys() {
    refuses("3 is no width", |b| ignore(b.value(Op::LoadCtx { bytes: 3, signed: false, offset: 0 })));
    refuses("more than 4096 rounds", |b| {
        b.push(Op::Loop { kind: LoopKind::Bounded { count: 5000, index: None }, body: Default::default() })
    });
    refuses("takes 0 arguments", |b| ignore(b.call(Helper::KtimeNs, vec![crate::Operand::Int(1)])));
    refuses("key 4 twice", |b| {
        let value = b.int(1);
        b.push(Op::Switch { value, cases: vec![(vec![4, 4], Default::default())], default: Default::default() });
    });
}

#[test]
fn loops_over_maps_fit_the_map() {
    let over = |map: u32, key: u32| {
        move |b: &mut Builder| {
            let key = b.memory("key", key);
            b.push(Op::Loop { kind: LoopKind::ForEach { map: MapId(map), key, value: None }, body: Default::default() });
        }
    };
    refuses("wrong kind", over(0, 16));
    refuses("does not hold 16 bytes", over(1, 8));
    accepts(over(1, 16));
}

#[test]
fn subprograms_invoke_those_before_them() {
    let part = |b: &mut Builder, id: Option<u32>| {
        let outer = b.begin_subprogram();
        id.into_iter().for_each(|id| b.push(Op::Invoke(SubId(id))));
        b.end_subprogram("part", outer)
    };
    refuses("no subprogram before this one, 0", |b| {
        part(b, Some(0));
    });
    refuses("no subprogram before this one, 3", |b| b.push(Op::Invoke(SubId(3))));
    accepts(|b| {
        let first = part(b, None);
        let second = part(b, Some(first.0));
        b.push(Op::Invoke(second));
        b.push(Op::Invoke(first));
    });
}
