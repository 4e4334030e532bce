//! Where a program fired: the text of `probe` and its like.

use rbtrace_ir::Op;
use rbtrace_lang::compile::{LowerCx, Lowered, PlaceText, TypeCx};

use super::Lower;

/// Selectors at or above this have no entry in the table of texts: no syscall number is that large.
const MOST_SELECTORS: u64 = 4096;

impl Lower<'_> {
    /// The text of the place as a string: a constant, or an entry of a table by selector where the body serves several places.
    pub(super) fn text_of_place(&mut self, text: PlaceText) -> Lowered {
        let size = self.place_text_size(text);
        let facts = self.shared.facts;
        let texts: Vec<(u64, Vec<u8>)> =
            self.body.places.iter().map(|(place, selector)| (selector.unwrap_or(0), text(facts, place))).collect();
        if texts.len() == 1 || texts.iter().all(|(_, other)| *other == texts[0].1) {
            let mut text = texts[0].1.clone();
            text.resize(size as usize, 0);
            return Lowered::Mem(self.constant(&text));
        }
        let step = size.next_multiple_of(8) as usize;
        let most = if self.unit.is_numbered { u64::MAX } else { MOST_SELECTORS };
        let entries = texts.iter().map(|(selector, _)| selector + 1).max().unwrap_or(1).min(most);
        let mut table = vec![0u8; entries as usize * step];
        for (selector, text) in texts {
            let at = selector as usize * step;
            if let Some(entry) = table.get_mut(at..at + text.len()) {
                entry.copy_from_slice(&text);
            }
        }
        let base = self.constant(&table);
        let number = self.selector();
        let index = self.ir.bin_int(rbtrace_ir::Bin::Mul, number, step as i64);
        let bound = (entries as u32 - 1) * step as u32 + 1;
        Lowered::Mem(self.ir.value(Op::Index { base, index, bound }))
    }

    /// Which place it is.
    fn selector(&mut self) -> rbtrace_ir::Value {
        match self.selector {
            Some(slot) => self.ir.value(Op::Get(slot)),
            None => {
                let unit = self.unit;
                (unit.bodies[0].places[0].0.probe_type.select)(self, &unit.planned)
            }
        }
    }
}
