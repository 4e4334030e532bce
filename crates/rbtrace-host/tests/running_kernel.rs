//! The host's answers about the kernel these tests run on, compared with what other tools and files of it say.
//! A test that lacks what it needs says so and is counted.

use std::collections::BTreeSet;
use std::process::Command;

use rbtrace_host::{Host, tracefs};
use rbtrace_types::{Facts, Feature, Struct, Type};

/// Says that a test cannot run here. Written to the stream itself: what `print` macros say is captured, and a skip would be counted as passed.
fn skip(why: &str) {
    use std::io::Write as _;
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // A closed stream has nobody who counts.
    let _ = writeln!(std::io::stdout(), "\nskipped test: {test}: {why}");
}

fn host_with_btf() -> Option<Host> {
    let host = Host::new();
    if !host.btf().exists() {
        skip("this kernel has no BTF");
        return None;
    }
    assert_eq!(host.btf().error(), None);
    Some(host)
}

fn host_with_tracefs() -> Option<Host> {
    if let Err(error) = tracefs::ensure_tracefs() {
        skip(&format!("{error:#}"));
        return None;
    }
    let host = Host::new();
    if host.tracepoints().is_empty() {
        skip("tracefs cannot be read");
        return None;
    }
    Some(host)
}

fn structure(host: &Host, name: &str) -> std::sync::Arc<Struct> {
    match host.kernel_type(name) {
        Some(Type::Struct(found)) => found,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn every_tracepoint_has_a_format() {
    let Some(host) = host_with_tracefs() else { return };
    let names = host.tracepoints();
    assert!(names.is_sorted() && names.len() > 100);
    for name in names.iter() {
        let (category, event) = name.split_once(':').expect("a name has two parts");
        let format = host.tracepoint(category, event).unwrap_or_else(|| panic!("{name} has no format"));
        assert!(format.fields.iter().any(|field| field.common), "{name}");
    }
    assert!(host.tracepoint("sched", "no_such_event").is_none() && host.tracepoint("../events/sched", "sched_switch").is_none());
}

#[test]
fn every_syscall_event_has_a_number_of_its_own() {
    let Some(host) = host_with_tracefs() else { return };
    let mut numbers = BTreeSet::new();
    for name in host.tracepoints().iter() {
        if let Some(event) = name.strip_prefix("syscalls:sys_enter_") {
            let number = host.syscall_number(event).unwrap_or_else(|| panic!("{event} has no number"));
            assert!(numbers.insert(number), "{event}: {number} is another's number");
        }
    }
}

#[test]
fn task_struct_is_laid_out_as_the_kernel_has_it() {
    let Some(host) = host_with_btf() else { return };
    let task = structure(&host, "struct task_struct");
    let comm = task.field("comm").expect("every task has a name");
    assert_eq!(comm.ty, Type::String(16));
    assert_eq!(task.field("pid").map(|field| field.ty.clone()), Some(Type::I32));
    assert_eq!(task.field("real_parent").map(|field| field.ty.to_string()).as_deref(), Some("struct task_struct *"));
    assert!(task.field("sched_reset_on_fork").is_some_and(|field| field.bits == Some((0, 1))));
    // Members of the anonymous struct that randstruct wants are the task's own.
    assert!(task.field("thread_info").is_some() && task.field("stack").is_some());
}

#[cfg(target_arch = "x86_64")]
#[test]
fn registers_are_where_the_abi_puts_them() {
    let Some(host) = host_with_btf() else { return };
    let registers = structure(&host, "struct pt_regs");
    let offset = |name: &str| registers.field(name).map(|field| field.offset);
    assert_eq!((offset("r15"), offset("orig_ax"), offset("ip"), registers.size), (Some(0), Some(120), Some(128), 168));
}

#[test]
fn raw_tracepoints_have_typed_arguments() {
    let Some(host) = host_with_btf() else { return };
    let all = host.raw_tracepoints();
    assert!(all.is_sorted() && all.len() > 100);
    let switch = host.raw_tracepoint("sched_switch").expect("every kernel switches");
    let shown: Vec<String> = switch.fields.iter().map(|field| format!("{} {} {}", field.offset, field.ty, field.name)).collect();
    assert_eq!(shown[..3], ["0 bool preempt", "8 struct task_struct * prev", "16 struct task_struct * next"]);
    for raw in all.iter().step_by(16) {
        assert!(host.raw_tracepoint(&raw.event).is_some(), "{raw:?}");
    }
    assert!(host.raw_tracepoint("no_such_event").is_none());
}

#[test]
fn enums_and_typedefs_are_found_by_name() {
    let Some(host) = host_with_btf() else { return };
    let (of, value) = host.kernel_enum_constant("BPF_PROG_TYPE_KPROBE").expect("BPF is there");
    assert_eq!((of.name.as_str(), value), ("enum bpf_prog_type", 2));
    assert_eq!(host.kernel_enum_constant("PIDTYPE_SID").map(|(_, value)| value), Some(3));
    assert_eq!(host.kernel_type("pid_t"), Some(Type::I32));
    assert_eq!(host.kernel_type("unsigned long"), Some(Type::U64));
    assert_eq!(host.kernel_type("atomic_t").map(|ty| ty.to_string()).as_deref(), Some("atomic_t"));
    assert!(host.kernel_type("struct no_such_struct").is_none() && host.kernel_enum_constant("NO_SUCH_CONSTANT").is_none());
    assert!(host.kernel_type("").is_none());
}

/// One struct in 64 of those `bpftool` knows, member by member: name, bit offset, bit-field width.
#[test]
fn structs_agree_with_bpftool() {
    let Some(host) = host_with_btf() else { return };
    let Ok(output) = Command::new("bpftool").args(["btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "raw"]).output() else {
        skip("bpftool is not installed");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut structs_seen = 0;
    let mut current: Option<std::sync::Arc<Struct>> = None;
    let mut seen_names = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with('[') {
            let mut words = line.split('\'');
            let keyword = words.next().and_then(|front| front.split_whitespace().nth(1)).unwrap_or("");
            let name = words.next().unwrap_or("");
            let is_struct = matches!(keyword, "STRUCT" | "UNION") && name != "(anon)";
            let full = format!("{} {name}", keyword.to_lowercase());
            // Of several structs of one name, the first is the one that is found.
            let is_new = is_struct && seen_names.insert(full.clone());
            current = (is_new && seen_names.len().is_multiple_of(64)).then(|| structure(&host, &full));
            structs_seen += usize::from(current.is_some());
        } else if let (Some(of), Some((name, rest))) = (&current, line.trim().strip_prefix('\'').and_then(|line| line.split_once('\''))) {
            check_member(of, name, rest);
        }
    }
    assert!(structs_seen > 20, "bpftool shows {structs_seen} structs");
}

fn check_member(of: &Struct, name: &str, rest: &str) {
    if name == "(anon)" {
        return;
    }
    let property =
        |key: &str| rest.split(key).nth(1).and_then(|value| value.split_whitespace().next()).and_then(|value| value.parse::<u32>().ok());
    let bits_offset = property("bits_offset=").expect("bpftool says where a member is");
    let field = of.field(name).unwrap_or_else(|| panic!("{} has no {name}", of.name));
    let first = field.bits.map_or(0, |(first, _)| u32::from(first));
    assert_eq!(field.offset * 8 + first, bits_offset, "{} {name}", of.name);
    if let Some(width) = property("bitfield_size=") {
        assert_eq!(field.bits.map(|(_, width)| u32::from(width)), Some(width), "{} {name}", of.name);
    }
}

#[test]
fn the_machine_is_counted() {
    let host = Host::new();
    assert!(host.cpus() >= 1);
    assert!(!host.has(Feature::TypedRawTracepoint) || host.btf().exists());
    assert_eq!(host.users().name(0), Some("root"));
}
