//! Names of local functions in a stripped binary: some distributions leave them there as a small ELF file, packed with xz, in a section.

use std::io::Read;

use lzma_rust2::XzReader;
use object::{Object, ObjectSection};

/// The section that holds the file.
const SECTION: &str = ".gnu_debugdata";

/// What claims to be larger than this when unpacked is a trap: names alone are a few megabytes for the largest programs.
const LARGEST: u64 = 256 << 20;

/// Kilobytes of memory that unpacking may need; packers take less than half of it at their best.
const MOST_MEMORY: u32 = 128 << 10;

/// The file in a binary that names its local functions; none where there is none, or one that is broken.
pub fn read(binary: &object::File<'_>) -> Option<Vec<u8>> {
    unpacked(binary.section_by_name(SECTION)?.data().ok()?)
}

fn unpacked(section: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = XzReader::new_mem_limit(section, false, MOST_MEMORY).take(LARGEST).read_to_end(&mut bytes).ok()?;
    ((read as u64) < LARGEST).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::unpacked;

    /// `xz --check=crc32` of "names names names\n".
    const PACKED: &[u8] = b"\xfd7zXZ\x00\x00\x01i\x22\xde6\x02\x00!\x01\x16\x00\x00\x00t/\xe5\xa3\xe0\x00\x11\x00\x0d]\x007\x18I\xfd\xfd\xe1\x14\xcf\xf1#\x1a\x00\x00\x00\x00\x00\x00\xc7\xa7\xf1s\x00\x01%\x12\x84\x14\xcc;\x90B\x99\x0d\x01\x00\x00\x00\x00\x01YZ";

    #[test]
    fn what_is_packed_is_unpacked() {
        assert_eq!(unpacked(PACKED).as_deref(), Some(&b"names names names\n"[..]));
    }

    #[test]
    fn what_is_cut_or_lies_is_nothing() {
        for length in 0..PACKED.len() {
            assert_eq!(unpacked(&PACKED[..length]), None, "{length}");
        }
        for at in 0..PACKED.len() {
            let mut broken = PACKED.to_vec();
            broken[at] ^= 0x10;
            assert_eq!(unpacked(&broken), None, "{at}");
        }
    }
}
