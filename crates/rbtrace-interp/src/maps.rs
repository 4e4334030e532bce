//! Maps: keys to areas of memory that stay where they are, as in the kernel.

use std::collections::BTreeMap;

use rbtrace_ir::{MapDecl, Storage};

use crate::memory::{Address, Memory};

const NOT_FOUND: i64 = -2;
const TOO_MANY: i64 = -7;
const EXISTS: i64 = -17;
const INVALID: i64 = -22;

/// One map. Sorted, so that what a program leaves does not depend on a hash.
#[derive(Debug)]
pub struct Map {
    pub key_size: u32,
    pub value_size: u32,
    max_entries: u32,
    is_array: bool,
    evicts: bool,
    entries: BTreeMap<Vec<u8>, Address>,
}

impl Map {
    pub fn new(declaration: &MapDecl, memory: &mut Memory) -> Self {
        let (is_array, evicts) = match declaration.storage {
            Storage::Global | Storage::PerCpuGlobal => (true, false),
            Storage::Hash | Storage::PerCpuHash => (false, false),
            Storage::LruHash | Storage::LruPerCpuHash => (false, true),
            // What user space puts into them is not here.
            Storage::Array | Storage::Arrays => (false, false),
        };
        let key_size = if is_array { 4 } else { declaration.key.as_ref().map_or(4, |key| key.size()) };
        let value_size = declaration.value_size();
        let mut entries = BTreeMap::new();
        if is_array {
            entries.insert(vec![0; 4], memory.add(vec![0; value_size as usize]));
        }
        Self { key_size, value_size, max_entries: declaration.max_entries, is_array, evicts, entries }
    }

    pub fn get(&self, key: &[u8]) -> Option<Address> {
        self.entries.get(key).copied()
    }

    pub fn keys(&self) -> Vec<Vec<u8>> {
        self.entries.keys().cloned().collect()
    }

    pub fn entries(&self) -> impl Iterator<Item = (&Vec<u8>, Address)> {
        self.entries.iter().map(|(key, &at)| (key, at))
    }

    /// As `bpf_map_update_elem`.
    pub fn update(&mut self, key: Vec<u8>, value: &[u8], flags: i64, memory: &mut Memory) -> i64 {
        match (self.get(&key), flags) {
            _ if !(0..=2).contains(&flags) => INVALID,
            (Some(_), 1) => EXISTS,
            (None, 2) => NOT_FOUND,
            (Some(at), _) => memory.bytes_mut(at, value.len() as u64).map_or(INVALID, |bytes| {
                bytes.copy_from_slice(value);
                0
            }),
            (None, _) => self.insert(key, value, memory),
        }
    }

    fn insert(&mut self, key: Vec<u8>, value: &[u8], memory: &mut Memory) -> i64 {
        if self.entries.len() >= self.max_entries as usize {
            if !self.evicts {
                return TOO_MANY;
            }
            // Which entry an LRU map gives up is the kernel's affair; here it is the smallest key.
            self.entries.pop_first();
        }
        self.entries.insert(key, memory.add(value.to_vec()));
        0
    }

    /// As `bpf_map_delete_elem`.
    pub fn delete(&mut self, key: &[u8]) -> i64 {
        if self.is_array {
            return INVALID;
        }
        self.entries.remove(key).map_or(NOT_FOUND, |_| 0)
    }
}
