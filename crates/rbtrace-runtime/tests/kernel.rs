//! Small programs run in the running kernel: what cannot be said in the language, because the compiler would not let it happen.
//! Needs root and BPF; says so where it is skipped.

use std::path::PathBuf;

use rbtrace_host::Host;
use rbtrace_ir::{
    AttachPlan, Builder, EventDecl, EventId, Function, LoopKind, LossDecl, LossKind, Manifest, MapDecl, MapId, Op, Program, ProgramDecl,
    ProgramType, Role, RunConfig, Sources, Span, Storage, Type,
};
use rbtrace_runtime::{Format, Objects, Options, Rejected};

/// Smaller than any flood.
const RING: u32 = 64 << 10;

fn available(test: &str) -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !root {
        skip(test, "needs root");
    }
    root
}

/// Says that a test cannot run here. Written to the stream itself: what `print` macros say is captured, and a skip would be counted as passed.
fn skip(test: &str, why: &str) {
    use std::io::Write as _;
    // A closed stream has nobody who counts.
    let _ = writeln!(std::io::stdout(), "\nskipped test: {test}: {why}");
}

/// A program that runs once at the start.
fn begin(build: impl FnOnce(&mut Builder)) -> (Function, ProgramDecl) {
    let mut builder = Builder::default();
    build(&mut builder);
    let function = builder.finish("begin".into(), ProgramType::RawTracepoint);
    let decl = ProgramDecl {
        symbol: "begin".into(),
        role: Role::Begin,
        plan: None,
        probes: vec!["begin".into()],
        span: Span::default(),
        reverse: false,
    };
    (function, decl)
}

/// A program on a raw tracepoint that this kernel does not have.
fn nowhere() -> (Function, ProgramDecl) {
    let (mut function, mut decl) = begin(|_| {});
    function.name = "nowhere".into();
    decl.symbol = "nowhere".into();
    decl.role = Role::Traced;
    decl.plan = Some(AttachPlan::RawTracepoint { event: "no_such_event".into(), typed: false });
    decl.probes = vec!["rawtracepoint:no_such_event".into()];
    (function, decl)
}

fn script(programs: Vec<(Function, ProgramDecl)>, missing_probes: &str) -> Program {
    let (functions, programs) = programs.into_iter().unzip();
    let event = EventDecl { handler: "print".into(), args: vec![Type::U64], location: "stdin:1:1-2".into(), ..EventDecl::default() };
    let config = RunConfig { ring_bytes: RING, missing_probes: missing_probes.into(), ..RunConfig::default() };
    let losses = vec![LossDecl { kind: LossKind::Ring, site: None }];
    let manifest = Manifest { programs, events: vec![event], losses, config, ..Manifest::default() };
    Program { functions, manifest, ..Program::default() }
}

/// Prints a number: event 0.
fn emit(b: &mut Builder, event: u32, number: i64) {
    let payload = b.fresh();
    b.open();
    let value = b.int(number);
    b.store(8, payload, 0, value);
    let fill = b.close();
    b.push(Op::Emit { event: EventId(event), bytes: 8, payload, fill });
}

/// Runs a script; gives the exit status and what it printed.
fn run(test: &str, program: &Program, sources: Option<&Sources>, format: Format) -> anyhow::Result<(i32, String)> {
    let object = rbtrace_codegen::compile(program, &rbtrace_codegen::Target::default(), sources).expect("it compiles");
    let output = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.out"));
    let options = Options { output: Some(output.clone()), format, quiet: true, ..Options::default() };
    let code = rbtrace_runtime::run(Objects { elf: &object.elf, plainer: &|| None }, &program.manifest, &Host::new(), options)?;
    Ok((code, std::fs::read_to_string(output)?))
}

#[test]
fn values_arrive_in_order() {
    if available("values_arrive_in_order") {
        let program = script(vec![begin(|b| (0..3).for_each(|number| emit(b, 0, number)))], "error");
        let (code, text) = run("values_arrive_in_order", &program, None, Format::Text).expect("it runs");
        assert_eq!((code, text.as_str()), (0, "0\n1\n2\n\n\n"));
    }
}

#[test]
fn an_unknown_event_is_our_bug_and_no_panic() {
    if available("an_unknown_event_is_our_bug_and_no_panic") {
        let program = script(vec![begin(|b| [7, 0].into_iter().for_each(|event| emit(b, event, 5)))], "error");
        let (_, text) = run("an_unknown_event", &program, None, Format::Json).expect("it runs");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("unknown event 7; this is a bug in rbtrace"), "{text}");
        assert_eq!(lines[1], "{\"type\": \"value\", \"data\": 5}");
    }
}

#[test]
fn every_lost_event_is_counted() {
    const EVENTS: i64 = 100_000;
    if !available("every_lost_event_is_counted") {
        return;
    }
    let program = script(
        vec![begin(|b| {
            let times = b.int(EVENTS);
            b.open();
            emit(b, 0, 1);
            let body = b.close();
            b.push(Op::Loop { kind: LoopKind::Repeat { times, index: None }, body });
        })],
        "error",
    );
    let (_, text) = run("every_lost_event_is_counted", &program, None, Format::Json).expect("it runs");
    let printed = text.lines().filter(|line| line.contains("\"value\"")).count() as i64;
    let lost: i64 = text
        .lines()
        .filter_map(|line| line.strip_prefix("{\"type\": \"lost_events\", \"count\": ")?.split(',').next()?.parse::<i64>().ok())
        .sum();
    assert!(printed > 1000 && lost > 0, "{printed} printed, {lost} lost");
    assert_eq!(printed + lost, EVENTS);
    assert!(
        text.ends_with(&format!("Total lost event count: {lost}\", \"code\": \"lost-events\"}}\n")),
        "{}",
        text.lines().last().unwrap_or_default()
    );
}

#[test]
fn a_rejected_program_says_why_and_where() {
    if !available("a_rejected_program_says_why_and_where") {
        return;
    }
    let mut sources = Sources::default();
    let source = sources.add("tool.bt", "begin {\n  $x = @m[1];\n  print($x); }");
    let mut program = script(
        vec![begin(|b| {
            b.span = Some(Span::new(source, 10, 20));
            let key = b.memory("key", 8);
            let key = b.slot_addr(key);
            b.push(Op::Zero { addr: key, bytes: 8 });
            b.span = Some(Span::new(source, 24, 33));
            let entry = b.lookup(MapId(0), key);
            // No kernel reads an entry that may not be there.
            let value = b.load(8, false, entry, 0);
            b.store(8, key, 0, value);
            b.update(MapId(0), key, key, 0);
        })],
        "error",
    );
    program.manifest.maps.push(MapDecl {
        name: "m".into(),
        symbol: "AT_m".into(),
        storage: Storage::Hash,
        key: Some(Type::U64),
        value: Type::U64,
        max_entries: 4,
        preallocate: true,
    });
    let mut error = run("a_rejected_program", &program, Some(&sources), Format::Text).expect_err("no kernel takes it");
    let rejected = error.downcast_mut::<Rejected>().expect("it was the verifier");
    rejected.quote(|file, line| (file == "tool.bt").then(|| sources.get(source).line(line)));
    assert_eq!(rejected.probes, ["begin"]);
    assert!(rejected.log.lines.len() <= 15 && rejected.log.lines.iter().any(|line| line.contains("invalid mem access")), "{rejected}");
    let at = rejected.log.sources.last().expect("the log quotes the source");
    assert_eq!((at.place.clone(), at.text.as_str()), (Some(("tool.bt".to_owned(), 3)), "print($x); }"), "{rejected}");
    assert!(rejected.to_string().contains("this is a bug in rbtrace"), "{rejected}");
}

#[test]
fn a_missing_place_is_an_error_or_left_out() {
    if !available("a_missing_place_is_an_error_or_left_out") {
        return;
    }
    let programs = || vec![nowhere(), begin(|b| emit(b, 0, 1))];
    let error = run("missing_error", &script(programs(), "error"), None, Format::Text).expect_err("it does not exist");
    let text = format!("{error:#}");
    assert!(text.contains("rawtracepoint:no_such_event") && text.contains("the kernel has no raw tracepoint `no_such_event`"), "{text}");
    let error = run("missing_warn", &script(programs(), "warn"), None, Format::Text).expect_err("nothing is left to trace");
    assert!(format!("{error:#}").starts_with("no probe could be attached"), "{error:#}");
}
