//! Stacks as values: how they are kept and written. Which helper fills them is not known here.
//!
//! The frames of a stack lie once in a table of the kernel, under a hash of theirs: as values, in keys and in records stacks are short. An
//! entry of a table: a second hash as u64, the process that had it first as u64, then the frames, leaf first, zeros to the end. A frame is an address as u64, or the kernel's
//! `struct bpf_stack_build_id`. The value: the hash as u64, the number of frames as u16, the way they are written as u16, the number of the
//! table's map as u32; behind that of a user stack the process as u64.

use std::io::Write as _;
use std::rc::Rc;

use rbtrace_types::{Layout, Type};

use crate::run::{RunError, SourceLine, Symbol, World};
use crate::value::{Value, read_int};

/// Bytes before the frames in a table.
pub const ENTRY_HEADER: u32 = 16;
/// Where in the table the process is.
pub const ENTRY_PROCESS: u32 = 8;
/// Bytes of the value of a kernel stack; that of a user stack has [`PROCESS`] at its end.
const SIZE: u32 = 16;
/// Where the number of frames is in the value.
pub const COUNT: u32 = 8;
/// Where the mode is; the bit [`CUT`] says that the caller of the last frame is not known.
pub const MODE: u32 = 10;
/// See [`MODE`].
pub const CUT: i64 = 1 << 8;
/// A bit of the mode: unwind tables led from frame to frame, not frame pointers.
pub const UNWOUND: i64 = 1 << 9;
/// Where the table's number is.
pub const TABLE: u32 = 12;
/// Where the process is.
pub const PROCESS: u32 = SIZE;

/// What is written behind the last frame whose caller is not known.
pub const UNKNOWN_CALLER: &str = "<unwind failure>";

/// How the types of stacks begin.
pub const KERNEL: &str = "kstack_";
/// See [`KERNEL`].
pub const USER: &str = "ustack_";

/// How a stack is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Name and offset.
    Bpftrace,
    /// As `perf script` does.
    Perf,
    /// Bare addresses.
    Raw,
    /// The build id of the file and the place in it; user stacks only.
    BuildId,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Mode; 4] = [Mode::Bpftrace, Mode::Perf, Mode::Raw, Mode::BuildId];

    /// As scripts write it.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Bpftrace => "bpftrace",
            Mode::Perf => "perf",
            Mode::Raw => "raw",
            Mode::BuildId => "build_id",
        }
    }

    /// Its number in the value.
    pub fn number(self) -> i64 {
        match self {
            Mode::Bpftrace => 0,
            Mode::Perf => 1,
            Mode::Raw => 2,
            Mode::BuildId => 3,
        }
    }

    /// Bytes of a frame: an address, or `struct bpf_stack_build_id`.
    pub fn frame_size(self) -> u32 {
        match self {
            Mode::Bpftrace | Mode::Perf | Mode::Raw => 8,
            Mode::BuildId => 32,
        }
    }
}

/// The type of a kernel stack.
pub fn kernel(mode: Mode, limit: u32) -> Type {
    Type::named(&format!("{KERNEL}{}_{limit}", mode.word()), SIZE, 8)
}

/// The type of a user stack.
pub fn user(mode: Mode, limit: u32) -> Type {
    Type::named(&format!("{USER}{}_{limit}", mode.word()), PROCESS + 8, 8)
}

/// Whether a type is that of a stack.
pub fn is_stack(ty: &Type) -> bool {
    matches!(ty, Type::Named(named) if named.name.starts_with(KERNEL) || named.name.starts_with(USER))
}

/// Where in the bytes of a value stacks are.
pub fn places(ty: &Type) -> Vec<u32> {
    let elements = |types: Vec<&Type>| {
        let offsets = Layout::of(types.iter().copied()).offsets;
        types.into_iter().zip(offsets).flat_map(|(ty, offset)| places(ty).into_iter().map(move |at| offset + at)).collect()
    };
    match ty {
        Type::Named(_) => {
            if is_stack(ty) {
                vec![0]
            } else {
                Vec::new()
            }
        }
        Type::Tuple(items) => elements(items.iter().collect()),
        Type::Record(items) => elements(items.iter().map(|(_, ty)| ty).collect()),
        Type::Array(of, length) => {
            let inner = places(of);
            (0..*length).flat_map(|number| inner.iter().map(move |at| number * of.size() + at)).collect()
        }
        // Those of C know no stacks.
        Type::Struct(_) | Type::Void | Type::Bool | Type::Int(_) | Type::String(_) | Type::Buffer(_) => Vec::new(),
        Type::Pointer(..) | Type::Enum(_) | Type::Aggregate(_) => Vec::new(),
    }
}

/// The number of the table that a stack at a place is in, and its hash there; none if it has no frames.
pub fn kept(bytes: &[u8], at: u32) -> Option<(u32, u64)> {
    let part = |more: u32, size: u8| read_int(bytes.get((at + more) as usize..)?, size, false).ok();
    (part(COUNT, 2)? != 0).then_some((part(TABLE, 4)? as u32, part(0, 8)? as u64))
}

/// A stack, named.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// Whether it is that of a process.
    pub user: bool,
    /// How it is written.
    pub mode: Mode,
    /// The innermost first.
    pub frames: Vec<Frame>,
    /// The caller of the last one could not be found.
    pub cut: bool,
}

/// One function of a stack, with those that the compiler put into it.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// At an address.
    At {
        /// The address.
        address: u64,
        /// Bytes from where the symbol was looked up to the address.
        called: u64,
        /// What is there, if it was asked for and is known.
        symbol: Option<Rc<Symbol>>,
    },
    /// At a place in a file: its build id in hexadecimal.
    Place(String, u64),
    /// All that were there: the kernel could not keep them, and that was said.
    Lost,
}

/// Who names an address; the process is the one that had the stack first.
type Names<'a> = &'a dyn Fn(u32, u64) -> Option<Rc<Symbol>>;

/// Decodes a stack.
pub(super) fn show(user: bool, world: &dyn World, bytes: &[u8], symbol: Names<'_>) -> Result<Value, RunError> {
    let part = |at: u32, size: u8| read_int(bytes.get(at as usize..).unwrap_or_default(), size, false);
    let (id, count, number, table) = (part(0, 8)?, part(COUNT, 2)?, part(MODE, 2)?, part(TABLE, 4)?);
    let (cut, unwound, number) = (number & CUT != 0, number & UNWOUND != 0, number & !(CUT | UNWOUND));
    let mode = Mode::ALL.into_iter().find(|mode| mode.number() == number).ok_or(RunError::Truncated)?;
    let entry = if count == 0 { Some(vec![0; ENTRY_HEADER as usize]) } else { world.stack_entry(table as u32, id as u64) };
    let frames = match entry {
        Some(entry) => {
            let (header, frames) = entry.split_at_checked(ENTRY_HEADER as usize).ok_or(RunError::Truncated)?;
            let first = read_int(&header[ENTRY_PROCESS as usize..], 8, false)? as u32;
            let frames = named(mode, count as usize, frames, &|address| symbol(first, address))?;
            if user && !unwound {
                frames.iter().for_each(|frame| walked(world, first, frame));
            }
            frames
        }
        None => vec![Frame::Lost],
    };
    Ok(Value::Stack(Stack { user, mode, frames, cut }))
}

/// Tells that a frame pointer led to a frame.
fn walked(world: &dyn World, process: u32, frame: &Frame) {
    match frame {
        Frame::At { address, called, .. } => world.walked(process, address - called),
        Frame::Place(..) | Frame::Lost => {}
    }
}

fn named(mode: Mode, count: usize, bytes: &[u8], symbol: &dyn Fn(u64) -> Option<Rc<Symbol>>) -> Result<Vec<Frame>, RunError> {
    let mut frames = Vec::new();
    // Whether an address is a place that was interrupted, not one that is returned to.
    let mut is_exact = true;
    for bytes in bytes.chunks_exact(mode.frame_size() as usize).take(count) {
        frames.extend(match mode {
            Mode::BuildId => place(bytes)?,
            Mode::Raw => Some(Frame::At { address: read_int(bytes, 8, false)? as u64, called: 0, symbol: None }),
            Mode::Bpftrace | Mode::Perf => {
                let address = read_int(bytes, 8, false)? as u64;
                // Where a call returns to may be another line, or another function if the call never returns.
                let called = u64::from(!is_exact && address > 0);
                let found = symbol(address - called);
                // No call returns to where a function begins, but handlers of signals do: to what gives the interrupted place back.
                let begun = if found.is_none() && called > 0 { symbol(address).filter(|begun| begun.offset == 0) } else { None };
                is_exact = begun.is_some();
                Some(Frame::At { address, called: if is_exact { 0 } else { called }, symbol: found.or(begun) })
            }
        });
    }
    Ok(frames)
}

/// A frame that is a place in a file, or an address where the file has no build id. Where nothing is known nothing follows either.
fn place(bytes: &[u8]) -> Result<Option<Frame>, RunError> {
    /// `BPF_STACK_BUILD_ID_VALID`, `BPF_STACK_BUILD_ID_IP`
    const VALID: i64 = 1;
    const ADDRESS: i64 = 2;
    let id: String = bytes.get(4..24).unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect();
    let at = read_int(bytes.get(24..).unwrap_or_default(), 8, false)? as u64;
    Ok(match read_int(bytes, 4, true)? {
        VALID => Some(Frame::Place(id, at)),
        ADDRESS => Some(Frame::At { address: at, called: 0, symbol: None }),
        _ => None,
    })
}

impl Stack {
    /// Appends its text (SPEC §9.9): a line for each frame, a blank one before.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
        for frame in &self.frames {
            match (self.mode, frame) {
                (_, Frame::Lost) => out.extend_from_slice(b"        [frames lost]\n"),
                (_, Frame::Place(id, at)) => put(out, format_args!("{id} {at:#x}\n")),
                (Mode::Bpftrace, Frame::At { address, called, symbol }) => bpftrace(*address, symbol.as_deref(), *called, out),
                (Mode::Perf, Frame::At { address, called, symbol }) => perf(*address, symbol.as_deref(), *called, out),
                (Mode::Raw | Mode::BuildId, Frame::At { address, .. }) => put(out, format_args!("{address:x}\n")),
            }
        }
        if self.cut {
            out.extend_from_slice(match self.mode {
                Mode::Bpftrace => b"        ".as_slice(),
                Mode::Perf => b"\t",
                Mode::Raw | Mode::BuildId => b"",
            });
            put(out, format_args!("{UNKNOWN_CALLER}\n"));
        }
    }
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes every byte");
}

fn bpftrace(address: u64, found: Option<&Symbol>, called: u64, out: &mut Vec<u8>) {
    let Some(found) = found else { return put(out, format_args!("        {address:#x}\n")) };
    let at = |line: &Option<SourceLine>| line.as_ref().map(|line| format!("@{}:{}", line.path, line.line)).unwrap_or_default();
    for inner in &found.inlined {
        put(out, format_args!("        [inlined] {}{}\n", inner.name, at(&inner.line)));
    }
    put(out, format_args!("        {}+{}{}\n", found.name, found.offset + called, at(&found.line)));
}

fn perf(address: u64, found: Option<&Symbol>, called: u64, out: &mut Vec<u8>) {
    let Some(found) = found else { return put(out, format_args!("\t{address:x} {address:#x} ([unknown])\n")) };
    for inner in &found.inlined {
        put(out, format_args!("\t{address:x} {} (inlined)\n", inner.name));
    }
    let module = found.module.as_ref().map(|module| format!(" ({module})")).unwrap_or_default();
    put(out, format_args!("\t{address:x} {}+{}{module}\n", found.name, found.offset + called));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Inlined, Nowhere};

    #[test]
    fn stacks_are_found_in_values() {
        let (user, kernel) = (user(Mode::Raw, 3), kernel(Mode::Bpftrace, 127));
        let value = Type::Tuple(vec![Type::U32, user, Type::Record(vec![("a".into(), Type::Bool), ("b".into(), kernel.clone())])]);
        assert_eq!(places(&value), [8, 40]);
        assert_eq!(places(&Type::Array(kernel.into(), 2)), [0, 16]);
        assert_eq!(kept(&[0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0], 1), Some((9, 5)));
        assert_eq!(kept(&[5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0], 0), None);
    }

    fn check(mode: Mode, count: usize, expected: &str) {
        let frames: Vec<u8> = [0x10u64, 0x25, 0x12, 0].iter().flat_map(|word| word.to_ne_bytes()).collect();
        let line = |line| Some(SourceLine { path: "/src/f.c".into(), line });
        let known = |address| {
            let inlined = if address == 0x11 { vec![Inlined { name: "g".into(), line: line(7) }] } else { vec![] };
            let line = if address == 0x11 { line(9) } else { None };
            let offset = address - 0xd;
            (address < 0x20).then(|| Rc::new(Symbol { name: "f".into(), offset, module: Some("/lib".into()), line, inlined }))
        };
        let frames = named(mode, count, &frames, &known).expect("whole");
        let mut text = Vec::new();
        Stack { user: true, mode, frames, cut: false }.write(&mut text);
        assert_eq!(String::from_utf8_lossy(&text), expected);
    }

    #[test]
    fn places_in_files_have_a_build_id() {
        let frame = |status: i32| [&status.to_ne_bytes()[..], &[0xab; 20], &0x1234u64.to_ne_bytes()].concat();
        assert_eq!(place(&frame(1)), Ok(Some(Frame::Place("ab".repeat(20), 0x1234))));
        assert_eq!(place(&frame(2)), Ok(Some(Frame::At { address: 0x1234, called: 0, symbol: None })));
        assert_eq!(place(&frame(0)), Ok(None));
        assert_eq!(place(&[1, 0, 0, 0]), Err(RunError::Truncated));
    }

    #[test]
    fn each_mode_has_its_lines() {
        check(Mode::Bpftrace, 3, "\n        f+3\n        0x25\n        [inlined] g@/src/f.c:7\n        f+5@/src/f.c:9\n");
        check(Mode::Perf, 3, "\n\t10 f+3 (/lib)\n\t25 0x25 ([unknown])\n\t12 g (inlined)\n\t12 f+5 (/lib)\n");
        check(Mode::Raw, 2, "\n10\n25\n");
        check(Mode::Raw, 0, "\n");
    }

    #[test]
    fn a_stack_without_its_end_says_so() {
        let shown = |mode| {
            let (frames, mut text) = (vec![Frame::At { address: 0x10, called: 0, symbol: None }], Vec::new());
            Stack { user: true, mode, frames, cut: true }.write(&mut text);
            String::from_utf8(text).expect("text")
        };
        assert_eq!(shown(Mode::Bpftrace), "\n        0x10\n        <unwind failure>\n");
        assert_eq!(shown(Mode::Perf), "\n\t10 0x10 ([unknown])\n\t<unwind failure>\n");
        assert_eq!(shown(Mode::Raw), "\n10\n<unwind failure>\n");
    }

    #[test]
    fn values_say_what_is_wrong_with_them() {
        let shown = |count: u16, mode: u16| {
            let bytes = [&7u64.to_ne_bytes()[..], &count.to_ne_bytes(), &mode.to_ne_bytes(), &1u32.to_ne_bytes()].concat();
            show(true, &Nowhere, &bytes, &|_, _| None)
        };
        let stack = |frames| Ok(Value::Stack(Stack { user: true, mode: Mode::Bpftrace, frames, cut: false }));
        assert_eq!(shown(0, 0), stack(vec![]));
        assert_eq!(shown(2, 0), stack(vec![Frame::Lost]));
        assert_eq!(shown(2, 9), Err(RunError::Truncated));
        assert_eq!(show(true, &Nowhere, &[7; 9], &|_, _| None), Err(RunError::Truncated));
    }
}
