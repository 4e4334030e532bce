//! The maps of unwind tables, which we have in our memory, too. Knows no process's memory and no binary.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use anyhow::{Context, Result};
use libbpf_rs::OpenObject;
use rbtrace_ir::Manifest;
use rbtrace_ir::unwind::{
    FILE_KEY_WORDS, PROCESSES, ROW_BYTES, RULE_BYTES, RULES, Rule, SHARD, SHARDS, STRETCH_BYTES, STRETCH_STEPS, STRETCHES,
};

use super::reader::Packed;
use crate::sys::mapping::Mapping;
use crate::sys::maps as entries;

/// Name of the maps of rows in the kernel.
const NAME: &std::ffi::CStr = c"rb_unw_shard";

/// The rows of a binary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The number of the first.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// See the module.
#[derive(Debug)]
pub struct Tables {
    /// The map of shards, and the shards.
    rows: OwnedFd,
    shards: Vec<Mapping>,
    /// Rows in use.
    used: u32,
    rules: Mapping,
    numbers: HashMap<Rule, u32>,
    code: Mapping,
    /// Stretches in use.
    stretches: u32,
    processes: OwnedFd,
    known: HashMap<u32, Rows>,
    /// The files whose rows are there, where programs can ask the kernel for files.
    files: Option<OwnedFd>,
}

/// What tells a file from others, as the kernel keeps it.
pub type FileKey = [u64; FILE_KEY_WORDS];

/// Tells libbpf what the maps among maps are like; to be kept until they were made.
pub fn pattern(object: &mut OpenObject) -> Result<Option<OwnedFd>> {
    let Some(mut map) = object.maps_mut().find(|map| map.name() == Manifest::UNWIND_ROWS) else { return Ok(None) };
    let shard = shard()?;
    map.set_inner_map_fd(shard.as_fd()).context("describing the map of unwind tables")?;
    Ok(Some(shard))
}

fn shard() -> Result<OwnedFd> {
    entries::create_shared_array(NAME, ROW_BYTES, SHARD).context("making a map for unwind tables")
}

fn shared(map: &OwnedFd, bytes: u32) -> Result<Mapping> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    Mapping::shared(map.as_fd(), std::ptr::null_mut(), bytes as usize, 0, protection).context("mapping a map of unwind tables")
}

impl Tables {
    /// `map` opens a map of the script; none: it walks no stacks.
    pub fn open(map: impl Fn(&str) -> Result<Option<OwnedFd>>) -> Result<Option<Self>> {
        let (Some(rows), Some(rules)) = (map(Manifest::UNWIND_ROWS)?, map(Manifest::UNWIND_RULES)?) else { return Ok(None) };
        let (Some(code), Some(processes)) = (map(Manifest::UNWIND_CODE)?, map(Manifest::UNWIND_PROCESSES)?) else { return Ok(None) };
        Ok(Some(Self {
            rows,
            shards: Vec::new(),
            used: 0,
            rules: shared(&rules, RULE_BYTES * RULES)?,
            numbers: HashMap::new(),
            code: shared(&code, STRETCH_BYTES * STRETCHES)?,
            stretches: 0,
            processes,
            known: HashMap::new(),
            files: map(Manifest::UNWIND_FILES)?,
        }))
    }

    /// Whether programs can find rows by the file that they are of.
    pub fn knows_files(&self) -> bool {
        self.files.is_some()
    }

    /// Tells programs what rows a file has. Where there is no room the file is found by its process only.
    pub fn tell(&self, file: FileKey, rows: Rows) -> Result<()> {
        let Some(files) = &self.files else { return Ok(()) };
        let key: Vec<u8> = file.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let bits = rustix::param::page_size().trailing_zeros();
        let value = [u64::from(rows.first) | u64::from(rows.count) << 32, bits.into()];
        match entries::set(files.as_fd(), &key, &value) {
            Err(error) if error.raw_os_error() == Some(libc::E2BIG) => Ok(()),
            told => told.context("noting a file"),
        }
    }

    /// Adds the rows of a binary; none where there is no room for all of them.
    pub fn add(&mut self, table: &Packed) -> Result<Rows> {
        let Some(behind) = u32::try_from(table.rows.len()).ok().and_then(|count| self.used.checked_add(count)) else {
            return Ok(Rows::default());
        };
        if behind > SHARD * SHARDS {
            return Ok(Rows::default());
        }
        self.grow(behind.div_ceil(SHARD))?;
        let first = self.used;
        let numbers: Vec<u32> = table.rules.iter().map(|rule| self.number(*rule)).collect();
        for (at, &(place, rule)) in (first..).zip(&table.rows) {
            let word = u64::from(place) << 32 | u64::from(numbers[rule as usize]);
            self.shards[(at / SHARD) as usize].put((at % SHARD * ROW_BYTES) as usize, word);
        }
        self.used = behind;
        Ok(Rows { first, count: table.rows.len() as u32 })
    }

    /// Makes shards until there are so many. All are put into their map at once: the kernel waits each time until no program is at work that may
    /// have seen what was there before.
    fn grow(&mut self, wanted: u32) -> Result<()> {
        let numbers = self.shards.len() as u32..wanted;
        if numbers.is_empty() {
            return Ok(());
        }
        let new = numbers.clone().map(|_| shard()).collect::<Result<Vec<_>>>()?;
        let keys: Vec<u8> = numbers.clone().flat_map(u32::to_ne_bytes).collect();
        // Values are of four bytes: two in a word.
        let word = |pair: &[OwnedFd]| pair.iter().rev().fold(0, |word, map| word << 32 | map.as_raw_fd() as u64);
        let values: Vec<u64> = new.chunks(2).map(word).collect();
        if entries::write(self.rows.as_fd(), &keys, &values, new.len()).is_err() {
            // Older kernels take one at a time.
            for (number, map) in numbers.zip(&new) {
                entries::set(self.rows.as_fd(), &number.to_ne_bytes(), &[map.as_raw_fd() as u64])
                    .context("adding a map of unwind tables")?;
            }
        }
        for map in &new {
            self.shards.push(shared(map, ROW_BYTES * SHARD)?);
        }
        Ok(())
    }

    /// The number of a rule; where there are too many it is that of the one that says nothing.
    fn number(&mut self, rule: Rule) -> u32 {
        if let Some(&number) = self.numbers.get(&rule) {
            return number;
        }
        if self.numbers.len() as u32 + 1 >= RULES {
            return 0;
        }
        // What was never written reads as `Unknown`.
        let number = self.numbers.len() as u32 + 1;
        let [kinds, base, address, pointer] = rule.words().map(u64::from);
        self.rules.put((number * RULE_BYTES) as usize, kinds | base << 32);
        self.rules.put((number * RULE_BYTES) as usize + 8, address | pointer << 32);
        self.numbers.insert(rule, number);
        number
    }

    /// Notes what code a process has; `false`: there is no room left.
    pub fn put<const WORDS: usize>(&mut self, pid: u32, stretches: &[[u64; WORDS]]) -> Result<bool> {
        let count = stretches.len().min((1 << STRETCH_STEPS) - 1) as u32;
        let behind = self.stretches + count;
        if behind > STRETCHES || (self.known.len() as u32 >= PROCESSES / 2 && !self.known.contains_key(&pid)) {
            return Ok(false);
        }
        for (number, stretch) in (self.stretches..behind).zip(stretches) {
            for (at, word) in stretch.iter().enumerate() {
                self.code.put((number * STRETCH_BYTES) as usize + 8 * at, *word);
            }
        }
        // Programs find the new ones from here on.
        let place = u64::from(self.stretches) | u64::from(count) << 32;
        match entries::set(self.processes.as_fd(), &pid.to_ne_bytes(), &[place, 0]) {
            // Programs put the processes there that they ask for, too.
            Err(error) if error.raw_os_error() == Some(libc::E2BIG) => return Ok(false),
            noted => noted.context("noting the code of a process")?,
        }
        self.known.insert(pid, Rows { first: self.stretches, count });
        self.stretches = behind;
        Ok(true)
    }

    /// A process has ended.
    pub fn forget(&mut self, pid: u32) -> Result<()> {
        self.known.remove(&pid);
        absent_is_fine(entries::delete(self.processes.as_fd(), &pid.to_ne_bytes())).context("forgetting a process")
    }

    /// Forgets all processes; the tables of their binaries stay.
    pub fn clear(&mut self) -> Result<()> {
        let mut key = [0; 4];
        while entries::next_key(self.processes.as_fd(), None, &mut key).context("walking over processes")? {
            absent_is_fine(entries::delete(self.processes.as_fd(), &key)).context("forgetting a process")?;
        }
        self.known.clear();
        self.stretches = 0;
        Ok(())
    }
}

fn absent_is_fine(done: std::io::Result<()>) -> std::io::Result<()> {
    done.or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
