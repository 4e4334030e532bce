//! The script's maps in the kernel: reading all entries, removing and zeroing them. Knows sizes and storage; how entries read, merge and
//! sort is `table`'s.

pub mod key;
mod sweep;
pub mod table;

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result};
use rbtrace_ir::{Manifest, MapDecl, MapId, Storage, Type};

pub use self::sweep::{StackTable, Sweeps};
use crate::maps::table::Table;
use crate::sys::maps::{self as entries, After, Batch, Cursor};

/// Bytes of keys and values read by one call.
const BATCH_BYTES: usize = 4 << 20;
/// Key of the only entry of a scalar map.
const ONLY: [u8; 4] = [0; 4];

/// The maps of a run.
#[derive(Debug)]
pub struct Maps<'m> {
    maps: Vec<Map<'m>>,
}

/// A map of the script.
#[derive(Debug)]
pub struct Map<'m> {
    /// Its declaration.
    pub decl: &'m MapDecl,
    fd: OwnedFd,
    /// Possible CPUs for a per-CPU map, else 1.
    cpus: usize,
    /// A scalar that was zeroed shows its zero; its state alone looks as if it had never been set.
    zeroed: bool,
}

/// Entries as they are in the kernel.
#[derive(Debug, Default)]
pub struct Entries {
    /// All keys, one after the other.
    pub keys: Vec<u8>,
    /// All values: for each key `cpus` values.
    pub values: Vec<u64>,
    /// How many.
    pub count: usize,
}

impl<'m> Maps<'m> {
    /// The maps of a manifest, opened in its order.
    pub fn new(manifest: &'m Manifest, fds: Vec<OwnedFd>) -> Result<Self> {
        let cpus = libbpf_rs::num_possible_cpus().context("counting the possible CPUs")?;
        let open =
            |(decl, fd): (&'m MapDecl, OwnedFd)| Map { decl, fd, cpus: if decl.storage.is_per_cpu() { cpus } else { 1 }, zeroed: false };
        Ok(Self { maps: manifest.maps.iter().zip(fds).map(open).collect() })
    }

    /// A map by its id.
    pub fn get(&self, id: MapId) -> Option<&Map<'m>> {
        self.maps.get(id.0 as usize)
    }

    /// See [`Maps::get`].
    pub fn get_mut(&mut self, id: MapId) -> Option<&mut Map<'m>> {
        self.maps.get_mut(id.0 as usize)
    }

    /// The maps the user knows of, sorted by name.
    pub fn by_name(&self) -> Vec<&Map<'m>> {
        let mut maps: Vec<_> = self.maps.iter().filter(|map| !map.decl.symbol.starts_with(Manifest::INTERNAL)).collect();
        maps.sort_by(|a, b| a.decl.name.cmp(&b.decl.name));
        maps
    }

    /// The value of an internal scalar of 8 bytes, once it was set.
    pub fn internal(&self, symbol: &str) -> Result<Option<u64>> {
        let Some(map) = self.maps.iter().find(|map| map.decl.symbol == symbol) else { return Ok(None) };
        let mut words = vec![0; map.words()];
        entries::get(map.fd.as_fd(), &ONLY, &mut words).with_context(|| format!("reading the map {symbol}"))?;
        Ok(words.get(1).is_some_and(|set| *set != 0).then_some(words[0]))
    }

    /// Handles of the tables of stacks, by their numbers: who names stacks looks into them while the maps are at work.
    pub fn stack_tables(&self) -> Result<HashMap<u32, StackTable>> {
        // Others have other keys, but for addresses that were left to be watched: taken out, they would be left anew.
        let is_table = |map: &&Map<'_>| {
            let symbol = &map.decl.symbol;
            let is_ours = symbol.starts_with(Manifest::INTERNAL) && !symbol.starts_with(Manifest::WATCHED_MAPS);
            is_ours && map.decl.storage == Storage::Hash && map.decl.key == Some(Type::U64)
        };
        let numbered = self.maps.iter().enumerate().filter(|(_, map)| is_table(map));
        let handle = |(number, map): (usize, &Map<'_>)| Ok((number as u32, StackTable::new(map.fd.try_clone()?, map.decl)));
        numbered.map(handle).collect::<io::Result<_>>().context("opening the tables of stacks")
    }

    /// Sets the value of an internal scalar of 8 bytes; `false`: the script does not have it.
    pub fn set_internal(&self, symbol: &str, value: u64) -> Result<bool> {
        let Some((map, words)) = self.internal_set_to(symbol, value) else { return Ok(false) };
        entries::set(map, &ONLY, &words).with_context(|| format!("writing the map {symbol}"))?;
        Ok(true)
    }

    /// The handle of such a map, and what it holds once it is set.
    pub fn internal_set_to(&self, symbol: &str, value: u64) -> Option<(BorrowedFd<'_>, Vec<u64>)> {
        let map = self.maps.iter().find(|map| map.decl.symbol == symbol)?;
        let mut words = vec![0; map.words()];
        for (word, new) in words.iter_mut().zip([value, 1]) {
            *word = new;
        }
        Some((map.fd.as_fd(), words))
    }
}

impl<'m> Map<'m> {
    /// `@name`
    pub fn title(&self) -> String {
        format!("@{}", self.decl.name)
    }

    /// Reads all entries and merges the values of the CPUs.
    pub fn table(&self) -> Result<Table<'m>> {
        let read = self.read(After::Keep).with_context(|| format!("reading {}", self.title()))?;
        Table::new(self.decl, read, self.cpus, self.zeroed)
    }

    /// How many entries there are.
    pub fn count(&self) -> Result<usize> {
        Ok(self.read(After::Keep).with_context(|| format!("reading {}", self.title()))?.count)
    }

    /// Removes all entries.
    pub fn clear(&mut self) -> Result<()> {
        self.zeroed = false;
        let done = match self.is_scalar() {
            true => self.set_scalar(&[]),
            false => self.read(After::Delete).map(drop),
        };
        done.with_context(|| format!("clearing {}", self.title()))
    }

    /// Sets every value to zero; the keys stay.
    pub fn zero(&mut self) -> Result<()> {
        let done = match self.is_scalar() {
            true => self.zero_scalar(),
            false => self.zero_all(),
        };
        done.with_context(|| format!("zeroing {}", self.title()))
    }

    fn zero_scalar(&mut self) -> io::Result<()> {
        let mut old = vec![0; self.words() * self.cpus];
        entries::get(self.fd.as_fd(), &ONLY, &mut old)?;
        self.zeroed |= old.iter().any(|&word| word != 0);
        match self.decl.storage {
            // The last word says whether the map was ever assigned, and stays.
            Storage::Global => self.set_scalar(&old[self.words() - 1..]),
            Storage::PerCpuGlobal | Storage::Hash | Storage::LruHash | Storage::PerCpuHash | Storage::LruPerCpuHash => self.set_scalar(&[]),
            Storage::Array | Storage::Arrays => Ok(()),
        }
    }

    fn zero_all(&self) -> io::Result<()> {
        let read = self.read(After::Keep)?;
        let zeros = vec![0; read.values.len()];
        match entries::write(self.fd(), &read.keys, &zeros, read.count) {
            Err(error) if is_unsupported(&error) => {
                let value = &zeros[..self.words() * self.cpus];
                read.keys.chunks_exact(self.key_size()).try_for_each(|key| entries::set(self.fd(), key, value))
            }
            written => written,
        }
    }

    /// Writes zeros, followed by `tail`, into the only entry.
    fn set_scalar(&self, tail: &[u64]) -> io::Result<()> {
        let mut value = vec![0; self.words() * self.cpus];
        let at = value.len() - tail.len();
        value[at..].copy_from_slice(tail);
        entries::set(self.fd(), &ONLY, &value)
    }

    fn read(&self, after: After) -> io::Result<Entries> {
        if self.is_scalar() {
            let mut values = vec![0; self.words() * self.cpus];
            entries::get(self.fd(), &ONLY, &mut values)?;
            return Ok(Entries { keys: Vec::new(), values, count: 1 });
        }
        match self.read_batches(after) {
            Err(error) if is_unsupported(&error) => self.read_one_by_one(after),
            read => read,
        }
    }

    fn read_batches(&self, after: After) -> io::Result<Entries> {
        let (key_size, words) = (self.key_size(), self.words() * self.cpus);
        let most = (self.decl.max_entries as usize).max(1);
        let mut capacity = (BATCH_BYTES / (key_size + words * 8)).clamp(64, most.max(64));
        let mut cursor = Cursor::new(key_size);
        let mut all = Entries::default();
        loop {
            if all.count == 0 {
                // Fresh memory is zero without being touched, and most maps fill little of it.
                (all.keys, all.values) = (vec![0; capacity * key_size], vec![0; capacity * words]);
            } else {
                all.keys.resize((all.count + capacity) * key_size, 0);
                all.values.resize((all.count + capacity) * words, 0);
            }
            let (keys, values) = (&mut all.keys[all.count * key_size..], &mut all.values[all.count * words..]);
            let (read, last) = match entries::read(self.fd(), &mut cursor, keys, values, capacity, after)? {
                Batch::More(read) => (read, false),
                Batch::Last(read) => (read, true),
                Batch::TooSmall => {
                    capacity *= 2;
                    continue;
                }
            };
            all.count += read;
            // While the script runs, entries come and go, and a walk over a hash map may meet some twice. It must still end.
            if last || all.count > most * 2 {
                break;
            }
        }
        all.keys.truncate(all.count * key_size);
        all.values.truncate(all.count * words);
        Ok(all)
    }

    /// For kernels without batches.
    fn read_one_by_one(&self, after: After) -> io::Result<Entries> {
        let words = self.words() * self.cpus;
        let mut all = Entries::default();
        let (mut key, mut next) = (Vec::new(), vec![0; self.key_size()]);
        while entries::next_key(self.fd(), (!key.is_empty()).then_some(&key), &mut next)? && all.count < self.decl.max_entries as usize * 2
        {
            key.clone_from(&next);
            let at = all.values.len();
            all.values.resize(at + words, 0);
            match entries::get(self.fd(), &key, &mut all.values[at..]) {
                Ok(()) => {
                    all.keys.extend_from_slice(&key);
                    all.count += 1;
                }
                // Deleted since we learned its key.
                Err(error) if error.kind() == io::ErrorKind::NotFound => all.values.truncate(at),
                Err(error) => return Err(error),
            }
        }
        if after == After::Delete {
            for key in all.keys.chunks_exact(self.key_size()) {
                entries::delete(self.fd(), key)
                    .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
            }
        }
        Ok(all)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn is_scalar(&self) -> bool {
        match self.decl.storage {
            Storage::Global | Storage::PerCpuGlobal => true,
            Storage::Hash | Storage::LruHash | Storage::PerCpuHash | Storage::LruPerCpuHash => false,
            Storage::Array | Storage::Arrays => false,
        }
    }

    fn key_size(&self) -> usize {
        self.decl.key.as_ref().map_or(ONLY.len(), |key| key.size() as usize)
    }

    /// Words of one value of one CPU.
    fn words(&self) -> usize {
        self.decl.value_size() as usize / 8
    }
}

/// Kernels before 5.6 know no batches, and not every kind of map has them.
fn is_unsupported(error: &io::Error) -> bool {
    // 524 is the kernel's ENOTSUPP, which is no error number of user space.
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP | 524))
}
