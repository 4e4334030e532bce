//! Which code processes have, or had, where in memory. Told by the kernel's records of mappings, forks and program starts, and by
//! `/proc/PID/maps` for processes that were there before; it remembers those that are gone. Knows no symbol.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rbtrace_types::symbol::Symbol;

use super::files::{Files, Id, MappedFile, Stretch};
use super::jitted::Jitted;

/// What the kernel says of a new mapping of a file.
#[derive(Clone, Debug)]
pub struct NewMapping {
    /// Where it is.
    pub stretch: Stretch,
    /// Offset in the file of its start.
    pub offset: u64,
    /// The file, as the process sees it; `[vdso]` and the like for what is none.
    pub path: String,
    /// The same file, as the kernel sees it.
    pub id: Id,
}

/// What is at an address.
#[derive(Clone, Debug)]
pub enum Place {
    /// A place in a file.
    File(Rc<MappedFile>, u64),
    /// A place in the code that the kernel gives to every process.
    Vdso(u64),
    /// Memory without a file: code that was made while the program ran.
    Anonymous,
}

#[derive(Clone, Debug)]
struct Mapping {
    stretch: Stretch,
    offset: u64,
    what: What,
}

/// What code is.
#[derive(Clone, Debug)]
pub enum What {
    /// That of a file.
    File(Rc<MappedFile>),
    /// What the kernel gives to every process.
    Vdso,
    /// Of no file: made while the program ran.
    Anonymous,
    /// The kernel's own means: where functions return to that are watched.
    Special,
}

/// A stretch of code that a process has in memory.
#[derive(Clone, Debug)]
pub struct Code {
    /// Where it is.
    pub stretch: Stretch,
    /// Offset in the file of its start.
    pub offset: u64,
    /// What it is.
    pub what: What,
}

/// As long what a process has in memory is taken to be what it had when it was asked, if nothing else is heard.
const AGAIN: Duration = Duration::from_millis(100);

/// A process. A program that it ran before is remembered, too: stacks are named long after they were taken.
#[derive(Clone, Debug, Default)]
struct Process {
    /// The newest last: it covers what was there before.
    now: Vec<Mapping>,
    before: Vec<Mapping>,
    /// When `/proc` was asked.
    asked: Option<Instant>,
}

/// All processes that were heard of.
#[derive(Debug, Default)]
pub struct Mappings {
    processes: HashMap<u32, Process>,
    files: Files,
    jitted: Jitted,
}

impl Mappings {
    /// A process has new code in memory.
    pub fn mapped(&mut self, pid: u32, new: &NewMapping) {
        let what = self.what(pid, new);
        let mapping = Mapping { stretch: new.stretch, offset: new.offset, what };
        if mapping.what.may_be_made() {
            self.jitted.meet(pid);
        }
        self.processes.entry(pid).or_default().now.push(mapping);
    }

    /// A process has a child, which begins with the same memory.
    pub fn forked(&mut self, parent: u32, child: u32) {
        // One that is not known is asked when it matters; then it is asked itself. Another process may have had the child's number.
        match self.processes.get(&parent).cloned() {
            Some(process) => drop(self.processes.insert(child, process)),
            None => drop(self.processes.remove(&child)),
        }
        self.jitted.forked(parent, child);
    }

    /// A process begins another program: its memory is empty.
    pub fn executed(&mut self, pid: u32) {
        let process = self.processes.entry(pid).or_default();
        process.before = std::mem::take(&mut process.now);
        process.asked = None;
        self.jitted.executed(pid);
    }

    /// A process has ended.
    pub fn ended(&mut self, pid: u32) {
        self.jitted.ended(pid);
    }

    /// Opens what processes have written down about their code since this was last asked.
    pub fn look_again(&mut self) {
        self.jitted.look_again();
    }

    /// Asks for what a process has in memory, if nobody did yet: it may be gone later.
    pub fn meet(&mut self, pid: u32) {
        self.ask(pid, Duration::MAX);
        if self.processes.get(&pid).is_some_and(|process| process.now.iter().any(|mapping| mapping.what.may_be_made())) {
            self.jitted.meet(pid);
        }
    }

    /// Whether anything was heard of what a process has, or had, in memory.
    pub fn knows(&self, pid: u32) -> bool {
        self.processes.get(&pid).is_some_and(|process| !process.now.is_empty() || !process.before.is_empty())
    }

    /// What a process calls code that it made while it ran.
    pub fn made(&mut self, pid: u32, address: u64) -> Option<Symbol> {
        self.jitted.find(pid, address)
    }

    /// The place in its file of code that a program copied to other memory at the same address, as large ones do for huge pages.
    pub fn copied(&self, pid: u32, address: u64) -> Option<(Rc<MappedFile>, u64)> {
        self.processes.get(&pid)?.copied(address)
    }

    fn ask(&mut self, pid: u32, again: Duration) {
        if self.processes.get(&pid).and_then(|process| process.asked).is_some_and(|asked| asked.elapsed() < again) {
            return;
        }
        let Ok(text) = std::fs::read(format!("/proc/{pid}/maps")) else { return };
        let found: Vec<NewMapping> = text.split(|&byte| byte == b'\n').filter_map(code).collect();
        // That of a process which has ended and is not yet forgotten is empty.
        if found.is_empty() {
            return;
        }
        let now: Vec<Mapping> =
            found.iter().map(|new| Mapping { stretch: new.stretch, offset: new.offset, what: self.seen(pid, new) }).collect();
        let process = self.processes.entry(pid).or_default();
        if process.asked.is_none() {
            process.now.clear();
        }
        process.now.retain(|old| now.iter().all(|new| (new.stretch, new.offset) != (old.stretch, old.offset)));
        process.now.extend(now);
        process.asked = Some(Instant::now());
    }

    /// The code that a process has in memory now, by address; nothing if it is gone.
    pub fn look(&mut self, pid: u32) -> Vec<Code> {
        let Ok(text) = std::fs::read(format!("/proc/{pid}/maps")) else { return Vec::new() };
        let found: Vec<NewMapping> = text.split(|&byte| byte == b'\n').filter_map(code).collect();
        let mut all = Vec::new();
        for new in found {
            let what = self.seen(pid, &new);
            if what.may_be_made() {
                self.jitted.meet(pid);
            }
            let process = self.processes.entry(pid).or_default();
            if !process.now.iter().any(|known| (known.stretch, known.offset) == (new.stretch, new.offset)) {
                process.now.push(Mapping { stretch: new.stretch, offset: new.offset, what: what.clone() });
            }
            all.push(Code { stretch: new.stretch, offset: new.offset, what });
        }
        all
    }

    /// The code that a process was heard to have, for one that is gone.
    pub fn remembered(&self, pid: u32) -> Vec<Code> {
        let now = self.processes.get(&pid).map_or(&[][..], |process| &process.now);
        now.iter().map(|mapping| Code { stretch: mapping.stretch, offset: mapping.offset, what: mapping.what.clone() }).collect()
    }

    /// What is, or was, at an address.
    pub fn find(&mut self, pid: u32, address: u64) -> Option<Place> {
        if let Some(place) = self.processes.get(&pid).and_then(|process| process.find(address)) {
            return Some(place);
        }
        self.meet(pid);
        // Walks without frame pointers end in addresses of nothing: not each of them is a reason to read everything again.
        self.ask(pid, AGAIN);
        self.processes.get(&pid)?.find(address)
    }

    /// What `/proc/PID/maps` names. It says paths as we see them, and the process may be gone by now: a file that its record told of was opened
    /// in time, and knows where the process's paths begin.
    fn seen(&mut self, pid: u32, new: &NewMapping) -> What {
        let heard = self.processes.get(&pid).and_then(|process| process.now.iter().rev().find(|known| known.is(new)));
        heard.map(|known| known.what.clone()).unwrap_or_else(|| self.what(pid, new))
    }

    fn what(&mut self, pid: u32, new: &NewMapping) -> What {
        match new.path.as_str() {
            "[vdso]" => What::Vdso,
            path if path.starts_with('/') && path != "//anon" && new.id.inode != 0 => {
                What::File(self.files.get(path.strip_suffix(" (deleted)").unwrap_or(path), new.id, pid, new.stretch))
            }
            path if path.starts_with('[') && !path.starts_with("[anon") => What::Special,
            _ => What::Anonymous,
        }
    }
}

impl Mapping {
    /// Whether it is the same file at the same place.
    fn is(&self, other: &NewMapping) -> bool {
        let is_file = matches!(&self.what, What::File(file) if file.id() == other.id);
        is_file && (self.stretch, self.offset) == (other.stretch, other.offset)
    }
}

impl What {
    /// Whether it is code that a running program made: no file, or one that is memory.
    fn may_be_made(&self) -> bool {
        match self {
            What::File(file) => is_memory(file),
            What::Vdso | What::Special => false,
            What::Anonymous => true,
        }
    }
}

/// Whether a file is nowhere but in memory.
pub(super) fn is_memory(file: &MappedFile) -> bool {
    ["/memfd:", "/dev/zero", "/anon_hugepage"].iter().any(|memory| file.path.starts_with(memory))
}

impl Process {
    /// Only of the program itself, which nobody unmaps: it comes first. Its code is there below the copy, or on both sides of it.
    fn copied(&self, address: u64) -> Option<(Rc<MappedFile>, u64)> {
        let of_file = |mapping: &'_ Mapping| match &mapping.what {
            What::File(file) => Some((mapping.stretch, mapping.offset, Rc::clone(file))),
            What::Vdso | What::Anonymous | What::Special => None,
        };
        let mut all = self.now.iter().filter_map(of_file);
        let (stretch, offset, program) = all.next().filter(|(_, _, file)| !is_memory(file))?;
        let bias = stretch.start.wrapping_sub(offset);
        let own = all.filter(|(other, at, file)| Rc::ptr_eq(file, &program) && other.start.wrapping_sub(*at) == bias);
        let pieces: Vec<Stretch> = [stretch].into_iter().chain(own.map(|(stretch, _, _)| stretch)).collect();
        let is_inside = pieces.iter().any(|piece| piece.start <= address) && pieces.iter().any(|piece| address < piece.end);
        is_inside.then(|| (program, address.wrapping_sub(bias)))
    }

    fn find(&self, address: u64) -> Option<Place> {
        let has = |mapping: &&Mapping| (mapping.stretch.start..mapping.stretch.end).contains(&address);
        let mapping = self.now.iter().rev().find(has).or_else(|| self.before.iter().rev().find(has))?;
        let at = address - mapping.stretch.start + mapping.offset;
        Some(match &mapping.what {
            What::File(file) => Place::File(Rc::clone(file), at),
            What::Vdso => Place::Vdso(address - mapping.stretch.start),
            What::Anonymous | What::Special => Place::Anonymous,
        })
    }
}

/// A line of `/proc/PID/maps`, if it is about code: `7f31-7f42 r-xp 00028000 fe:00 1234   /usr/lib/libc.so.6`.
fn code(line: &[u8]) -> Option<NewMapping> {
    let line = String::from_utf8_lossy(line);
    let mut words = line.splitn(6, ' ');
    let (range, rights, offset, device, inode) = (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    let path = words.next().unwrap_or_default().trim_start();
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let (start, end) = range.split_once('-')?;
    let (major, minor) = device.split_once(':')?;
    // What is left of the oldest way into the kernel lies above every process and runs nothing.
    (rights.contains('x') && path != "[vsyscall]").then_some(())?;
    Some(NewMapping {
        stretch: Stretch { start: hex(start)?, end: hex(end)? },
        offset: hex(offset)?,
        path: path.to_owned(),
        id: Id { device: (hex(major)? as u32, hex(minor)? as u32), inode: inode.parse().ok()? },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(start: u64, path: &str) -> NewMapping {
        let id = Id { device: (0, 1), inode: u64::from(path.starts_with('/')) };
        NewMapping { stretch: Stretch { start, end: start + 0x1000 }, offset: 0x200, path: path.into(), id }
    }

    /// What is found, as text.
    fn at(mappings: &mut Mappings, pid: u32, address: u64) -> String {
        match mappings.find(pid, address) {
            Some(Place::File(file, offset)) => format!("{}+{offset:#x}", file.path),
            Some(Place::Vdso(offset)) => format!("vdso+{offset:#x}"),
            Some(Place::Anonymous) => "anonymous".into(),
            None => "nothing".into(),
        }
    }

    #[test]
    fn processes_that_never_were_asked_for_are_remembered() {
        // No process has this number: pid_max is at most 2^22.
        let (parent, child) = (1 << 23, (1 << 23) + 1);
        let mut all = Mappings::default();
        all.mapped(parent, &mapping(0x1000, "/a"));
        all.mapped(parent, &mapping(0x5000, "[vdso]"));
        all.forked(parent, child);
        all.mapped(child, &mapping(0x1000, "//anon"));
        assert_eq!(at(&mut all, parent, 0x1004), "/a+0x204");
        assert_eq!(at(&mut all, child, 0x1004), "anonymous");
        assert_eq!(at(&mut all, child, 0x5010), "vdso+0x10");
        all.executed(child);
        all.mapped(child, &mapping(0x9000, "/b (deleted)"));
        assert_eq!(at(&mut all, child, 0x9000), "/b+0x200");
        // What it was before, for stacks that were taken then.
        assert_eq!(at(&mut all, child, 0x5010), "vdso+0x10");
        assert_eq!(at(&mut all, child, 0x2000), "nothing");
        assert_eq!(at(&mut all, parent + 2, 0x1004), "nothing");
        // The number of a process that has ended goes to a child of one that nobody knows.
        all.forked(parent + 2, child);
        assert_eq!(at(&mut all, child, 0x9000), "nothing");
    }

    #[test]
    fn what_a_record_told_is_not_taken_back() {
        let (own, mut all) = (std::process::id(), Mappings::default());
        let text = std::fs::read("/proc/self/maps").expect("our own");
        let code =
            text.split(|&byte| byte == b'\n').filter_map(code).find(|code| code.path.starts_with('/')).expect("we are code of a file");
        all.mapped(own, &NewMapping { path: "/in/our/root".into(), ..code.clone() });
        all.meet(own);
        assert_eq!(at(&mut all, own, code.stretch.start), format!("/in/our/root+{:#x}", code.offset));
    }

    #[test]
    fn code_that_a_program_copied_is_still_its_own() {
        let mut all = Mappings::default();
        let (before, from_start) = (1 << 23, (1 << 23) + 1);
        // Asked when it was done: the ends are left, for huge pages begin and end elsewhere.
        for (start, offset) in [(0x1000, 0x200), (0x9000, 0x8200)] {
            all.mapped(before, &NewMapping { offset, ..mapping(start, "/program") });
        }
        all.mapped(before, &mapping(0xf000, "/library"));
        // Seen from the beginning.
        all.mapped(from_start, &mapping(0x1000, "/program"));
        for pid in [before, from_start] {
            all.mapped(pid, &mapping(0x20000, "//anon"));
        }
        let at = |pid, address| all.copied(pid, address).map(|(file, offset)| format!("{}+{offset:#x}", file.path));
        assert_eq!(at(before, 0x5000).as_deref(), Some("/program+0x4200"));
        assert_eq!(at(from_start, 0x1004).as_deref(), Some("/program+0x204"));
        assert_eq!(
            [(before, 0xa000), (before, 0xf000), (before, 0x20000), (from_start, 0x2000), (3, 1)].map(|(pid, address)| at(pid, address)),
            [None, None, None, None, None]
        );
    }

    #[test]
    fn lines_of_maps() {
        let line = code(b"7f31-7f42 r-xp 00028000 fe:10 1234                      /usr/lib/a b.so").expect("code");
        assert_eq!((line.stretch, line.offset, line.path.as_str()), (Stretch { start: 0x7f31, end: 0x7f42 }, 0x28000, "/usr/lib/a b.so"));
        assert_eq!(line.id, Id { device: (0xfe, 0x10), inode: 1234 });
        assert_eq!(code(b"7f31-7f42 r-xp 00000000 00:00 0").expect("anonymous code").path, "");
        for other in [
            "7f31-7f42 rw-p 00028000 fe:00 1234 /usr/lib/a.so",
            "7f31 r-xp",
            "",
            "x-y r-xp 0 0:0 0",
            "1-2 r-xp 0 0:0 -1",
            "1-2 --xp 0 0:0 0 [vsyscall]",
        ] {
            assert!(code(other.as_bytes()).is_none(), "{other}");
        }
    }
}
