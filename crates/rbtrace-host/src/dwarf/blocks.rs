//! The code of the functions of a unit, and of those that were put into them: by address.

use anyhow::Result;
use gimli::constants as dw;

use super::session::{Entry, Session};

/// More pieces of code than a unit has.
const MOST_BLOCKS: usize = 10_000_000;

/// Code of a function, or of one that was put into another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub begin: u64,
    pub end: u64,
    /// The entry in the unit.
    pub entry: usize,
    /// Whether the function is part of another.
    pub is_inlined: bool,
    /// The last end of this and all before it.
    reach: u64,
}

/// Invariant: sorted by where they begin.
#[derive(Debug, Default)]
pub(super) struct Blocks(Vec<Block>);

impl Blocks {
    /// Reads a unit from end to end.
    pub fn read(session: &Session<'_>, number: u32) -> Result<Blocks> {
        let file = session.home(number);
        let unit = session.unit(file, number)?;
        let (mut entries, mut entry, mut blocks) = (unit.entries_raw(None)?, Entry::default(), Vec::new());
        while !entries.is_empty() {
            let offset = entries.next_offset().0;
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            let is_inlined = abbreviation.tag() == dw::DW_TAG_inlined_subroutine;
            if !is_inlined && abbreviation.tag() != dw::DW_TAG_subprogram {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            entries.read_attributes(abbreviation.attributes(), &mut entry.attrs)?;
            let mut ranges = session.ranges(file, number, &entry)?;
            while let (Ok(Some(range)), true) = (ranges.next(), blocks.len() < MOST_BLOCKS) {
                // What was cut away at link time is at 0.
                if range.begin != 0 && range.begin < range.end {
                    blocks.push(Block { begin: range.begin, end: range.end, entry: offset, is_inlined, reach: 0 });
                }
            }
        }
        Ok(Blocks::of(blocks))
    }

    fn of(mut blocks: Vec<Block>) -> Blocks {
        blocks.sort_unstable_by_key(|block| (block.begin, block.entry));
        let mut reach = 0;
        for block in &mut blocks {
            reach = block.end.max(reach);
            block.reach = reach;
        }
        Blocks(blocks)
    }

    /// The blocks that an instruction is in, the outermost first: entries stand behind those that they are part of.
    pub fn around(&self, address: u64) -> Vec<Block> {
        let behind = self.0.partition_point(|block| block.begin <= address);
        let near = self.0[..behind].iter().rev().take_while(|block| address < block.reach);
        let mut around: Vec<Block> = near.filter(|block| address < block.end).copied().collect();
        around.sort_unstable_by_key(|block| block.entry);
        around
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, Blocks};

    #[test]
    fn what_is_around_comes_from_the_outside_in() {
        let block = |(begin, end, entry)| Block { begin, end, entry, is_inlined: entry % 10 != 0, reach: 0 };
        let blocks = Blocks::of([(40, 50, 12), (10, 20, 11), (100, 200, 30), (10, 60, 10), (42, 44, 13), (70, 80, 20)].map(block).to_vec());
        let around = |address| blocks.around(address).iter().map(|block| block.entry).collect::<Vec<_>>();
        assert_eq!(
            [9, 10, 20, 43, 44, 60, 199, 200].map(around),
            [vec![], vec![10, 11], vec![10], vec![10, 12, 13], vec![10, 12], vec![], vec![30], vec![]]
        );
    }
}
