//! Marks that programs carry for tracers (USDT): the notes of `.note.stapsdt`. Knows no probe.
//!
//! A note: three addresses (the mark, where the linker put `.stapsdt.base`, a counter of those who watch, or 0), then provider, name and
//! arguments as texts that end in NUL. The bytes are input: every read is checked, a broken note ends the list.

use object::{Object, ObjectSection, ObjectSegment};
use rbtrace_types::binary::Marker;

const NOTES: &str = ".note.stapsdt";
const BASE: &str = ".stapsdt.base";
/// Name and type of the notes that are meant.
const OWNER: &[u8] = b"stapsdt\0";
const KIND: u32 = 3;

/// The marks of a binary, sorted; `start`: where the bytes are in their file.
pub fn read(bytes: &[u8], start: u64) -> Result<Vec<Marker>, String> {
    let file = object::File::parse(bytes).map_err(|error| error.to_string())?;
    let Some(notes) = file.section_by_name(NOTES) else { return Ok(Vec::new()) };
    let data = notes.data().map_err(|error| error.to_string())?;
    let base = file.section_by_name(BASE).map(|section| section.address());
    let width = if file.is_64() { 8 } else { 4 };
    let mut markers: Vec<Marker> = Notes(data).filter_map(|note| marker(note, width, base, &file, start)).collect();
    markers.sort_unstable();
    markers.dedup();
    Ok(markers)
}

/// The descriptions of all notes of the right kind.
struct Notes<'a>(&'a [u8]);

impl<'a> Iterator for Notes<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let word = |at: usize| Some(u32::from_le_bytes(*self.0.get(at..)?.first_chunk::<4>()?));
            let (name_size, size, kind) = (word(0)? as usize, word(4)? as usize, word(8)?);
            let start = 12usize.checked_add(name_size.checked_next_multiple_of(4)?)?;
            let end = start.checked_add(size)?;
            let (owner, description) = (self.0.get(12..12 + name_size)?, self.0.get(start..end)?);
            self.0 = self.0.get(end.checked_next_multiple_of(4)?..).unwrap_or_default();
            if owner == OWNER && kind == KIND {
                return Some(description);
            }
        }
    }
}

fn marker(note: &[u8], width: usize, base: Option<u64>, file: &object::File<'_>, start: u64) -> Option<Marker> {
    let address = |index: usize| {
        let bytes = note.get(index * width..(index + 1) * width)?;
        Some(bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte)))
    };
    let (place, linked, semaphore) = (address(0)?, address(1)?, address(2)?);
    // A tool that moved the code after linking (prelink) moved the base with it, but not what the note says.
    let moved = base.map_or(0, |base| base.wrapping_sub(linked));
    let mut texts = note.get(3 * width..)?.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    let (provider, name, arguments) = (texts.next()?, texts.next()?, texts.next()?);
    let semaphore = if semaphore == 0 { None } else { Some(start + file_offset(file, semaphore.wrapping_add(moved))?) };
    Some(Marker { provider, name, address: place.wrapping_add(moved), semaphore, arguments })
}

/// Where in the file the memory at an address begins as.
fn file_offset(file: &object::File<'_>, address: u64) -> Option<u64> {
    file.segments().find_map(|segment| {
        let (offset, size) = segment.file_range();
        let behind = address.checked_sub(segment.address())?;
        (behind < size).then_some(offset + behind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(owner: &[u8], kind: u32, description: &[u8]) -> Vec<u8> {
        let pad = |bytes: &[u8]| {
            let mut padded = bytes.to_vec();
            padded.resize(bytes.len().next_multiple_of(4), 0);
            padded
        };
        let words = [owner.len() as u32, description.len() as u32, kind];
        let head: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        [head, pad(owner), pad(description)].concat()
    }

    #[test]
    fn notes_of_others_are_passed_over() {
        let bytes = [note(b"GNU\0", 1, b"xyz"), note(OWNER, KIND, b"one"), note(OWNER, 4, b"no"), note(OWNER, KIND, b"two!!")].concat();
        assert_eq!(Notes(&bytes).collect::<Vec<_>>(), [&b"one"[..], b"two!!"]);
    }

    #[test]
    fn what_is_cut_or_lies_ends_the_list() {
        let bytes = note(OWNER, KIND, b"description");
        for length in 0..bytes.len() - 1 {
            assert_eq!(Notes(&bytes[..length]).count(), 0, "{length}");
        }
        let mut huge = bytes.clone();
        huge[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Notes(&huge).count(), 0);
    }
}
