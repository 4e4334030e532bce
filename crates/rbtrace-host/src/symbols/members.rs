//! Binaries inside of files: members of archives, and whatever else begins somewhere in a file that processes have in memory. They are
//! named as they are probed: `app.apk!/lib/x.so`.

use std::cell::OnceCell;
use std::fs::File;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use object::{Object, ObjectSegment};

use super::files::MappedFile;
use super::sources::{Sources, in_memory};
use crate::binaries::{DebugPlaces, archive};

/// What every binary begins with.
const MAGIC: &[u8] = b"\x7fELF";

/// Where binaries begin in files that are no archives: code is mapped from there on its own.
const PAGE: usize = 4096;

/// Bytes of a file that are looked through for binaries.
const MOST: usize = 1 << 30;

/// See the module.
#[derive(Debug)]
pub struct Members {
    bytes: Option<Mmap>,
    /// Where binaries begin, if the file is no archive.
    starts: OnceCell<Vec<usize>>,
    /// Those that were asked for.
    known: Vec<Member>,
}

/// A binary that is in another file.
#[derive(Debug)]
pub struct Member {
    /// Where its bytes are.
    pub range: Range<u64>,
    /// What it is called.
    pub name: String,
    /// What names its code.
    pub sources: Sources,
    /// Its bytes as a file of their own.
    _file: File,
}

impl Members {
    /// Those of a file; none is looked for yet.
    pub fn of(file: &MappedFile) -> Members {
        Members { bytes: file.bytes(), starts: OnceCell::new(), known: Vec::new() }
    }

    /// The one that has the code at an offset of the file.
    pub fn at(&mut self, offset: u64, file: &MappedFile, places: &DebugPlaces, lines: bool) -> Option<&Member> {
        let known = self.known.iter().position(|member| member.range.contains(&offset));
        if known.is_none() {
            let new = self.open(usize::try_from(offset).ok()?, file, places, lines)?;
            self.known.push(new);
        }
        known.map_or(self.known.last(), |index| self.known.get(index))
    }

    fn open(&self, offset: usize, file: &MappedFile, places: &DebugPlaces, lines: bool) -> Option<Member> {
        let bytes = self.bytes.as_deref()?;
        let (range, name) = match archive::member_at(bytes, offset) {
            Some((name, range)) => (range, archive::joined(&file.path, &name)),
            None => (self.around(bytes, offset)?, file.path.clone()),
        };
        let content = bytes.get(range.clone()).filter(|content| content.starts_with(MAGIC))?;
        let own = in_memory(content)?;
        let place = PathBuf::from(format!("/proc/self/fd/{}", own.as_raw_fd()));
        let sources = Sources::at(place, Path::new(&name), file.root().as_deref(), places, lines);
        Some(Member { range: range.start as u64..range.end as u64, name, sources, _file: own })
    }

    /// The binary that has the code at an offset.
    fn around(&self, bytes: &[u8], offset: usize) -> Option<Range<usize>> {
        // What begins with the file is the file itself.
        let pages = || (PAGE..bytes.len().min(MOST)).step_by(PAGE).filter(|start| bytes[*start..].starts_with(MAGIC));
        let starts = self.starts.get_or_init(|| pages().collect());
        let before = starts.iter().rev().skip_while(|start| **start > offset);
        before.filter_map(|start| Some(*start..*start + size(&bytes[*start..])?)).find(|range| range.contains(&offset))
    }
}

/// How many bytes belong to the binary that begins here: its segments, and what is behind them for debuggers.
fn size(bytes: &[u8]) -> Option<usize> {
    let object = object::File::parse(bytes).ok()?;
    let segments = object.segments().map(|segment| segment.file_range());
    let sections = object.sections().filter_map(|section| object::ObjectSection::file_range(&section));
    let end = segments.chain(sections).map(|(start, size)| start.saturating_add(size)).max()?;
    // The table of sections is the last thing in most files.
    let table = (object.sections().count() as u64 + 1) * size_of::<object::elf::SectionHeader64<object::Endianness>>() as u64 + 8;
    Some(usize::try_from(end.saturating_add(table)).ok()?.min(bytes.len()))
}
