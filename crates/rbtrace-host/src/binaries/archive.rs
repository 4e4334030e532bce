//! Libraries inside of archives (ZIP, as Android's packages are): `app.apk!/lib/x.so`. Processes map members that are stored as they are
//! straight from the archive, so that a place in a member is a place in the archive.
//!
//! The bytes are input: every read is checked.

use std::ops::Range;

/// What separates an archive's path from a member's.
const SEPARATOR: &str = "!/";

/// Begins the end record, an entry of the directory, and a member.
const END: u32 = 0x0605_4b50;
const ENTRY: u32 = 0x0201_4b50;
const MEMBER: u32 = 0x0403_4b50;
/// Sizes of these records without the texts behind them; the end record's text has at most 64 KiB.
const END_SIZE: usize = 22;
const ENTRY_SIZE: usize = 46;
const MEMBER_SIZE: usize = 30;
const LONGEST_COMMENT: usize = 0xffff;

/// A name's path and its member.
pub fn split(name: &str) -> (&str, Option<&str>) {
    name.split_once(SEPARATOR).map_or((name, None), |(path, member)| (path, Some(member)))
}

/// The name of a member of an archive at a path.
pub fn joined(path: &str, member: &str) -> String {
    format!("{path}{SEPARATOR}{member}")
}

/// The member of an archive whose bytes are around an offset, if processes can map it.
pub fn member_at(archive: &[u8], offset: usize) -> Option<(String, Range<usize>)> {
    let mut at = directory(archive)?;
    while let Some(entry) = Entry::read(archive, at) {
        // Where it begins says nothing of where it ends, but most begin elsewhere.
        if entry.member <= offset
            && let Ok(bytes) = entry.bytes(archive)
            && bytes.contains(&offset)
        {
            return Some((String::from_utf8_lossy(entry.name).into_owned(), bytes));
        }
        at = entry.next;
    }
    None
}

/// Where in an archive a member's bytes are.
pub fn find(archive: &[u8], member: &str) -> Result<Range<usize>, String> {
    let mut at = directory(archive).ok_or("it is no ZIP archive")?;
    while let Some(entry) = Entry::read(archive, at) {
        if entry.name == member.as_bytes() {
            return entry.bytes(archive).map_err(|why| format!("its `{member}` {why}"));
        }
        at = entry.next;
    }
    Err(format!("it has no `{member}`"))
}

/// Where the directory begins: the last end record says it.
fn directory(archive: &[u8]) -> Option<usize> {
    let first = archive.len().saturating_sub(END_SIZE + LONGEST_COMMENT);
    let last = archive.len().checked_sub(END_SIZE)?;
    let end = (first..=last).rev().find(|at| word(archive, *at) == Some(END))?;
    Some(word(archive, end + 16)? as usize)
}

/// An entry of the directory.
struct Entry<'a> {
    name: &'a [u8],
    method: u16,
    size: usize,
    /// Where the member begins.
    member: usize,
    /// The entry behind it.
    next: usize,
}

impl Entry<'_> {
    fn read(archive: &[u8], at: usize) -> Option<Entry<'_>> {
        if word(archive, at)? != ENTRY {
            return None;
        }
        let length = |offset: usize| half(archive, at + offset).map(usize::from);
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        let start = at + ENTRY_SIZE;
        Some(Entry {
            name: archive.get(start..start + name)?,
            method: half(archive, at + 10)?,
            size: word(archive, at + 24)? as usize,
            member: word(archive, at + 42)? as usize,
            next: start + name + extra + comment,
        })
    }

    fn bytes(&self, archive: &[u8]) -> Result<Range<usize>, &'static str> {
        if self.method != 0 {
            return Err("is compressed; processes map only what is stored as it is");
        }
        let start = || {
            let names = usize::from(half(archive, self.member + 26)?) + usize::from(half(archive, self.member + 28)?);
            (word(archive, self.member)? == MEMBER).then_some(self.member + MEMBER_SIZE + names)
        };
        let start = start().ok_or("is not where the directory says")?;
        let bytes = start..start + self.size;
        if archive.get(bytes.clone()).is_some() { Ok(bytes) } else { Err("is cut off") }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Members by name, method and content, as `zip` writes them.
    fn archive(members: &[(&str, u16, &[u8])]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, method, content) in members {
            let (at, size) = (bytes.len() as u32, content.len() as u32);
            let common =
                [&20u16.to_le_bytes()[..], &[0; 2], &method.to_le_bytes(), &[0; 8], &size.to_le_bytes(), &size.to_le_bytes()].concat();
            let names = [(name.len() as u16).to_le_bytes(), 4u16.to_le_bytes()].concat();
            bytes.extend([&MEMBER.to_le_bytes()[..], &common, &names, name.as_bytes(), &[0; 4], content].concat());
            let entry =
                [&ENTRY.to_le_bytes()[..], &[0; 2], &common, &names, &[0; 10], &at.to_le_bytes(), name.as_bytes(), &[0; 4]].concat();
            directory.extend(entry);
        }
        let end = [&END.to_le_bytes()[..], &[0; 12], &(bytes.len() as u32).to_le_bytes(), &3u16.to_le_bytes(), b"end"].concat();
        [bytes, directory, end].concat()
    }

    #[test]
    fn members_are_found_where_they_are_stored() {
        let archive = archive(&[("a.txt", 0, b"first"), ("lib/x.so", 0, b"\x7fELF"), ("b", 8, b"packed")]);
        let bytes_of = |name| find(&archive, name).expect("it is there");
        assert_eq!(&archive[bytes_of("lib/x.so")], b"\x7fELF");
        let start = bytes_of("lib/x.so").start;
        assert_eq!(member_at(&archive, start + 1), Some(("lib/x.so".into(), start..start + 4)));
        assert_eq!([start - 1, start + 4, bytes_of("a.txt").end].map(|at| member_at(&archive, at)), [None, None, None]);
        assert_eq!(find(&archive, "lib/y.so"), Err("it has no `lib/y.so`".into()));
        assert!(find(&archive, "b").is_err_and(|why| why.contains("compressed")));
        assert_eq!(split("/x.apk!/lib/x.so"), ("/x.apk", Some("lib/x.so")));
        assert_eq!(split("/bin/a!b"), ("/bin/a!b", None));
    }

    #[test]
    fn what_is_cut_or_lies_is_an_error() {
        let whole = archive(&[("a", 0, b"content")]);
        for length in 0..whole.len() {
            let found = find(&whole[..length], "a");
            assert!(found.is_err() || found.is_ok_and(|bytes| bytes.end <= length), "{length}");
        }
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 0xff;
            assert!(find(&broken, "a").map_or(true, |bytes| bytes.end <= broken.len()), "{at}");
        }
    }
}
