//! Indirect functions (IFUNC): symbols whose code chooses, when a binary is loaded, which function they are. `strlen` and `memcpy` of the C
//! library choose by the processor.

use std::ffi::CString;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rbtrace_types::binary::Function;

use super::file::Binary;

/// What the dynamic linker chose for us, if we have the same file loaded: processes on this machine have the same processor.
pub fn chosen_here(path: &Path, binary: &Binary, name: &str) -> Option<u64> {
    let symbol = CString::new(name).ok()?;
    // SAFETY: the name is a C string; the answer is a number to us, nothing is read or called there.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, symbol.as_ptr()) } as u64;
    let file = std::fs::metadata(path).ok()?;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let offset = maps.lines().find_map(|line| offset_in(line, address, file.ino()))?;
    binary.address(offset)
}

/// The offset in its file of an address, if a line of `/proc/PID/maps` is about both. The device there is the file system's, which `stat` of
/// a stacked one does not say; inode and place in a file that holds the symbol are enough.
fn offset_in(line: &str, address: u64, inode: u64) -> Option<u64> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let offset = u64::from_str_radix(words.nth(1)?, 16).ok()?;
    let number: u64 = words.nth(1)?.parse().ok()?;
    let start = u64::from_str_radix(start, 16).ok()?;
    let is_there = (start..u64::from_str_radix(end, 16).ok()?).contains(&address) && number == inode;
    is_there.then(|| address - start + offset)
}

/// All functions that the code may choose from: the addresses it makes. One of them is what every process uses.
pub fn candidates(binary: &Binary, function: &Function) -> Vec<u64> {
    let Some(instructions) = binary.instructions(function.address) else { return Vec::new() };
    let own = function.address..function.address.saturating_add(function.size);
    let mut found = instructions.addresses(function.size);
    found.retain(|address| binary.offset(*address).is_some() && !own.contains(address));
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::offset_in;

    #[test]
    fn lines_of_maps_tell_where_in_a_file_an_address_is() {
        let line = "7f0000001000-7f0000003000 r-xp 00028000 fe:01 1234                       /lib/libc.so.6";
        assert_eq!(offset_in(line, 0x7f00_0000_1010, 1234), Some(0x28010));
        assert_eq!(offset_in(line, 0x7f00_0000_3000, 1234), None);
        assert_eq!(offset_in(line, 0x7f00_0000_1010, 1), None);
        assert_eq!(offset_in("7ffc00000000-7ffc00001000 rw-p 00000000 00:00 0 [stack]", 1, 2), None);
    }
}
