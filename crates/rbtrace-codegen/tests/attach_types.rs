//! What the object says of programs that are attached: sections, symbols, line information; and that the verifier accepts contexts,
//! trusted pointers and loops in every program type. Nothing is attached.

mod kernel;
mod programs;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use programs::{add, bump, call, function, global, map, program, repeat, show, show_value, single, targets};
use rbtrace_codegen::{CodegenError, Target, compile};
use rbtrace_ir::{
    AttachPlan, Bin, Builder, CpuSet, Function, Helper, Op, Operand, Program, ProgramType, Role, Sample, Sources, Span, Storage, Type,
};

fn traced(program_type: ProgramType, plan: AttachPlan, build: impl FnOnce(&mut Builder)) -> Program {
    let function = Function { program_type, ..function("probe_1", build) };
    let mut program = program(vec![function], vec![global("n")]);
    program.manifest.programs[0].role = Role::Traced;
    program.manifest.programs[0].plan = Some(plan);
    program
}

#[track_caller]
fn loads(test: &str, program: &Program) {
    if kernel::available(test) {
        for target in targets() {
            if let Err(log) = kernel::load(program, target, None) {
                panic!("{target:?}: {log}");
            }
        }
    }
}

/// Fields of the context, outside of loops and within two.
fn context_everywhere(b: &mut Builder, fields: &[(u8, bool, u32)]) {
    let look = |b: &mut Builder| {
        for &(bytes, signed, offset) in fields {
            let field = b.value(Op::LoadCtx { bytes, signed, offset });
            add(b, 0, field);
        }
    };
    look(b);
    repeat(b, 5, None, |b| {
        look(b);
        repeat(b, 5, None, |b| {
            look(b);
            b.push(Op::Break);
        });
    });
}

#[test]
fn tracepoints() {
    let plan = AttachPlan::Tracepoint { category: "sched".into(), event: "sched_switch".into() };
    let program = traced(ProgramType::Tracepoint, plan, |b| {
        context_everywhere(b, &[(4, true, 24), (8, false, 32), (2, true, 28), (4, false, 29), (1, true, 30)]);
        let field = b.value(Op::LoadCtx { bytes: 4, signed: false, offset: 8 });
        let place = b.bin_int(Bin::And, field, 0xff);
        let ctx = b.value(Op::CtxAddr);
        let from = b.bin(Bin::Add, ctx, place);
        let to = b.memory("text", 64);
        let to = b.slot_addr(to);
        call(b, Helper::ProbeReadKernelStr, &[Operand::Value(to), Operand::Int(64), Operand::Value(from)]);
    });
    loads("tracepoints", &program);
}

#[test]
fn typed_raw_tracepoints() {
    let plan = AttachPlan::RawTracepoint { event: "sched_switch".into(), typed: true };
    let program = traced(ProgramType::TypedRawTracepoint, plan, |b| {
        let task = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: 8 });
        let flags = b.value(Op::LoadTrusted { bytes: 4, signed: true, pointer: task, offset: 44 });
        add(b, 0, flags);
        let me = call(b, Helper::CurrentTaskBtf, &[]);
        let flags = b.value(Op::LoadTrusted { bytes: 4, signed: false, pointer: me, offset: 44 });
        add(b, 0, flags);
        context_everywhere(b, &[(8, false, 0), (8, false, 24)]);
    });
    loads("typed_raw_tracepoints", &program);
}

#[test]
fn perf_events() {
    let plan = AttachPlan::PerfEvent { kind: 1, config: 0, sample: Sample::Frequency(99), cpus: CpuSet::All, pid: None };
    let program = traced(ProgramType::PerfEvent, plan, |b| context_everywhere(b, &[(8, false, 0), (8, false, 128)]));
    loads("perf_events", &program);
}

#[test]
fn raw_tracepoints() {
    let plan = AttachPlan::RawTracepoint { event: "sys_enter".into(), typed: false };
    let program = traced(ProgramType::RawTracepoint, plan, |b| context_everywhere(b, &[(8, true, 8), (4, true, 8), (2, false, 10)]));
    loads("raw_tracepoints", &program);
}

#[test]
fn the_object_names_sections_programs_and_maps() {
    let functions = ["begin", "probe_1", "probe_2"].map(|name| function(name, add_one));
    let maps = vec![global("n"), map("h", Storage::PerCpuHash, Some(Type::U64), Type::U64)];
    let mut program = program(functions.to_vec(), maps);
    for (at, plan) in [
        (1, AttachPlan::Tracepoint { category: "sched".into(), event: "sched_switch".into() }),
        (2, AttachPlan::RawTracepoint { event: "sys_exit".into(), typed: false }),
    ] {
        program.manifest.programs[at].role = Role::Traced;
        program.manifest.programs[at].plan = Some(plan);
    }
    let object = compile(&program, &Target::default(), None).expect("compiles");
    let file = object::File::parse(&*object.elf).expect("an ELF file");
    for section in ["raw_tp/begin", "tracepoint/sched/sched_switch", "raw_tp/sys_exit", ".maps", ".BTF", ".BTF.ext", "license"] {
        assert!(file.section_by_name(section).is_some(), "{section}");
    }
    assert!(file.section_by_name(".eh_frame").is_none());
    let license = file.section_by_name("license").expect("checked above");
    assert_eq!(license.data().expect("readable"), b"GPL\0");
    let symbols: Vec<_> = file.symbols().filter_map(|symbol| symbol.name().ok().map(str::to_string)).collect();
    for symbol in ["begin", "probe_1", "probe_2", "AT_n", "AT_h", "rb_events", "rb_losses"] {
        assert!(symbols.iter().any(|found| found == symbol), "{symbol} in {symbols:?}");
    }
}

fn add_one(b: &mut Builder) {
    let one = b.int(1);
    add(b, 0, one);
}

#[test]
fn listings_are_given_on_request() {
    let program = single(vec![global("n")], add_one);
    assert!(compile(&program, &Target::default(), None).expect("compiles").listings.is_none());
    let listings = compile(&program, &Target { listings: true, ..Target::default() }, None).expect("compiles").listings.expect("asked for");
    assert!(listings.llvm.contains("define i64 @begin") && listings.optimized.contains("define i64 @begin"));
    assert!(listings.asm.contains("call 1\n"), "{}", listings.asm);
}

#[test]
fn too_large_a_slot_is_an_error() {
    let program = single(vec![], |b| {
        let slot = b.memory("$huge", 40_000);
        let addr = b.slot_addr(slot);
        b.push(Op::Zero { addr, bytes: 8 });
    });
    let error = compile(&program, &Target::default(), None).expect_err("larger than per-CPU memory");
    assert_eq!(error, CodegenError::SlotTooLarge { function: "begin".into(), slot: "$huge".into(), size: 40_000 });
    assert_eq!(error.to_string(), "`$huge` in program `begin` takes 40000 bytes; 32768 are possible");
}

#[test]
fn programs_too_deep_for_the_stack_use_memory() {
    let deep = |depth: u32| {
        let program = single(vec![], |b| {
            let values: Vec<_> = (0..depth).map(|at| b.value(Op::LoadCtx { bytes: 8, signed: false, offset: at % 8 * 8 })).collect();
            values.into_iter().rev().for_each(|value| show_value(b, value));
        });
        let object = compile(&program, &Target::default(), None).expect("compiles");
        let file = object::File::parse(&*object.elf).expect("an ELF file");
        file.symbols().any(|symbol| symbol.name() == Ok("rb_scratch"))
    };
    assert!(!deep(30), "30 values fit on the stack");
    assert!(deep(100), "100 values do not");
}

/// The verifier's log cites the script: that is how a rejection is explained.
#[test]
fn rejections_name_the_line() {
    let mut sources = Sources::default();
    let text = sources.add("test.bt", "begin {\n  first();\n    second();\n}\n");
    let mut program = single(vec![], |b| {
        b.span = Some(Span::new(text, 10, 17));
        add_nothing(b);
        b.span = Some(Span::new(text, 24, 32));
        // A size the verifier knows nothing of.
        let size = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: 0 });
        let slot = b.memory("m", 16);
        let to = b.slot_addr(slot);
        call(b, Helper::ProbeReadKernel, &[Operand::Value(to), Operand::Value(size), Operand::Int(0)]);
    });
    program.manifest.programs[0].span = Span::new(text, 0, 5);
    if kernel::available("rejections_name_the_line") {
        let log = kernel::load(&program, Target::default(), Some(&sources)).expect_err("the kernel refuses it");
        assert!(log.contains("@ test.bt:3"), "{log}");
    }
}

fn add_nothing(b: &mut Builder) {
    let x = b.scalar("$x");
    bump(b, x, 1);
    show(b, x);
    let one = b.int(1);
    show_value(b, one);
}
