//! Code that programs make while they run has the names that they write down for it, in `/tmp/perf-PID.map`: a line is `START SIZE NAME`,
//! hexadecimal. PID is what the process takes for its own number, `/tmp` what it sees there. What leads to the file is held while the process
//! lives, for most names are asked for when it is gone.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

use rbtrace_types::symbol::Symbol;
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat, openat2};

use super::functions::Functions;

/// Processes whose files are held.
const MOST: usize = 256;
/// Bytes that are read of a file; whoever writes more has no names for the rest.
const MOST_TEXT: u64 = 256 << 20;
/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// File systems keep time less exactly than clocks do.
const GRAIN: Duration = Duration::from_secs(1);

/// All processes that make code.
#[derive(Debug)]
pub struct Jitted {
    /// Since when new processes are heard of.
    start: SystemTime,
    processes: HashMap<u32, Process>,
    /// Who wrote down what was there before a process began: its code is the child's, too.
    parents: HashMap<u32, u32>,
}

#[derive(Debug)]
struct Process {
    /// Its number as it knows it.
    own: u32,
    /// Its `/tmp`: that stays what it was when the process has ended, and its mounts with it.
    tmp: OwnedFd,
    /// A file that is older is not its own.
    since: SystemTime,
    map: Map,
}

/// What a file that grows has said so far.
#[derive(Debug, Default)]
struct Map {
    file: Option<File>,
    /// How much of it was read: whole lines.
    read: u64,
    functions: Functions,
}

impl Default for Jitted {
    fn default() -> Self {
        Jitted { start: SystemTime::now(), processes: HashMap::new(), parents: HashMap::new() }
    }
}

impl Jitted {
    /// A process makes code. Its file may not be there yet.
    pub fn meet(&mut self, pid: u32) {
        if !self.processes.contains_key(&pid)
            && self.processes.len() < MOST
            && let Some(process) = Process::hold(pid).or_else(|| Process::ended(pid, self.start))
        {
            self.processes.insert(pid, process);
        }
        if let Some(process) = self.processes.get_mut(&pid) {
            process.open();
        }
    }

    /// A process has a child; what is known of another one that had its number is of no use any more.
    pub fn forked(&mut self, parent: u32, child: u32) {
        self.processes.remove(&child);
        self.parents.remove(&child);
        if self.processes.contains_key(&parent) || self.parents.contains_key(&parent) {
            self.parents.insert(child, parent);
        }
    }

    /// A process begins another program, which may begin another file; the names are still those of stacks that were taken before.
    pub fn executed(&mut self, pid: u32) {
        if let Some(process) = self.processes.get_mut(&pid) {
            process.open();
            process.map.read_on();
            (process.map.file, process.map.read) = (None, 0);
        }
    }

    /// A process has ended: who cleans up behind it may do so now.
    pub fn ended(&mut self, pid: u32) {
        if let Some(process) = self.processes.get_mut(&pid) {
            process.open();
        }
    }

    /// Opens what has appeared since this was last asked: it may be gone before anybody wants a name.
    pub fn look_again(&mut self) {
        self.processes.values_mut().for_each(Process::open);
    }

    /// What a process, or the one that it began as a copy of, calls the code at an address.
    pub fn find(&mut self, pid: u32, address: u64) -> Option<Symbol> {
        let mut next = pid;
        // A process that was given the number of one that came before it could be its own ancestor.
        for _ in 0..MOST {
            if let Some(found) = self.processes.get_mut(&next).and_then(|process| process.find(address)) {
                return Some(found);
            }
            next = *self.parents.get(&next)?;
        }
        None
    }
}

impl Process {
    /// `None`: it is gone already.
    fn hold(pid: u32) -> Option<Process> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let path = OFlags::PATH | OFlags::CLOEXEC | OFlags::DIRECTORY;
        let root = open(format!("/proc/{pid}/root"), path, Mode::empty()).ok()?;
        // A link in there leads to a place in there, not to one of ours.
        let tmp = openat2(root, "tmp", path, Mode::empty(), ResolveFlags::IN_ROOT).ok()?;
        Some(Process { own: own_number(&status).unwrap_or(pid), tmp, since: SystemTime::UNIX_EPOCH, map: Map::default() })
    }

    /// One that was gone before it could be looked at began and ended while processes were followed, most likely where we are ourselves.
    fn ended(pid: u32, start: SystemTime) -> Option<Process> {
        let tmp = open("/tmp", OFlags::PATH | OFlags::CLOEXEC | OFlags::DIRECTORY, Mode::empty()).ok()?;
        Some(Process { own: pid, tmp, since: start - GRAIN, map: Map::default() })
    }

    fn open(&mut self) {
        if self.map.file.is_some() {
            return;
        }
        // Anybody may put anything there: no link that leads elsewhere, nothing that waits for a writer.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = openat(&self.tmp, self.name(), flags, Mode::empty()).ok().map(File::from);
        let is_its_own = |found: Metadata| found.is_file() && found.modified().is_ok_and(|time| time >= self.since);
        self.map.file = file.filter(|file| file.metadata().is_ok_and(is_its_own));
    }

    fn name(&self) -> String {
        format!("perf-{}.map", self.own)
    }

    fn find(&mut self, address: u64) -> Option<Symbol> {
        self.open();
        self.map.read_on();
        let (offset, name) = self.map.functions.find(address)?;
        let (name, module) = (name.to_owned(), Some(format!("/tmp/{}", self.name())));
        Some(Symbol { name, offset, module, ..Symbol::default() })
    }
}

/// The number that a process has in the innermost of its namespaces.
fn own_number(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("NStgid:"))?.split_ascii_whitespace().next_back()?.parse().ok()
}

impl Map {
    /// Takes what was written since. A file that cannot be read any more keeps the names it had.
    fn read_on(&mut self) {
        let Some(file) = &self.file else { return };
        let Ok(length) = file.metadata().map(|metadata| metadata.len()) else { return };
        if length < self.read {
            // Begun anew, by a program that the process runs now: what it says no more is what older stacks need.
            self.read = 0;
        }
        let end = length.min(MOST_TEXT);
        let mut piece = vec![0; PIECE.min(end.saturating_sub(self.read) as usize)];
        while self.read < end {
            let Ok(count) = file.read_at(&mut piece, self.read) else { return };
            let Some(last) = piece[..count].iter().rposition(|&byte| byte == b'\n') else { return };
            piece[..last].split(|&byte| byte == b'\n').for_each(|line| add(&mut self.functions, line));
            self.read += last as u64 + 1;
        }
    }
}

/// A line; one that says nothing is left out.
fn add(functions: &mut Functions, line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    let mut words = line.trim_end().splitn(3, ' ');
    let mut number = || {
        let word = words.next()?;
        u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok()
    };
    let (Some(start), Some(size)) = (number(), number()) else { return };
    let Some(name) = words.next().map(str::trim).filter(|name| !name.is_empty()) else { return };
    functions.insert(start, size, name);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is at addresses, as text.
    fn found(functions: &Functions, addresses: [u64; 4]) -> String {
        let one = |&address| functions.find(address).map_or("-".to_owned(), |(offset, name)| format!("{name}+{offset}"));
        addresses.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn the_last_word_on_an_address_counts() {
        let mut functions = Functions::default();
        let lines = ["1000 10 Lazy:~f /a b.js:1", "0x1010 20 g", "1040 0 stub", "nonsense", "2000 10", "2000 x y", ""];
        lines.iter().for_each(|line| add(&mut functions, line.as_bytes()));
        assert_eq!(found(&functions, [0x1000, 0x1011, 0x1040, 0x1041]), "Lazy:~f /a b.js:1+0, g+1, stub+0, -");
        add(&mut functions, b"1008 20 h");
        assert_eq!(found(&functions, [0x1004, 0x1010, 0x102f, 0xfff]), "Lazy:~f /a b.js:1+4, h+8, -, -");
    }

    #[test]
    fn a_file_is_read_as_far_as_it_has_lines() {
        let path = std::env::temp_dir().join(format!("rbtrace-jitted-{}", std::process::id()));
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&path).expect("a file for the test");
        let mut map = Map { file: Some(file.try_clone().expect("a descriptor")), ..Map::default() };
        let mut after = |text: &[u8], at| {
            file.write_all_at(text, at).expect("the file can be written");
            map.read_on();
            found(&map.functions, [0x10, 0x20, 0x30, 0])
        };
        assert_eq!(after(b"10 10 a\n20 10 b", 0), "a+0, -, -, -");
        assert_eq!(after(b"c\n", 15), "a+0, bc+0, -, -");
        file.set_len(0).expect("the file can be cut");
        assert_eq!(after(b"30 1 d\n", 0), "a+0, bc+0, d+0, -");
        std::fs::remove_file(path).expect("the file is ours");
    }

    #[test]
    fn numbers_are_those_of_the_innermost_namespace() {
        assert_eq!(own_number("Name:\tx\nNStgid:\t4711\t12\t1\nNSpid:\t4711\t12\t1\n"), Some(1));
        assert_eq!(own_number("Name:\tx\nNStgid:\t4711\n"), Some(4711));
        assert_eq!(own_number("Name:\tx\n"), None);
    }
}
