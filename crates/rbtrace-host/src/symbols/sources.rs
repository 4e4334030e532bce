//! Which files name the code of a file that processes have in memory: itself, its debug file, or what is packed into it. Knows no process.

use std::cell::{Cell, OnceCell};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use blazesym::symbolize::Input;
use blazesym::symbolize::source::{Elf, Source};
use object::{CompressionFormat, Object, ObjectSection, ObjectSegment};
use rustix::fs::{MemfdFlags, memfd_create};

use super::files::MappedFile;
use super::linked::Linked;
use super::names::{Name, Names};
use crate::binaries::debug_file::DebugFile;
use crate::binaries::file::map;
use crate::binaries::image::Image;
use crate::binaries::{DebugPlaces, below, described, mini_debug};
use crate::broken;
use crate::dwarf::{self, Around, DebugInfo};

/// See the module.
#[derive(Debug)]
pub struct Sources {
    /// Where the file can be read.
    own: PathBuf,
    /// Whether it says from which lines its code was made.
    has_lines: bool,
    /// Whether what says it turned out to be damaged.
    are_lines_broken: Cell<bool>,
    apart: Option<Apart>,
    segments: Vec<Segment>,
    linked: Linked,
    names: Names,
    split: Option<Split>,
}

/// Debug information that refers to other files, where blazesym does not follow it.
#[derive(Debug)]
struct Split {
    /// Whether that is what its units say, or only the names of some entries.
    are_units: bool,
    /// The file that refers to them.
    debug: PathBuf,
    /// The binary, and where its paths begin.
    binary: PathBuf,
    root: Option<PathBuf>,
    described: OnceCell<Option<DebugInfo>>,
}

/// Names and lines that are not in the file itself.
#[derive(Debug)]
enum Apart {
    /// In its debug file, which has lines, too.
    Debug(PathBuf),
    /// In a file of names that was packed into it, and is in memory now.
    Packed(File),
}

/// A piece of the file that becomes memory.
#[derive(Clone, Copy, Debug)]
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

impl Sources {
    /// Looks for what names the code of a file; `lines`: and says where it is in the source. `None`: the file cannot be read.
    pub fn of(file: &MappedFile, places: &DebugPlaces, lines: bool) -> Option<Sources> {
        Some(Self::at(file.readable()?, Path::new(&file.path), file.root().as_deref(), places, lines))
    }

    /// `own`: where the file of that path below that root can be read.
    pub fn at(own: PathBuf, path: &Path, root: Option<&Path>, places: &DebugPlaces, lines: bool) -> Sources {
        let (linked, names) = (Linked::default(), Names::default());
        let are_lines_broken = Cell::new(false);
        let mut sources =
            Sources { own, has_lines: false, are_lines_broken, apart: None, segments: Vec::new(), linked, names, split: None };
        let Ok(bytes) = map(&sources.own) else { return sources };
        let Ok(object) = object::File::parse(&*bytes) else { return sources };
        sources.has_lines = object.section_by_name(".debug_info").is_some();
        let is_stripped = object.symbol_table().is_none();
        if is_stripped || lines && !sources.has_lines {
            let packed = || mini_debug::read(&object).filter(|_| is_stripped).and_then(|bytes| in_memory(&bytes)).map(Apart::Packed);
            let here = places.find(&object, path, root).map(|found| Apart::Debug(found.path));
            // Names alone are no reason to ask servers, if they are here.
            let here = here.or_else(|| if lines { None } else { packed() });
            let elsewhere = || places.fetch(&object).map(|found| Apart::Debug(found.path));
            sources.apart = here.or_else(elsewhere).or_else(packed);
        }
        let segments = object.segments().map(|segment| {
            let (offset, size) = segment.file_range();
            Segment { address: segment.address(), offset, size }
        });
        sources.segments = segments.collect();
        sources.split = if lines { sources.split(path, root) } else { None };
        sources.linked = Linked::read(&object);
        // What others call is in the whole table, too.
        sources.names.add(&sources.own, is_stripped);
        if let Some(apart) = sources.apart.as_ref().filter(|_| is_stripped) {
            sources.names.add(&apart.path(), false);
        }
        sources
    }

    /// Whether the code at an offset of the file is the binary's that begins with it.
    pub fn holds(&self, offset: u64) -> bool {
        self.address(offset).is_some()
    }

    /// Who knows the lines of the code at an offset of the file.
    pub fn lines(&self, offset: u64) -> Option<(Source<'static>, Input<u64>)> {
        let debug = if self.are_lines_broken.get() { None } else { self.debug() };
        Some((Source::Elf(Elf::new(debug?)), Input::VirtOffset(self.address(offset)?)))
    }

    /// They are damaged.
    pub fn forget_lines(&self) {
        self.are_lines_broken.set(true);
    }

    /// The file that says from which lines the code was made.
    fn debug(&self) -> Option<PathBuf> {
        match &self.apart {
            Some(Apart::Debug(path)) => Some(path.clone()),
            Some(Apart::Packed(_)) | None => self.has_lines.then(|| self.own.clone()),
        }
    }

    /// What the tables of symbols call the code at an offset.
    pub fn name(&self, offset: u64) -> Option<Name> {
        self.names.find(self.address(offset)?)
    }

    /// Dynamic linking's own code at an offset: its name, and how far it is in it.
    pub fn stub(&self, offset: u64) -> Option<(&str, u64)> {
        self.linked.stub(&self.own, self.address(offset)?)
    }

    /// The functions that the code at an offset is of, where blazesym cannot know all of them. `is_whole`: all that it found has names.
    pub fn around(&self, offset: u64, is_whole: bool) -> Option<Around> {
        let split = self.split.as_ref().filter(|split| split.are_units || !is_whole)?;
        let open = || {
            let debug = DebugFile { path: split.debug.clone(), bytes: Image::open(&split.debug, None).ok()? };
            described::open(debug, &split.binary, split.root.as_ref()).ok()?
        };
        split.described.get_or_init(open).as_ref()?.around(self.address(offset)?)
    }

    fn split(&self, path: &Path, root: Option<&Path>) -> Option<Split> {
        let debug = self.debug()?;
        let bytes = map(&debug).ok()?;
        let object = object::File::parse(&*bytes).ok()?;
        if !can_be_unpacked(&object) {
            broken::complain(&path.to_string_lossy());
            self.forget_lines();
            return None;
        }
        let are_units = dwarf::is_split(&object);
        let refers_elsewhere = are_units || object.gnu_debugaltlink().is_ok_and(|link| link.is_some());
        let binary = below(root, &path.to_string_lossy());
        refers_elsewhere.then(|| Split { are_units, debug, binary, root: root.map(Path::to_owned), described: OnceCell::new() })
    }

    fn address(&self, offset: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let into = offset.checked_sub(segment.offset).filter(|into| *into < segment.size)?;
            segment.address.checked_add(into)
        })
    }
}

impl Apart {
    fn path(&self) -> PathBuf {
        match self {
            Apart::Debug(path) => path.clone(),
            Apart::Packed(file) => PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())),
        }
    }
}

/// Whether there is memory for what sections say that they hold when they are unpacked. blazesym does not ask, and the run would be over.
fn can_be_unpacked(object: &object::File<'_>) -> bool {
    object.sections().filter_map(|section| section.compressed_file_range().ok()).all(|range| {
        let size = usize::try_from(range.uncompressed_size).unwrap_or(usize::MAX);
        range.format == CompressionFormat::None || Vec::<u8>::new().try_reserve_exact(size).is_ok()
    })
}

/// A file without a place that holds these bytes.
pub fn in_memory(bytes: &[u8]) -> Option<File> {
    let mut file = File::from(memfd_create("names", MemfdFlags::CLOEXEC).ok()?);
    file.write_all(bytes).ok()?;
    Some(file)
}
