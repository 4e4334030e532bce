//! Where a program fired: the text of `probe`.

use rbtrace_ir::Op;
use rbtrace_lang::compile::{LowerCx, Lowered, TypeCx};

use super::Lower;

/// Selectors at or above this have no entry in the table of names: no syscall number is that large.
const MOST_SELECTORS: u64 = 4096;

impl Lower<'_> {
    /// The name of the place as a string: a constant, or an entry of a table by selector where the body serves several places.
    pub(super) fn name_of_place(&mut self) -> Lowered {
        let size = self.probe_name_size();
        let names: Vec<(u64, String)> = self.body.places.iter().map(|(place, selector)| (selector.unwrap_or(0), place.name())).collect();
        let Some(selector) = self.selector.filter(|_| names.len() > 1) else {
            let mut text = names[0].1.clone().into_bytes();
            text.resize(size as usize, 0);
            return Lowered::Mem(self.constant(&text));
        };
        let step = size.next_multiple_of(8) as usize;
        let entries = names.iter().map(|(selector, _)| selector + 1).max().unwrap_or(1).min(MOST_SELECTORS);
        let mut table = vec![0u8; entries as usize * step];
        for (selector, name) in names {
            let at = selector as usize * step;
            if let Some(entry) = table.get_mut(at..at + name.len()) {
                entry.copy_from_slice(name.as_bytes());
            }
        }
        let base = self.constant(&table);
        let number = self.ir.value(Op::Get(selector));
        let index = self.ir.bin_int(rbtrace_ir::Bin::Mul, number, step as i64);
        let bound = (entries as u32 - 1) * step as u32 + 1;
        Lowered::Mem(self.ir.value(Op::Index { base, index, bound }))
    }
}
