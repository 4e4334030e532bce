//! The unwind table of one binary: its call frame information (`.eh_frame`, else `.debug_frame`) → sorted rows. A function of bytes; knows no
//! process and no map.

mod rules;
mod undescribed;

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use gimli::{
    BaseAddresses, CieOrFde, DebugFrame, EhFrame, EndianSlice, FrameDescriptionEntry, LittleEndian, UnwindContext, UnwindOffset,
    UnwindSection,
};
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol, SegmentFlags, SymbolKind, elf};
use rbtrace_types::unwind::{Base, Row, Rule, Saved};

use self::rules::Registers;
use crate::binaries::file::map;
use crate::broken;
use crate::symbols::mappings::{Mappings, What};

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// Longer common entries are left out: they are read again for each of their functions.
const LONGEST_COMMON: usize = 4096;
/// What handlers of signals return to where the kernel provides it (aarch64).
const SIGNAL_RETURN: &str = "__kernel_rt_sigreturn";

/// What a binary says about its frames.
#[derive(Debug, Default)]
pub struct Table {
    /// Invariant: sorted by place, each place once.
    pub rows: Vec<Row>,
    /// Functions that are described, and keep in memory who called them: others call nobody and need no frame.
    pub functions: usize,
    /// Those of them that set up a frame pointer.
    pub framed: usize,
}

impl Table {
    /// Whether the binary was compiled without frame pointers. Then some functions still have them, those whose frames grow; with them some have none:
    /// those of the linker, and what was written by hand.
    pub fn is_unframed(&self) -> bool {
        self.framed * 2 < self.functions
    }
}

/// A piece of the file that becomes executable memory.
#[derive(Debug, Clone, Copy)]
struct Code {
    address: u64,
    offset: u64,
    size: u64,
}

/// Reads the table of a binary; `None` if it is none, or says nothing of its frames.
pub fn table(bytes: &[u8]) -> Option<Table> {
    let file = object::File::parse(bytes).ok().filter(|file| file.is_little_endian())?;
    let registers = Registers::of(file.architecture())?;
    let section = |name: &str| {
        let section = file.section_by_name(name)?;
        Some((section.address(), section.data().ok()?))
    };
    let mut bases = BaseAddresses::default();
    if let Some(text) = file.section_by_name(".text") {
        bases = bases.set_text(text.address());
    }
    let mut builder = Builder { code: file.segments().filter_map(|segment| code(&segment)).collect(), registers, table: Table::default() };
    if let Some((address, data)) = section(".eh_frame") {
        let mut entries = EhFrame::new(data, LittleEndian);
        entries.set_address_size(8);
        entries.set_vendor(registers.vendor());
        builder.read(&entries, &bases.clone().set_eh_frame(address));
    }
    if builder.table.rows.is_empty()
        && let Some((_, data)) = section(".debug_frame")
    {
        let mut entries = DebugFrame::new(data, LittleEndian);
        entries.set_address_size(8);
        entries.set_vendor(registers.vendor());
        builder.read(&entries, &bases);
    }
    if registers == Registers::Aarch64
        && let Some(place) = file.dynamic_symbols().find(|symbol| symbol.name() == Ok(SIGNAL_RETURN))
    {
        if builder.table.rows.is_empty() {
            builder.by_instructions(bytes, &file);
        }
        builder.signal_return(place.address());
    }
    builder.begin_at(file.entry());
    builder.fill_gaps();
    (!builder.table.rows.is_empty()).then_some(builder.table)
}

/// The table of a file of that name; one that breaks who reads it has none.
pub fn table_of(name: &str, bytes: &[u8]) -> Option<Table> {
    broken::attempt(name, || table(bytes)).flatten()
}

/// The table of the binary at a path.
pub fn table_at(path: &Path) -> Option<Table> {
    table_of(&path.to_string_lossy(), &map(path).ok()?)
}

/// The table of the code that the kernel gives to every process.
pub fn vdso() -> Option<Table> {
    let ours = Mappings::default().look(std::process::id()).into_iter().find(|code| matches!(code.what, What::Vdso))?;
    let mut bytes = vec![0; usize::try_from(ours.stretch.end - ours.stretch.start).ok()?];
    File::open("/proc/self/mem").and_then(|memory| memory.read_exact_at(&mut bytes, ours.stretch.start)).ok()?;
    table(&bytes)
}

/// The table of code that is described nowhere but keeps frame pointers, as what is compiled while a program runs mostly does.
pub fn chain() -> Row {
    let rule = match cfg!(target_arch = "aarch64") {
        true => Rule::Frame { base: Base::Chain(0), return_address: Saved::AtBase(8), frame_pointer: Saved::AtBase(0) },
        false => Rule::Frame { base: Base::Chain(16), return_address: Saved::AtBase(-8), frame_pointer: Saved::AtBase(-16) },
    };
    Row { at: 0, rule }
}

fn code<'a>(segment: &impl ObjectSegment<'a>) -> Option<Code> {
    let SegmentFlags::Elf { p_flags, .. } = segment.flags() else { return None };
    let (offset, size) = segment.file_range();
    p_flags.contains(elf::PF_X).then_some(Code { address: segment.address(), offset, size })
}

struct Builder {
    code: Vec<Code>,
    registers: Registers,
    table: Table,
}

impl Builder {
    fn read<'a, S: UnwindSection<Bytes<'a>>>(&mut self, section: &S, bases: &BaseAddresses)
    where
        S::Offset: UnwindOffset<usize>,
    {
        let mut functions = Vec::new();
        let mut entries = section.entries(bases);
        // What comes behind an entry that cannot be read cannot be found.
        while let Ok(Some(entry)) = entries.next() {
            let CieOrFde::Fde(partial) = entry else { continue };
            let Ok(function) = partial.parse(|section, bases, offset| section.cie_from_offset(bases, offset)) else { continue };
            if function.cie().entry_len() <= LONGEST_COMMON
                && let Some(stretch) = self.in_file(function.initial_address(), function.len())
            {
                functions.push((stretch, function));
            }
        }
        functions.sort_by_key(|((start, _), _)| *start);
        let mut context = UnwindContext::new();
        let mut behind = 0;
        for ((start, end), function) in functions {
            // Of two that describe the same code the first counts.
            if start < behind || start >= end {
                continue;
            }
            self.function((start, end), &function, section, bases, &mut context);
            self.push(end, Rule::Unknown);
            behind = end;
        }
    }

    /// Appends the rows of a function that stands in a stretch of the file.
    fn function<'a, S: UnwindSection<Bytes<'a>>>(
        &mut self,
        (start, end): (u32, u32),
        function: &FrameDescriptionEntry<Bytes<'a>>,
        section: &S,
        bases: &BaseAddresses,
        context: &mut UnwindContext<usize>,
    ) {
        // Until something else is said. Rows that come out of order are damaged, and so is the rest of the function.
        self.push(start, Rule::Unknown);
        let Ok(mut rows) = function.rows(section, bases, context) else { return };
        let (mut keeps_caller, mut framed) = (false, false);
        let mut last = 0;
        while let Ok(Some(row)) = rows.next_row() {
            // A function may claim more than its segment has.
            let Some(distance) = row.start_address().checked_sub(function.initial_address()).filter(|at| *at < u64::from(end - start))
            else {
                break;
            };
            if distance < last {
                break;
            }
            last = distance;
            let rule = if function.is_signal_trampoline() { Rule::Signal } else { self.registers.rule(row, section) };
            keeps_caller |= matches!(rule, Rule::Frame { return_address: Saved::AtBase(_) | Saved::AtFrame(_), .. });
            framed |= self.registers.sets_up_frame(rule);
            self.push(start + distance as u32, rule);
        }
        self.table.functions += usize::from(keeps_caller);
        self.table.framed += usize::from(framed);
    }

    /// Describes the functions that a file shows others by what they do.
    fn by_instructions(&mut self, bytes: &[u8], file: &object::File<'_>) {
        let mut functions: Vec<(u32, u32)> = file
            .dynamic_symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
            .filter_map(|symbol| self.in_file(symbol.address(), symbol.size()))
            .collect();
        functions.sort_unstable();
        functions.dedup_by_key(|(start, _)| *start);
        for (start, end) in functions {
            let rules = bytes.get(start as usize..end as usize).and_then(undescribed::rules);
            for (into, rule) in rules.unwrap_or_default() {
                self.push(start + into, rule);
            }
            self.push(end, Rule::Unknown);
        }
    }

    /// Where a program begins nobody called; the linker's own beginning is not described.
    fn begin_at(&mut self, entry: u64) {
        /// There is little to it.
        const LENGTH: u64 = 256;
        let Some((start, end)) = self.in_file(entry, LENGTH).filter(|_| entry != 0) else { return };
        let rows = &mut self.table.rows;
        let next = rows.partition_point(|row| row.at <= start);
        let is_described = next.checked_sub(1).is_some_and(|before| rows[before].rule != Rule::Unknown);
        if is_described || rows.is_empty() {
            return;
        }
        let until = rows.get(next).is_none_or(|row| row.at > end).then_some(Row { at: end, rule: Rule::Unknown });
        let from = next - usize::from(next > 0 && rows[next - 1].at == start);
        rows.splice(from..next, [Row { at: start, rule: Rule::End }].into_iter().chain(until));
    }

    /// Much code that nobody describes was not made by a compiler of the binary: what V8 puts into node was made by V8, and keeps frame pointers.
    fn fill_gaps(&mut self) {
        const LARGE: u64 = 128 << 10;
        let rows = &mut self.table.rows;
        for at in 0..rows.len() {
            let (start, next) = (u64::from(rows[at].at), rows.get(at + 1).map_or(u64::MAX, |row| row.at.into()));
            let code = self.code.iter().find(|code| start >= code.offset && start - code.offset < code.size);
            if rows[at].rule == Rule::Unknown && code.is_some_and(|code| next.min(code.offset.saturating_add(code.size)) - start >= LARGE) {
                rows[at].rule = chain().rule;
            }
        }
        let first = rows.first().map_or(0, |row| u64::from(row.at));
        if let Some(code) = self.code.iter().find(|code| first >= code.offset && first - code.offset < code.size)
            && first - code.offset >= LARGE
        {
            rows.insert(0, Row { at: code.offset as u32, ..chain() });
        }
    }

    fn push(&mut self, at: u32, rule: Rule) {
        let rows = &mut self.table.rows;
        if let Some(last) = rows.last_mut()
            && last.at == at
        {
            last.rule = rule;
        } else if rows.last().is_none_or(|last| last.rule != rule) {
            rows.push(Row { at, rule });
        }
    }

    /// The place in the file of code that is to be at an address, and the one behind it.
    fn in_file(&self, address: u64, length: u64) -> Option<(u32, u32)> {
        let code = self.code.iter().find(|code| address >= code.address && address - code.address < code.size)?;
        let into = address - code.address;
        let start = code.offset.checked_add(into)?;
        let end = start.checked_add(length.min(code.size - into))?;
        Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
    }

    /// The kernel of aarch64 does not describe where handlers of signals return to: debuggers know the place by its name.
    fn signal_return(&mut self, address: u64) {
        /// Two instructions, and the one before: who looks for a caller looks for the place before the one it returns to.
        const LENGTH: u64 = 12;
        let Some((start, end)) = address.checked_sub(4).and_then(|before| self.in_file(before, LENGTH)) else { return };
        let rows = &mut self.table.rows;
        let behind = rows.iter().rev().find(|row| row.at <= end).map_or(Rule::Unknown, |row| row.rule);
        let from = rows.partition_point(|row| row.at < start);
        let to = rows.partition_point(|row| row.at <= end);
        rows.splice(from..to, [Row { at: start, rule: Rule::Signal }, Row { at: end, rule: behind }]);
    }
}

#[cfg(test)]
mod tests;
