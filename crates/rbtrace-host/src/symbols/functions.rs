//! Functions that come and go, by address: code that processes make, and that of BPF programs.

use std::collections::BTreeMap;

/// By their first address: where they end, and their names. A new one takes the place of those that begin in it: their code is gone.
#[derive(Debug, Default)]
pub struct Functions(BTreeMap<u64, (u64, String)>);

impl Functions {
    /// One that is new, `size` bytes long.
    pub fn insert(&mut self, start: u64, size: u64, name: &str) {
        let end = start.saturating_add(size.max(1));
        while let Some((&covered, _)) = self.0.range(start..end).next() {
            self.0.remove(&covered);
        }
        self.0.insert(start, (end, name.to_owned()));
    }

    /// How far the address is in its function, and the name.
    pub fn find(&self, address: u64) -> Option<(u64, &str)> {
        let (start, (end, name)) = self.0.range(..=address).next_back()?;
        (address < *end).then(|| (address - start, name.as_str()))
    }
}
