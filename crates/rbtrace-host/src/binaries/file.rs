//! One ELF file: its functions and where its code is. Knows no probe.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use memmap2::Mmap;
use object::{Architecture, Object, ObjectKind, ObjectSegment, ObjectSymbol, SegmentFlags, SymbolFlags, elf};
use rbtrace_types::binary::{Function, Marker, Naming, Symbol, named};

use super::debug_file::DebugPlaces;
use super::image::Image;
use super::instructions::{Instructions, Kind};
use super::jumps::Jumps;
use super::{archive, markers, mini_debug, names};
use crate::cut_short;

/// A program or library.
#[derive(Debug)]
pub struct Binary {
    path: PathBuf,
    file: Mmap,
    /// Its bytes: all of the file, unless that is an archive.
    range: Range<usize>,
    /// Executable segments.
    code: Vec<Segment>,
    /// Of all its code, once that was asked.
    jumps: OnceLock<Vec<Jumps>>,
    /// Its symbols, where it was stripped of them.
    debug: OnceLock<Option<Apart>>,
    /// The same from a server.
    fetched: OnceLock<Option<Image>>,
    /// Where that file may be, and where paths begin.
    places: DebugPlaces,
    root: Option<PathBuf>,
    symbols: OnceLock<Arc<[Function]>>,
    demangled: OnceLock<Arc<[Function]>>,
    markers: OnceLock<Result<Arc<[Marker]>, String>>,
}

/// Symbols that are not in the binary's own table.
#[derive(Debug)]
enum Apart {
    /// In a file of their own.
    File(Image),
    /// In a section that is packed.
    Packed(Vec<u8>),
}

/// A piece of the file that becomes executable memory.
#[derive(Debug, Clone, Copy)]
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

impl Segment {
    fn holds(&self, address: u64) -> bool {
        (self.address..self.address.saturating_add(self.size)).contains(&address)
    }
}

impl Binary {
    /// Opens a file, or a member of an archive; why it is no binary.
    pub fn open(path: &Path, member: Option<&str>, root: Option<&PathBuf>, places: &DebugPlaces) -> Result<Binary, String> {
        let file = map(path)?;
        let range = match member {
            Some(member) => archive::find(&file, member).map_err(|why| format!("{}: {why}", path.display()))?,
            None => 0..file.len(),
        };
        let code = segments(&file[range.clone()], range.start as u64);
        let code = code.map_err(|error| format!("{} is not an ELF file ({error})", path.display()))?;
        Ok(Binary {
            path: path.to_owned(),
            file,
            range,
            code,
            jumps: OnceLock::new(),
            debug: OnceLock::new(),
            fetched: OnceLock::new(),
            places: places.clone(),
            root: root.cloned(),
            symbols: OnceLock::new(),
            demangled: OnceLock::new(),
            markers: OnceLock::new(),
        })
    }

    /// All functions, sorted by name.
    pub fn functions(&self, naming: Naming) -> Arc<[Function]> {
        let all = match naming {
            Naming::Symbol => self.symbols.get_or_init(|| sorted(self.collect(|_| true))),
            Naming::Demangled => self.demangled.get_or_init(|| sorted(self.demangle())),
        };
        Arc::clone(all)
    }

    /// The functions of one name, without a table of all names if there is none yet.
    pub fn function(&self, naming: Naming, name: &str) -> Vec<Function> {
        let all = match naming {
            Naming::Symbol => match self.symbols.get() {
                Some(all) => Arc::clone(all),
                None => return sorted(self.look(name)).to_vec(),
            },
            Naming::Demangled => self.functions(naming),
        };
        named(&all, name).to_vec()
    }

    /// A function or variable by the name of its symbol.
    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        let file = object::File::parse(self.bytes()).ok()?;
        let is_fixed = file.kind() == ObjectKind::Executable;
        let mut symbols = file.symbols().chain(file.dynamic_symbols());
        let found = symbols.find(|symbol| symbol.is_definition() && symbol.name() == Ok(name));
        let of_binary = found.map(|symbol| Symbol { address: symbol.address(), size: symbol.size(), is_fixed });
        of_binary.or_else(|| {
            let debug = object::File::parse(self.apart(&file)?).ok()?;
            let symbol = debug.symbols().find(|symbol| symbol.is_definition() && symbol.name() == Ok(name))?;
            Some(Symbol { address: symbol.address(), size: symbol.size(), is_fixed })
        })
    }

    /// The places that the program marks.
    pub fn markers(&self) -> Result<Arc<[Marker]>, String> {
        self.markers.get_or_init(|| markers::read(self.bytes(), self.range.start as u64).map(Arc::from)).clone()
    }

    /// The file, or the part of an archive.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.file[self.range.clone()]
    }

    /// Where in the file the code at an address is.
    pub fn offset(&self, address: u64) -> Option<u64> {
        let segment = self.code.iter().find(|segment| segment.holds(address))?;
        segment.offset.checked_add(address - segment.address)
    }

    /// The bytes of the code from an address to the end of its segment.
    fn code_at(&self, address: u64) -> Option<&[u8]> {
        let segment = self.code.iter().find(|segment| segment.holds(address))?;
        self.code_of(segment)?.get(usize::try_from(address - segment.address).ok()?..)
    }

    fn code_of(&self, segment: &Segment) -> Option<&[u8]> {
        let start = usize::try_from(segment.offset).ok()?;
        let end = usize::try_from(segment.offset.saturating_add(segment.size)).ok()?.min(self.range.end);
        self.file.get(start..end)
    }

    /// The first address from one on where the kernel takes a breakpoint, if it is hit whenever the first is, and by nobody else.
    pub fn breakpoint(&self, address: u64) -> Option<u64> {
        let Some(instructions) = self.instructions(address) else { return Some(address) };
        let found = address + instructions.steppable_after().or_else(|| instructions.is_steppable().then_some(0))?;
        (found == address || !self.is_jumped_into(&(address + 1..found + 1))).then_some(found)
    }

    fn is_jumped_into(&self, range: &Range<u64>) -> bool {
        let code = |segment: &Segment| self.code_of(segment).unwrap_or_default();
        let collect = || self.code.iter().map(|segment| Jumps::of(code(segment), segment.address)).collect();
        let mut all = self.code.iter().zip(self.jumps.get_or_init(collect));
        all.any(|(segment, jumps)| jumps.lead_into(code(segment), segment.address, range))
    }

    /// Code from an address on, and how to read it.
    pub fn instructions(&self, address: u64) -> Option<Instructions<'_>> {
        #[allow(clippy::wildcard_enum_match_arm, reason = "not our enum: there are forty machines, and three are decoded")]
        let kind = match object::File::parse(self.bytes()).ok()?.architecture() {
            Architecture::X86_64 => Kind::X86(64),
            Architecture::I386 => Kind::X86(32),
            Architecture::Aarch64 => Kind::Aarch64,
            _ => return None,
        };
        Some(Instructions { kind, code: self.code_at(address)?, address })
    }

    /// The address in memory of what is at an offset of the file.
    pub fn address(&self, offset: u64) -> Option<u64> {
        self.code.iter().find_map(|segment| {
            let into = offset.checked_sub(segment.offset).filter(|into| *into < segment.size)?;
            segment.address.checked_add(into)
        })
    }

    /// Whether it has a section.
    pub fn has_section(&self, name: &str) -> bool {
        object::File::parse(self.bytes()).is_ok_and(|file| file.section_by_name(name).is_some())
    }

    /// Whether its table of symbols was taken away, and is not to be had from elsewhere either.
    pub fn is_stripped(&self) -> bool {
        object::File::parse(self.bytes()).is_ok_and(|file| file.symbol_table().is_none() && self.apart(&file).is_none())
    }

    /// The functions of a name; servers are asked for those that are not here.
    fn look(&self, name: &str) -> Vec<Function> {
        let found = self.collect(|known| known == name);
        let Ok(file) = object::File::parse(self.bytes()) else { return found };
        let is_here = !found.is_empty() || name.is_empty() || file.symbol_table().is_some();
        let fetch = || self.places.fetch(&file).map(|found| found.bytes);
        if is_here || self.fetched.get_or_init(fetch).is_none() {
            return found;
        }
        self.collect(|known| known == name)
    }

    /// Functions whose names are wanted. Where the file was stripped, what was taken from it is asked.
    fn collect(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Function> {
        let mut found = Vec::new();
        let Ok(file) = object::File::parse(self.bytes()) else { return found };
        add(file.symbols(), &is_wanted, &mut found);
        add(file.dynamic_symbols(), &is_wanted, &mut found);
        if let Some(Ok(debug)) = self.apart(&file).map(object::File::parse) {
            add(debug.symbols(), &is_wanted, &mut found);
        }
        found
    }

    /// The ELF file that a stripped binary's symbols are in: its debug file, or the one that is packed into it.
    fn apart(&self, file: &object::File<'_>) -> Option<&[u8]> {
        let find = || match self.places.find(file, &self.path, self.root.as_deref()) {
            Some(debug) => Some(Apart::File(debug.bytes)),
            None => mini_debug::read(file).map(Apart::Packed),
        };
        if let Some(Some(fetched)) = self.fetched.get() {
            return Some(fetched);
        }
        let is_stripped = file.symbol_table().is_none();
        Some(match is_stripped.then(|| self.debug.get_or_init(find).as_ref())?? {
            Apart::File(bytes) => bytes,
            Apart::Packed(bytes) => bytes,
        })
    }

    fn demangle(&self) -> Vec<Function> {
        let symbols = self.functions(Naming::Symbol);
        let written = symbols.iter().filter_map(|function| Some(Function { name: names::demangle(&function.name)?, ..function.clone() }));
        written.collect()
    }
}

/// The bytes of a file.
pub(crate) fn map(path: &Path) -> Result<Mmap, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    cut_short::survive();
    // SAFETY: a file that is cut short while we read it reads as zeros from there on; bytes that change only change what is found, since every
    // access is checked.
    unsafe { Mmap::map(&file) }.map_err(|error| format!("{}: {error}", path.display()))
}

/// Where code is; `start`: where the bytes are in their file.
fn segments(bytes: &[u8], start: u64) -> object::Result<Vec<Segment>> {
    let file = object::File::parse(bytes)?;
    let is_code = |flags| matches!(flags, SegmentFlags::Elf { p_flags, .. } if p_flags.0 & elf::PF_X.0 != 0);
    let code = file.segments().filter(|segment| is_code(segment.flags()));
    Ok(code
        .map(|segment| {
            let (offset, size) = segment.file_range();
            Segment { address: segment.address(), offset: start.saturating_add(offset), size }
        })
        .collect())
}

/// Adds the functions of a symbol table.
fn add<'a>(symbols: impl Iterator<Item = impl ObjectSymbol<'a>>, is_wanted: &impl Fn(&str) -> bool, found: &mut Vec<Function>) {
    for symbol in symbols {
        let SymbolFlags::Elf { st_info, .. } = symbol.flags() else { continue };
        let kind = st_info.st_type();
        if !matches!(kind, elf::STT_FUNC | elf::STT_GNU_IFUNC) || symbol.is_undefined() {
            continue;
        }
        let Ok(name) = symbol.name() else { continue };
        // A version is no part of the name: `memcpy@GLIBC_2.2.5`.
        let name = name.split('@').next().unwrap_or(name);
        if !name.is_empty() && is_wanted(name) {
            let is_indirect = kind == elf::STT_GNU_IFUNC;
            found.push(Function { name: name.to_owned(), address: symbol.address(), size: symbol.size(), is_indirect });
        }
    }
}

/// By name and address; what several tables say is kept once.
fn sorted(mut functions: Vec<Function>) -> Arc<[Function]> {
    functions.sort_unstable();
    functions.dedup_by(|a, b| a.name == b.name && a.address == b.address);
    functions.into()
}
