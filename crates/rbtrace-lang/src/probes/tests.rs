//! Probe types on a small machine: targets → places, attach plans, what is said of mistakes, listings, `args`.

use std::sync::OnceLock;

use rbtrace_diag::{Sink, Span};
use rbtrace_ir::{AttachPlan, ProgramType};
use rbtrace_types::fixture::Fixture;

use super::by_name;
use crate::compile::Place;
use crate::row::{ProbeType, Target, TargetPart};

fn machine() -> &'static Fixture {
    static MACHINE: OnceLock<Fixture> = OnceLock::new();
    MACHINE.get_or_init(|| Fixture::parse(include_str!("../../../../tests/facts/small.txt")).expect("a good fixture"))
}

fn split(text: &str) -> (&'static ProbeType, Vec<TargetPart>) {
    let mut parts = text.split(':');
    let row = by_name(parts.next().unwrap_or("")).expect("a probe type");
    let part = |text: &str| TargetPart { text: text.trim_matches('"').into(), quoted: text.starts_with('"'), span: Span::default() };
    (row, parts.map(part).collect())
}

/// The places of an attach point, or what is said instead, with its hints.
fn expand(text: &str) -> Result<Vec<Place>, String> {
    let (row, parts) = split(text);
    let target = Target { parts: &parts, span: Span::default(), pid: None, is_unsafe: false, ignores_absence: false };
    let mut sink = Sink::default();
    let places = (row.expand)(machine(), &target, &mut sink);
    if let Some(said) = sink.sorted().first() {
        assert!(places.is_empty(), "{text}: places and a mistake");
        return Err(std::iter::once(&said.message).chain(&said.hints).cloned().collect::<Vec<_>>().join("; "));
    }
    Ok(places
        .into_iter()
        .map(|parts| Place { probe_type: row, parts, alias: None, span: Span::default(), walks_kernel: false, is_alone: true })
        .collect())
}

fn check(text: &str, names: &[&str]) {
    let found: Vec<String> = expand(text).expect("no mistake").iter().map(Place::name).collect();
    assert_eq!(found, names, "{text}");
}

fn refuses(text: &str, message: &str) {
    assert_eq!(expand(text).err().as_deref(), Some(message), "{text}");
}

#[test]
fn places_have_the_names_that_probe_prints() {
    check("BEGIN", &["begin"]);
    check("begin:*", &["begin"]);
    check("End", &["end"]);
    check("self:signal:SIGUSR1", &["self:signal:SIGUSR1"]);
    check("i:s:1", &["interval:s:1"]);
    check("interval:1s", &["interval:us:1000000"]);
    check("interval:10ms", &["interval:us:10000"]);
    check("interval:ms:1e1", &["interval:ms:10"]);
    check("interval:1e6", &["interval:us:1000"]);
    check("profile:1500ns", &["profile:ns:1500"]);
    check("p:hz:99", &["profile:hz:99"]);
    check("software:faults:", &["software:faults"]);
    check("s:cs:1", &["software:cs:1"]);
    check("h:cycles", &["hardware:cycles"]);
    check("rt:sched_switch", &["rawtracepoint:vmlinux:sched_switch"]);
    check("rt:*:sys_e*", &["rawtracepoint:vmlinux:sys_enter", "rawtracepoint:vmlinux:sys_exit"]);
    check("t:sched:sched_wakeup", &["tracepoint:sched:sched_wakeup"]);
    check("t:*sched*", &["tracepoint:sched:sched_process_exec", "tracepoint:sched:sched_switch", "tracepoint:sched:sched_wakeup"]);
    check("t:sys*:*_openat", &["tracepoint:syscalls:sys_enter_openat", "tracepoint:syscalls:sys_exit_openat"]);
}

#[test]
fn what_does_not_exist_has_no_place() {
    check("t:sched:nosuch", &[]);
    check("t:nosuch*:*", &[]);
    check("t:sched:\"sched_*\"", &[]);
    check("rt:nosuch:sched_switch", &[]);
}

#[test]
fn wrong_targets_are_refused_in_upstreams_words() {
    refuses("begin:x", "begin probe type requires 0 arguments, found 1");
    refuses("t:a:b:c", "tracepoint probe type requires 2 arguments, found 3");
    refuses("t:sched_switch", "tracepoint probe type requires 2 arguments, found 1; did you mean `tracepoint:sched:sched_switch`?");
    refuses("t::", "tracepoint probe must have a target");
    refuses("rt:a:b:c", "rawtracepoint probe type requires 2 or 1 arguments, found 3");
    refuses("self:signal", "self probe type requires 2 arguments, found 1");
    refuses("self:foo:SIGUSR1", "foo is not a supported trigger; `signal` is the only one");
    refuses("self:signal:SIGUSR2", "SIGUSR2 is not a supported signal; `SIGUSR1` is the only one");
    refuses("s:*", "wildcards are not allowed for software probe type; `-l 'software:*'` lists the events");
    refuses("software:fauls", "fauls is not a software probe; did you mean `faults`?");
    refuses("software:faults:x", "Invalid count for software probe: invalid integer: x");
    refuses("hardware", "hardware probe type requires 1 or 2 arguments, found 0");
}

#[test]
fn wrong_rates_are_refused_in_upstreams_words() {
    refuses("interval:x:1", "x is not an accepted unit of time; the units are `hz`, `ms`, `s`, `us`");
    refuses("interval:s:0", "interval frequency should be a positive integer");
    refuses("profile:hz:-1", "profile frequency should be a positive integer");
    refuses("interval:s:a", "Invalid rate of interval probe: invalid integer: a");
    refuses("interval:s:1x", "Invalid rate of interval probe: invalid trailing bytes: 1x");
    refuses("interval:999ns", "Invalid rate of interval probe. Minimum is 1000 or 1us. Found: 999 nanoseconds");
    refuses("profile:0", "Invalid rate of profile probe. Minimum is 1000 or 1us. Found: 0 nanoseconds");
    refuses("interval:s:1:2", "interval probe type requires 1 or 2 arguments, found 3");
    refuses("interval:s:99999999999999", "interval period is too long");
    let hint = "write a duration, `profile:10ms`, or a unit and a number, `profile:ms:10`";
    refuses("profile:1x", &format!("Invalid rate of profile probe: invalid trailing bytes: 1x; {hint}"));
    refuses("profile:s", &format!("Invalid rate of profile probe: invalid integer: s; {hint}"));
}

#[test]
fn the_nearest_name_is_a_remedy() {
    let nearest = |text: &str| {
        let (row, parts) = split(text);
        (row.nearest)(machine(), &Target { parts: &parts, span: Span::default(), pid: None, is_unsafe: false, ignores_absence: false })
    };
    assert_eq!(nearest("t:syscalls:sys_enter_opneat").as_deref(), Some("sys_enter_openat"));
    assert_eq!(nearest("t:syscalls:sched_switch").as_deref(), Some("sched:sched_switch"));
    assert_eq!(nearest("t:shced:sched_swich").as_deref(), Some("sched:sched_switch"));
    assert_eq!(nearest("rt:sched_swich").as_deref(), Some("sched_switch"));
    assert_eq!(nearest("rt:ext4:sched_switch").as_deref(), Some("vmlinux:sched_switch"));
    assert_eq!(nearest("t:nothing:like_it"), None);
}

/// How a place is attached, without and with a use of `args`, on a machine with these features.
fn plans(text: &str, features: &str) -> [String; 2] {
    let facts = include_str!("../../../../tests/facts/small.txt").replace("features all", features);
    let facts = Fixture::parse(&facts).expect("a good fixture");
    let place = expand(text).expect("no mistake").remove(0);
    [false, true].map(|uses_args| {
        let planned = (place.probe_type.plan)(&facts, &place, uses_args, Some(7)).expect("a plan");
        format!("{:?} {:?}", planned.program_type, planned.plan.map(|plan| format!("{plan:?}")).unwrap_or_default()).replace("\\\"", "'")
    })
}

#[test]
fn the_cheapest_attachment_is_chosen() {
    let raw = |event: &str| format!("RawTracepoint \"RawTracepoint {{ event: '{event}', typed: false }}\"");
    let typed = |event: &str| format!("TypedRawTracepoint \"RawTracepoint {{ event: '{event}', typed: true }}\"");
    let perf = |category: &str, event: &str| format!("Tracepoint \"Tracepoint {{ category: '{category}', event: '{event}' }}\"");
    assert_eq!(plans("t:sched:sched_switch", "features all"), [raw("sched_switch"), perf("sched", "sched_switch")]);
    // No raw tracepoint of that name is known.
    let suitable = perf("compaction", "mm_compaction_suitable");
    assert_eq!(plans("t:compaction:mm_compaction_suitable", "features all"), [suitable.clone(), suitable]);
    assert_eq!(plans("t:raw_syscalls:sys_enter", "features all"), [raw("sys_enter"), typed("sys_enter")]);
    assert_eq!(plans("t:syscalls:sys_enter_openat", "features all"), [raw("sys_enter"), typed("sys_enter")]);
    // The number of the call is in the registers.
    assert_eq!(plans("t:syscalls:sys_exit_openat", "features all"), [typed("sys_exit"), typed("sys_exit")]);
    assert_eq!(plans("t:syscalls:sys_exit_openat", "features all -tp_btf"), [raw("sys_exit"), raw("sys_exit")]);
    assert_eq!(plans("rt:sched_switch", "features all"), [raw("sched_switch"), typed("sched_switch")]);
    assert_eq!(plans("rt:sched_switch", "features all -tp_btf"), [raw("sched_switch"), raw("sched_switch")]);
}

#[test]
fn the_kernels_stack_begins_at_the_event() {
    let check = |text: &str, is_alone: bool, (category, event): (&str, &str), shared: Option<(&str, Option<u64>)>| {
        let place = Place { walks_kernel: true, is_alone, ..expand(text).expect("no mistake").remove(0) };
        let planned = (place.probe_type.plan)(machine(), &place, false, None).expect("a plan");
        let plan = AttachPlan::Tracepoint { category: category.into(), event: event.into() };
        assert_eq!((planned.program_type, planned.plan), (ProgramType::Tracepoint, Some(plan)), "{text}");
        let found = (place.probe_type.shared)(machine(), &place);
        assert_eq!(found.as_ref().map(|shared| (shared.key.as_str(), shared.selector)), shared, "{text}");
    };
    check("t:sched:sched_switch", true, ("sched", "sched_switch"), None);
    check("t:raw_syscalls:sys_enter", true, ("raw_syscalls", "sys_enter"), None);
    check("t:syscalls:sys_exit_openat", true, ("syscalls", "sys_exit_openat"), None);
    // Hundreds of events would take their time.
    check("t:syscalls:sys_exit_openat", false, ("raw_syscalls", "sys_exit"), Some(("sys_exit", Some(257))));
    // Older kernels take the process for the event.
    let old = include_str!("../../../../tests/facts/small.txt").replace("features all", "features all -syscall_stack");
    let old = Fixture::parse(&old).expect("a good fixture");
    let place = Place { walks_kernel: true, ..expand("t:syscalls:sys_enter_openat").expect("no mistake").remove(0) };
    let planned = (place.probe_type.plan)(&old, &place, true, None).expect("a plan");
    assert_eq!(planned.plan, Some(AttachPlan::Tracepoint { category: "raw_syscalls".into(), event: "sys_enter".into() }));
}

#[test]
fn perf_events_have_rates_and_pids() {
    let plan = |text: &str| plans(text, "features all")[0].clone();
    let event = |kind: u32, config: u64, sample: &str, cpus: &str, pid: &str| {
        format!("PerfEvent \"PerfEvent {{ kind: {kind}, config: {config}, sample: {sample}, cpus: {cpus}, pid: {pid} }}\"")
    };
    assert_eq!(plan("interval:s:1"), event(1, 0, "Period(1000000000)", "First", "None"));
    assert_eq!(plan("interval:hz:5"), event(1, 0, "Frequency(5)", "First", "None"));
    assert_eq!(plan("profile:1500ns"), event(1, 0, "Period(1500)", "All", "Some(7)"));
    assert_eq!(plan("profile:hz:99"), event(1, 0, "Frequency(99)", "All", "Some(7)"));
    assert_eq!(plan("software:faults"), event(1, 2, "Period(100)", "All", "Some(7)"));
    assert_eq!(plan("software:cs:1"), event(1, 3, "Period(1)", "All", "Some(7)"));
    assert_eq!(plan("software:cpu:0"), event(1, 0, "Period(1000000)", "All", "Some(7)"));
    assert_eq!(plan("hardware:cache-misses:1e3"), event(0, 3, "Period(1000)", "All", "Some(7)"));
}

#[test]
fn syscalls_share_programs() {
    let shared = |text: &str| {
        let place = expand(text).expect("no mistake").remove(0);
        (place.probe_type.shared)(machine(), &place).map(|shared| (shared.key, shared.selector))
    };
    assert_eq!(shared("t:syscalls:sys_enter_openat"), Some(("sys_enter".into(), Some(257))));
    assert_eq!(shared("t:syscalls:sys_exit_read"), Some(("sys_exit".into(), Some(0))));
    assert_eq!(shared("t:raw_syscalls:sys_enter"), None);
    assert_eq!(shared("t:sched:sched_switch"), None);
}

/// Fields of `args` as `name: type @offset`.
fn args(text: &str) -> String {
    let place = expand(text).expect("no mistake").remove(0);
    let fields = (place.probe_type.args)(machine(), &place).expect("args").fields.clone();
    fields.iter().map(|field| format!("{}: {} @{}", field.name, field.ty, field.offset)).collect::<Vec<_>>().join(", ")
}

#[test]
fn args_are_typed() {
    let switch = "prev_comm: string[16] @8, prev_pid: int32 @24, prev_prio: int32 @28, prev_state: int64 @32, next_comm: string[16] @40, \
                  next_pid: int32 @56, next_prio: int32 @60";
    assert_eq!(args("t:sched:sched_switch"), switch);
    assert_eq!(args("t:sched:sched_process_exec"), "filename: int8 * @8, pid: int32 @12, old_pid: int32 @16");
    assert_eq!(args("t:compaction:mm_compaction_suitable"), "nid: int32 @8, idx: enum zone_type @12, order: int32 @16, ret: int32 @20");
    assert_eq!(args("t:raw_syscalls:sys_enter"), "id: int64 @0, args: uint64[6] @0");
    assert_eq!(args("t:raw_syscalls:sys_exit"), "id: int64 @0, ret: int64 @0");
    let openat = "__syscall_nr: int32 @0, dfd: uint64 @0, filename: int8 * @8, flags: uint64 @16, mode: uint64 @24";
    assert_eq!(args("t:syscalls:sys_enter_openat"), openat);
    assert_eq!(args("t:syscalls:sys_exit_read"), "__syscall_nr: int32 @0, ret: int64 @0");
    assert_eq!(
        args("rt:sched_switch"),
        "preempt: bool @0, prev: struct task_struct * @8, next: struct task_struct * @16, prev_state: uint32 @24"
    );
}

fn list(text: &str, verbose: bool) -> Vec<String> {
    let mut parts = text.split(':');
    let row = by_name(parts.next().unwrap_or("")).expect("a probe type");
    let listed = (row.list)(machine(), &parts.collect::<Vec<_>>(), verbose);
    listed
        .into_iter()
        .flat_map(|line| std::iter::once(line.name).chain(line.details.into_iter().map(|detail| format!("    {detail}"))))
        .collect()
}

#[test]
fn listings_are_attachable() {
    assert_eq!(list("tracepoint:*exec", false), ["tracepoint:sched:sched_process_exec"]);
    assert_eq!(list("tracepoint:sched", false), Vec::<String>::new());
    assert_eq!(list("tracepoint:sched:", false).len(), 3);
    let exec = ["tracepoint:sched:sched_process_exec", "    __data_loc char[] filename", "    pid_t pid", "    pid_t old_pid"];
    assert_eq!(list("tracepoint:sched:*exec", true), exec);
    assert_eq!(list("tracepoint:*sys_exit_read", true), ["tracepoint:syscalls:sys_exit_read", "    int __syscall_nr", "    long ret"]);
    let switch =
        ["rawtracepoint:vmlinux:sched_switch", "    bool preempt", "    struct task_struct * prev", "    struct task_struct * next"];
    assert_eq!(list("rawtracepoint:*switch", true)[..4], switch);
    assert_eq!(list("interval:*", false), ["interval:hz:", "interval:ms:", "interval:s:", "interval:us:"]);
    assert_eq!(list("self:*", false), ["self:signal:SIGUSR1"]);
    assert_eq!(
        list("software:c*", false),
        ["software:context-switches:", "software:cpu-clock:", "software:cpu-migrations:", "software:cpu:", "software:cs:"]
    );
    assert_eq!(
        list("hardware:*cycles", false),
        ["hardware:bus-cycles:", "hardware:cpu-cycles:", "hardware:cycles:", "hardware:ref-cycles:"]
    );
}
