//! The tables of stacks: what values refer to by a hash. Programs only ever add to them; what no map refers to any more is taken out from time to
//! time, so that a run that prints and clears its maps can go on for as long as it likes.
//!
//! Programs work meanwhile. One that found a stack in its table may note the hash in a map a moment after we looked, and records on their way
//! have hashes, too. So what is taken out is kept here for a while, where it is found as well; and if it turns out that a map refers to it, it goes back.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rbtrace_ir::{Manifest, MapDecl};
use rbtrace_lang::named::stack;

use super::{Map, Maps};
use crate::sys::maps::{self as entries, After, Batch, Cursor};

/// Bytes that are read by one call.
const BATCH_BYTES: usize = 1 << 20;

/// How often there is a sweep, if all of them take no more than one part in so many of the time.
const INTERVAL: Duration = Duration::from_millis(500);
const SHARE: u32 = 10;

/// When the next sweep is.
#[derive(Debug)]
pub struct Sweeps {
    next: Instant,
}

impl Sweeps {
    /// A run begins.
    pub fn new() -> Self {
        Self { next: Instant::now() + INTERVAL }
    }

    /// Sweeps if it is time.
    pub fn turn(&mut self, maps: &Maps<'_>, tables: &HashMap<u32, StackTable>) -> Result<()> {
        let start = Instant::now();
        if start >= self.next {
            maps.sweep(tables)?;
            self.next = start + INTERVAL.max(start.elapsed() * SHARE);
        }
        Ok(())
    }
}

/// Stacks by their hashes; see `rbtrace_lang::named::stack`.
#[derive(Debug)]
pub struct StackTable {
    fd: OwnedFd,
    /// Of an entry.
    words: usize,
    /// Entries that it has room for.
    room: usize,
    /// What the kernel said of its memory when it was empty.
    empty: u64,
    /// What was taken out, and how many sweeps ago.
    buried: RefCell<HashMap<u64, (Vec<u64>, u8)>>,
}

impl StackTable {
    pub(super) fn new(fd: OwnedFd, decl: &MapDecl) -> Self {
        let (words, room, empty) = (decl.value_size() as usize / 8, decl.max_entries as usize, memory(&fd));
        Self { fd, words, room, empty, buried: RefCell::default() }
    }

    /// The entry of a hash, if there is one.
    pub fn entry(&self, id: u64) -> Option<Vec<u64>> {
        let mut words = vec![0; self.words];
        match entries::get(self.fd.as_fd(), &id.to_ne_bytes(), &mut words) {
            Ok(()) => Some(words),
            Err(_) => self.buried.borrow().get(&id).map(|(entry, _)| whole(entry, self.words)),
        }
    }

    /// Whether there is something to do.
    fn is_due(&self) -> Result<bool> {
        if !self.buried.borrow().is_empty() {
            return Ok(true);
        }
        self.is_filling()
    }

    fn is_filling(&self) -> Result<bool> {
        Ok(self.count()? * 2 > self.room)
    }

    /// About how many entries there are.
    fn count(&self) -> Result<usize> {
        /// What the kernel needs for an entry beside its value.
        const ENTRY: u64 = 64;
        let grown = memory(&self.fd).saturating_sub(self.empty);
        if grown > 0 {
            return Ok((grown / (ENTRY + 8 * self.words as u64)) as usize);
        }
        // Before Linux 6.4, and where all entries are reserved, the kernel does not say.
        let mut count = 0;
        self.walk(|_, _| count += 1)?;
        Ok(count)
    }

    /// Puts back what is referred to, forgets what was not for two sweeps, and takes out what is not if more than half of the room is taken.
    fn sweep(&self, used: &HashSet<u64>) -> Result<()> {
        let mut buried = self.buried.borrow_mut();
        buried.retain(|id, (entry, sweeps)| {
            *sweeps = if used.contains(id) { 0 } else { *sweeps + 1 };
            // Where there is no room it stays here, where it is found as well.
            let is_back = || entries::set(self.fd.as_fd(), &id.to_ne_bytes(), &whole(entry, self.words)).is_ok();
            *sweeps <= 2 && !(*sweeps == 0 && is_back())
        });
        if !self.is_filling()? {
            return Ok(());
        }
        let mut unused = Vec::new();
        self.walk(|id, entry| {
            if !used.contains(&id) {
                // Most stacks are short: zeros at the end are not kept.
                let end = entry.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
                unused.push((id, entry[..end].to_vec()));
            }
        })?;
        for (id, entry) in unused {
            buried.insert(id, (entry, 0));
            match entries::delete(self.fd.as_fd(), &id.to_ne_bytes()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).context("taking a stack out"),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Goes through the entries.
    fn walk(&self, mut meet: impl FnMut(u64, &[u64])) -> Result<()> {
        const KEY: usize = 8;
        let mut capacity = (BATCH_BYTES / (KEY + self.words * 8)).max(64);
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        let mut cursor = Cursor::new(KEY);
        let mut met = 0;
        // Entries come and go meanwhile, and some may be met twice. It must still end.
        while met <= self.room * 2 {
            keys.resize(capacity * KEY, 0);
            values.resize(capacity * self.words, 0);
            let read = entries::read(self.fd.as_fd(), &mut cursor, &mut keys, &mut values, capacity, After::Keep);
            let (read, last) = match read.context("reading stacks")? {
                Batch::More(read) => (read, false),
                Batch::Last(read) => (read, true),
                Batch::TooSmall => {
                    capacity *= 2;
                    continue;
                }
            };
            met += read;
            let (ids, _) = keys.as_chunks::<KEY>();
            ids.iter().zip(values.chunks_exact(self.words)).take(read).for_each(|(id, entry)| meet(u64::from_ne_bytes(*id), entry));
            if last {
                break;
            }
        }
        Ok(())
    }
}

/// The memory of a map, as far as the kernel says it.
fn memory(map: &OwnedFd) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", map.as_raw_fd())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("memlock:"));
    line.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0)
}

/// An entry with the zeros at its end.
fn whole(entry: &[u64], words: usize) -> Vec<u64> {
    let mut whole = entry.to_vec();
    whole.resize(words, 0);
    whole
}

impl Maps<'_> {
    /// Makes room for new stacks.
    fn sweep(&self, tables: &HashMap<u32, StackTable>) -> Result<()> {
        let due: Vec<bool> = tables.values().map(StackTable::is_due).collect::<Result<_>>()?;
        if !due.contains(&true) {
            return Ok(());
        }
        let mut used: HashMap<u32, HashSet<u64>> = HashMap::new();
        for map in self.maps.iter().filter(|map| !map.decl.symbol.starts_with(Manifest::INTERNAL)) {
            map.stacks(|table, id| {
                used.entry(table).or_default().insert(id);
            })?;
        }
        let none = HashSet::new();
        tables.iter().try_for_each(|(number, table)| table.sweep(used.get(number).unwrap_or(&none)))
    }
}

impl Map<'_> {
    /// Tells what stacks it refers to.
    fn stacks(&self, mut tell: impl FnMut(u32, u64)) -> Result<()> {
        let key_places = self.decl.key.as_ref().map(stack::places).unwrap_or_default();
        let value_places = stack::places(&self.decl.value);
        if key_places.is_empty() && value_places.is_empty() {
            return Ok(());
        }
        let read = self.read(After::Keep).with_context(|| format!("reading {}", self.title()))?;
        for key in read.keys.chunks_exact(self.key_size()) {
            key_places.iter().filter_map(|at| stack::kept(key, *at)).for_each(|(table, id)| tell(table, id));
        }
        if !value_places.is_empty() {
            for value in read.values.chunks_exact(self.words().max(1)) {
                let bytes: Vec<u8> = value.iter().flat_map(|word| word.to_ne_bytes()).collect();
                value_places.iter().filter_map(|at| stack::kept(&bytes, *at)).for_each(|(table, id)| tell(table, id));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use libbpf_rs::{MapHandle, MapType};
    use rbtrace_ir::{Storage, Type};

    use super::*;

    fn decl(symbol: &str, key: Type, value: Type, max_entries: u32) -> MapDecl {
        let name = symbol.to_owned();
        MapDecl { name: name.clone(), symbol: name, storage: Storage::Hash, key: Some(key), value, max_entries, preallocate: true }
    }

    fn made(decl: &MapDecl) -> Option<OwnedFd> {
        let options = libbpf_rs::libbpf_sys::bpf_map_create_opts { sz: 64, ..Default::default() };
        let key = decl.key.as_ref().map_or(0, Type::size);
        let map = MapHandle::create(MapType::Hash, Some("sweep"), key, decl.value_size(), decl.max_entries, &options).ok()?;
        map.as_fd().try_clone_to_owned().ok()
    }

    /// Notes a stack of one frame in a map.
    fn refer(map: &Map<'_>, id: u64) {
        let mut key = id.to_ne_bytes().to_vec();
        key.extend([1, 0, 2, 0, 1, 0, 0, 0]);
        entries::set(map.fd(), &key, &[1]).expect("there is room");
    }

    #[test]
    fn what_no_map_refers_to_goes_and_comes_back_when_one_does() {
        let counts = decl("at", stack::kernel(stack::Mode::Raw, 2), Type::U64, 16);
        let stacks = decl("rb_kstack_16", Type::U64, Type::Array(Type::U64.into(), 4), 8);
        let manifest = Manifest { maps: vec![counts, stacks], ..Manifest::default() };
        let Some(fds) = manifest.maps.iter().map(made).collect::<Option<Vec<_>>>() else {
            return eprintln!("skipped: no maps can be made here");
        };
        let maps = Maps::new(&manifest, fds).expect("two maps");
        let tables = maps.stack_tables().expect("one table");
        let (counts, table) = (&maps.maps[0], &tables[&1]);
        let in_kernel = || {
            let mut ids = Vec::new();
            table.walk(|id, _| ids.push(id)).expect("it can be read");
            ids.sort_unstable();
            ids
        };
        (1..=5).for_each(|id| entries::set(table.fd.as_fd(), &u64::to_ne_bytes(id), &[7, 7, 0x1000 + id, 0]).expect("there is room"));
        refer(counts, 1);
        refer(counts, 2);
        maps.sweep(&tables).expect("swept");
        assert_eq!(in_kernel(), [1, 2]);
        assert_eq!(table.entry(3), Some(vec![7, 7, 0x1003, 0]), "records on their way refer to it");
        refer(counts, 3);
        maps.sweep(&tables).expect("swept");
        assert_eq!(in_kernel(), [1, 2, 3]);
        (0..3).for_each(|_| maps.sweep(&tables).expect("swept"));
        assert_eq!((table.entry(3), table.entry(4)), (Some(vec![7, 7, 0x1003, 0]), None));
        assert_eq!(in_kernel(), [1, 2, 3], "there is room enough for what nobody refers to");
    }
}
