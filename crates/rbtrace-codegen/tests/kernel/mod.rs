//! Runs compiled programs in the running kernel by test runs, and tells what they left behind. Knows libbpf; the tests do not.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use std::sync::{Mutex, MutexGuard};

use libbpf_rs::query::{ProgInfoIter, ProgInfoQueryOptions};
use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType, Object, ObjectBuilder, OpenObject, PrintLevel, ProgramInput, RingBufferBuilder};
use rbtrace_codegen::{Target, compile};
use rbtrace_ir::{Manifest, Program, RECORD_HEADER, Sources, unwind, verify};

/// What a program left behind.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What it returned.
    pub returned: u32,
    /// Event numbers and payloads.
    pub events: Vec<(u32, Vec<u8>)>,
    /// Counters.
    pub losses: Vec<u64>,
    /// Entries by map; for per-CPU maps the words of all CPUs are added up.
    pub maps: Vec<BTreeMap<Vec<u8>, Vec<u8>>>,
}

/// Whether this machine lets us load programs. Says so when not.
pub fn available(test: &str) -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let btf = std::path::Path::new("/sys/kernel/btf/vmlinux").exists();
    if !(root && btf) {
        skip(test, "needs root and a kernel with BPF and BTF");
    }
    root && btf
}

/// Says that a test cannot run here. Written to the stream itself: what `print` macros say is captured, and a skip would be counted as passed.
fn skip(test: &str, why: &str) {
    use std::io::Write as _;
    // A closed stream has nobody who counts.
    let _ = writeln!(std::io::stdout(), "\nskipped test: {test}: {why}");
}

/// What libbpf says while it loads. Tests run in threads of one process, libbpf has one place for its words.
static LOG: Mutex<String> = Mutex::new(String::new());

/// Compiles, loads and runs every program once, in order, with `ctx` as the words of its context.
pub fn run(program: &Program, ctx: &[u64], target: Target) -> Outcome {
    let loaded = load(program, target, None).unwrap_or_else(|log| panic!("{log}"));
    run_loaded(&loaded, program, ctx)
}

/// Runs every program of a loaded object once, in order.
pub fn run_loaded(loaded: &Object, program: &Program, ctx: &[u64]) -> Outcome {
    let mut outcome = Outcome::default();
    for function in &program.functions {
        let mut bytes: Vec<u8> = ctx.iter().flat_map(|word| word.to_le_bytes()).collect();
        // The kernel wants all arguments that the program looks at, and at least one.
        bytes.resize(12 * 8, 0);
        let found = loaded.progs_mut().find(|found| found.name() == function.name.as_str()).expect("the object has every program");
        let input = ProgramInput { context_in: Some(&mut bytes), ..ProgramInput::default() };
        outcome.returned = found.test_run(input).expect("the kernel runs it").return_value;
    }
    let map = |name: &str| loaded.maps().find(|map| map.name() == name).expect("the object has every map");
    outcome.events = events(&map(Manifest::RING_MAP));
    outcome.losses =
        (0..program.manifest.losses.len() as u32).map(|id| word(&lookup(&map(Manifest::LOSS_MAP), &id.to_le_bytes()))).collect();
    outcome.maps = program.manifest.maps.iter().map(|declared| entries(&map(&declared.symbol))).collect();
    outcome
}

/// Compiles and loads, once more with values in memory if the verifier finds it too much, as a run would; on failure gives the kernel's words
/// and the assembly.
pub fn load(program: &Program, target: Target, sources: Option<&Sources>) -> Result<Object, String> {
    assert_eq!(verify(program), Ok(()));
    const TOO_MUCH: [&str; 2] = ["BPF program is too large", "jumps is too complex"];
    load_as(program, target, sources).or_else(|log| match TOO_MUCH.iter().any(|words| log.contains(words)) && !target.frugal {
        true => load_as(program, Target { frugal: true, ..target }, sources),
        false => Err(log),
    })
}

fn load_as(program: &Program, target: Target, sources: Option<&Sources>) -> Result<Object, String> {
    let object = compile(program, &target, sources).map_err(|error| error.to_string())?;
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    log().clear();
    libbpf_rs::set_print(Some((PrintLevel::Warn, |_, text| log().push_str(&text))));
    let open = ObjectBuilder::default().name("rbtrace").and_then(|builder| builder.open_memory(&object.elf));
    let loaded = open.and_then(|mut open| {
        let _pattern = pattern(&mut open)?;
        open.load()
    });
    drop(turn);
    loaded.map_err(|error| {
        let object = compile(program, &Target { listings: true, ..target }, sources).ok();
        format!("{error}\n{}\n{}", log(), object.and_then(|object| object.listings).map_or(String::new(), |listings| listings.asm))
    })
}

/// What the maps among maps are like, as the runtime says it; to be kept until they were made.
fn pattern(open: &mut OpenObject) -> libbpf_rs::Result<Option<MapHandle>> {
    let Some(mut map) = open.maps_mut().find(|map| map.map_type() == MapType::ArrayOfMaps) else { return Ok(None) };
    let mut options = libbpf_rs::libbpf_sys::bpf_map_create_opts::default();
    (options.sz, options.map_flags) = (size_of_val(&options) as libbpf_rs::libbpf_sys::size_t, libbpf_rs::libbpf_sys::BPF_F_MMAPABLE);
    let inner = MapHandle::create(MapType::Array, Some("shard"), 4, unwind::ROW_BYTES, unwind::SHARD, &options)?;
    map.set_inner_map_fd(inner.as_fd())?;
    Ok(Some(inner))
}

/// Calls of helpers that are left in the only program of that name after the kernel has inlined what it can.
pub fn calls_left(program: &Program) -> usize {
    const CALL: u8 = 0x85;
    let loaded = load(program, Target::default(), None).unwrap_or_else(|log| panic!("{log}"));
    let options = ProgInfoQueryOptions::default().include_xlated_prog_insns(true);
    let name = program.functions[0].name.as_bytes();
    let found = ProgInfoIter::with_query_opts(options).find(|found| found.name.to_string_lossy().as_bytes() == name);
    drop(loaded);
    found.expect("it was loaded").xlated_prog_insns.as_chunks::<8>().0.iter().filter(|instruction| instruction[0] == CALL).count()
}

fn log() -> MutexGuard<'static, String> {
    LOG.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn lookup(map: &impl MapCore, key: &[u8]) -> Vec<u8> {
    if !map.map_type().is_percpu() {
        return map.lookup(key, MapFlags::ANY).expect("readable").expect("present");
    }
    let cpus = map.lookup_percpu(key, MapFlags::ANY).expect("readable").expect("present");
    let words = |cpu: &Vec<u8>| cpu.chunks(8).map(word).collect::<Vec<_>>();
    let sum = cpus.iter().map(words).reduce(|a, b| a.iter().zip(&b).map(|(a, b)| a.wrapping_add(*b)).collect()).expect("a CPU");
    sum.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
    u64::from_le_bytes(word)
}

fn entries(map: &impl MapCore) -> BTreeMap<Vec<u8>, Vec<u8>> {
    map.keys().map(|key| (key.clone(), lookup(map, &key))).collect()
}

fn events(ring: &dyn MapCore) -> Vec<(u32, Vec<u8>)> {
    let events = RefCell::new(Vec::new());
    let mut builder = RingBufferBuilder::new();
    let note = |record: &[u8]| {
        let header = word(record);
        let (event, bytes) = (header as u32, (header >> 32) as usize);
        let payload = &record[RECORD_HEADER as usize..];
        events.borrow_mut().push((event, payload[..bytes].to_vec()));
        0
    };
    builder.add(ring, note).expect("a ring buffer");
    builder.build().expect("mapped").consume().expect("readable");
    events.into_inner()
}
