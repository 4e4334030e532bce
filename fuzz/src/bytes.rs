//! Properties of everything that reads bytes from outside.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use object::{Object as _, ObjectSegment as _};
use rbtrace_host::binaries::{Binaries, DebugPlaces};
use rbtrace_host::btf::KernelBtf;
use rbtrace_host::symbols::mappings::NewMapping;
use rbtrace_host::symbols::{Id, Stretch, Symbols, Wanted};
use rbtrace_host::{Facts, Host};
use rbtrace_lang::run::World;
use rbtrace_lang::{Value, format, value};
use rbtrace_types::binary::Naming;
use rbtrace_types::{Space, Type};

/// Of a file's types so many are looked at.
const MOST_TYPES: usize = 20;

/// Of its segments so many, and so many places in each.
const MOST_SEGMENTS: usize = 16;
const MOST_PLACES: u64 = 16;

/// Where bytes become a file, each at a place of its own: it is mapped into memory, which is gone where somebody else empties the file.
fn place(ending: &str) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("rbtrace-fuzz-{}-{number}.{ending}", std::process::id()))
}

/// Any bytes are type information or are refused; every question is answered.
pub fn kernel_types(data: &[u8]) {
    let path = place("btf");
    if std::fs::write(&path, data).is_err() {
        return;
    }
    let btf = KernelBtf::new(path.clone(), PathBuf::from("/nonexistent"));
    for name in ["struct task_struct", "enum pid_type", "pid_t", "union x", "int"] {
        btf.kernel_type(name);
    }
    btf.enum_constant("PIDTYPE_PID");
    for keyword in ["struct", "union", "enum"] {
        for (name, (module, id)) in btf.tagged(keyword).into_iter().take(MOST_TYPES) {
            btf.kernel_type(&format!("{keyword} {name}"));
            btf.c_text(module, id);
        }
    }
    btf.has_function("vfs_read");
    for tracepoint in btf.raw_tracepoints() {
        btf.raw_tracepoint(&tracepoint.event);
    }
    btf.raw_tracepoint("sched_switch");
    // A leftover is a few bytes in a temporary directory.
    let _ = std::fs::remove_file(path);
}

/// Any bytes are a program with debug information or are refused; every question is answered.
pub fn debug_info(data: &[u8]) {
    let path = place("elf");
    if std::fs::write(&path, data).is_err() {
        return;
    }
    let (host, binary) = (Host::new(), path.to_string_lossy().into_owned());
    let functions = host.functions(&binary, Naming::Symbol).unwrap_or_default();
    let mut near = None;
    for function in functions.iter().take(MOST_TYPES) {
        if let Ok(Some(_)) = host.declaration(&binary, function.address) {
            near = Some(function.address);
        }
    }
    for name in ["struct node", "union number", "enum color", "item", "int", "struct zoo::Cat", "struct Box<int>", ""] {
        // A file that is no ELF file is asked once.
        if host.program_type(&binary, near, name).is_none() && functions.is_empty() {
            break;
        }
    }
    host.program_constant(&binary, near, "GREEN");
    if let Ok(described) = Binaries::default().debug_info(&binary) {
        for function in functions.iter().take(MOST_TYPES) {
            described.around(function.address);
            // A broken place is an error.
            let _ = described.variables(function.address);
        }
    }
    let _ = std::fs::remove_file(path);
}

/// Any bytes are a file that a process has in memory; whatever it says of its code, who asks for names and lines goes on.
pub fn names(data: &[u8]) {
    /// The number of no process.
    const NOBODY: u32 = 1 << 23;
    const START: u64 = 1 << 32;
    let path = place("mapped");
    if std::fs::write(&path, data).is_err() {
        return;
    }
    if let Ok(found) = std::fs::metadata(&path) {
        let symbols = Symbols::new(Wanted { lines: true, demangled: true }, DebugPlaces::default());
        let id = Id { device: (0, 0), inode: found.ino() };
        let stretch = Stretch { start: START, end: START + found.len() };
        let path = path.to_string_lossy().into_owned();
        symbols.mappings().borrow_mut().mapped(NOBODY, &NewMapping { stretch, offset: 0, path, id });
        let code = object::File::parse(data).ok();
        let code = code.iter().flat_map(|file| file.segments()).map(|segment| segment.file_range());
        // Small programs have all of their code looked at, large ones some.
        let code = code.map(|(start, size)| (start.min(found.len()), size.min(found.len())));
        for (start, size) in code.take(MOST_SEGMENTS) {
            for offset in (start..start + size).step_by((size / MOST_PLACES).max(1) as usize) {
                symbols.user(NOBODY, START + offset);
            }
        }
    }
    let _ = std::fs::remove_file(path);
}

/// Any bytes have an unwind table or none; its rows are sorted, and not more than the bytes can say.
pub fn unwind(data: &[u8]) {
    let Some(table) = rbtrace_host::unwind::table(data) else { return };
    assert!(table.rows.is_sorted_by(|one, other| one.at < other.at));
    assert!(table.framed <= table.functions);
    assert!(table.rows.len() <= data.len());
}

/// The first bytes choose a type, the others are a value of it, or too few.
pub fn record(data: &[u8]) {
    let mut choices = data.iter().copied();
    let ty = some_type(&mut choices, 0);
    let rest = &data[data.len() - choices.len()..];
    if let Ok(value) = value::decode(&ty, rest, &Somewhere) {
        let mut out = Vec::new();
        format::render(b"%s %d %x %r", &[value.clone(), value.clone(), value.clone(), value], &mut out);
    }
}

/// Everything up to the first NUL is a format; the numbers and texts behind it are printed.
pub fn printf(data: &[u8]) {
    let (text, values) = data.split_at(data.iter().position(|&byte| byte == 0).unwrap_or(data.len()));
    let values: Vec<Value> = values.chunks(9).map(some_value).collect();
    let pieces = format::pieces(text).count();
    assert!(pieces <= text.len());
    format::render(text, &values, &mut Vec::new());
}

fn some_value(bytes: &[u8]) -> Value {
    let number = bytes.iter().skip(1).fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
    match bytes.first().copied().unwrap_or_default() % 8 {
        0 => Value::Int(number as i64),
        1 => Value::UInt(number),
        2 => Value::Bool(number & 1 == 1),
        3 => Value::Pointer(number),
        4 => Value::Str(bytes.to_vec()),
        5 => Value::Bytes(bytes.to_vec()),
        6 => Value::Tuple(vec![Value::Int(number as i64), Value::Str(bytes.to_vec())]),
        _ => Value::None,
    }
}

fn some_type(choices: &mut std::iter::Copied<std::slice::Iter<'_, u8>>, depth: u32) -> Type {
    let mut next = || choices.next().unwrap_or_default();
    let (kind, size) = (next(), next());
    match kind % if depth < 3 { 8 } else { 6 } {
        0 => Type::Bool,
        1 => Type::int(1 << (size % 4), true),
        2 => Type::int(1 << (size % 4), false),
        3 => Type::String(u32::from(size)),
        4 => Type::Buffer(u32::from(size)),
        5 => Type::Void.pointer(Space::Kernel),
        6 => Type::Array(some_type(choices, depth + 1).into(), u32::from(size % 16)),
        _ => Type::Tuple((0..size % 4).map(|_| some_type(choices, depth + 1)).collect()),
    }
}

/// A world that knows root, one text, and every entry of the first stack table.
struct Somewhere;

impl World for Somewhere {
    fn user_name(&self, uid: u32) -> Option<String> {
        (uid == 0).then(|| "root".to_string())
    }

    fn strftime(&self, format: &str, _: i64) -> String {
        format.to_string()
    }

    fn stack_entry(&self, table: u32, id: u64) -> Option<Vec<u8>> {
        (table == 0).then(|| id.to_le_bytes().to_vec())
    }

    fn cgroup_paths(&self, id: u64) -> Vec<(String, String)> {
        vec![("unified".to_string(), format!("/{id}"))]
    }

    fn text(&self, number: u64) -> Option<&str> {
        (number == 0).then_some("text")
    }
}
