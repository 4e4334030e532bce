//! Small programs, compiled and run in the running kernel: what they count, emit and leave in maps. Needs root and BPF.

mod kernel;

use rbtrace_ir::{
    Bin, Builder, EventDecl, EventId, Function, LossDecl, LossKind, Manifest, MapDecl, MapId, Op, Program, ProgramDecl, ProgramType, Role,
    RunConfig, Span, Storage, Type,
};

fn global(name: &str) -> MapDecl {
    map(name, Storage::PerCpuGlobal, None, Type::U64)
}

fn map(name: &str, storage: Storage, key: Option<Type>, value: Type) -> MapDecl {
    MapDecl { name: name.into(), symbol: format!("AT_{name}"), storage, key, value, max_entries: 64, preallocate: false }
}

fn program(functions: Vec<Function>, maps: Vec<MapDecl>) -> Program {
    let declare = |function: &Function| ProgramDecl {
        symbol: function.name.clone(),
        role: Role::Begin,
        plan: None,
        probes: vec![],
        span: Span::default(),
        reverse: false,
    };
    let manifest = Manifest {
        maps,
        programs: functions.iter().map(declare).collect(),
        losses: vec![LossDecl { kind: LossKind::Ring }],
        config: RunConfig { ring_bytes: 64 << 10, ..RunConfig::default() },
        ..Manifest::default()
    };
    Program { functions, constants: vec![], manifest }
}

fn function(build: impl FnOnce(&mut Builder)) -> Function {
    let mut builder = Builder::default();
    build(&mut builder);
    builder.finish("begin".into(), ProgramType::RawTracepoint)
}

/// Adds to the first word of a per-CPU scalar map.
fn add(b: &mut Builder, map: u32, value: rbtrace_ir::Value) {
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

fn word_of(outcome: &kernel::Outcome, map: usize) -> u64 {
    let value = outcome.maps[map].values().next().expect("an entry");
    u64::from_le_bytes(value[..8].try_into().expect("8 bytes"))
}

#[test]
fn counts_and_emits() {
    if !kernel::available("counts_and_emits") {
        return;
    }
    let body = function(|b| {
        let two = b.int(2);
        add(b, 0, two);
        let argument = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: 8 });
        let payload = b.fresh();
        b.open();
        b.store(8, payload, 0, argument);
        b.store(4, payload, 8, two);
        let fill = b.close();
        b.push(Op::Emit { event: EventId(3), bytes: 12, payload, fill });
    });
    let mut program = program(vec![body], vec![global("n")]);
    program.manifest.events.push(EventDecl {
        handler: "printf".into(),
        texts: vec![],
        numbers: vec![],
        maps: vec![],
        args: vec![],
        span: None,
        location: String::new(),
    });
    let outcome = kernel::run(&program, &[1, 0x1122_3344_5566_7788]);
    assert_eq!(word_of(&outcome, 0), 2);
    assert_eq!(outcome.events, [(3, vec![0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 2, 0, 0, 0])]);
    assert_eq!(outcome.losses, [0]);
}
