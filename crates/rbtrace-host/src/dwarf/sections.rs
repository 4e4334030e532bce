//! The debug sections of one file, inflated where they are compressed, and where its units begin. Knows no entry of them.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use gimli::{Dwarf, EndianSlice, RunTimeEndian, SectionId, UnitHeader, UnitType};
use object::{CompressionFormat, Object, ObjectSection};

use super::blocks::Blocks;
use super::index::UnitIndex;
use super::split::Split;
use crate::binaries::image::Image;

/// Bytes of a section.
pub(super) type Slice<'a> = EndianSlice<'a, RunTimeEndian>;

/// The sections that are read.
const READ: [SectionId; 14] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugCuIndex,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugLoc,
    SectionId::DebugLocLists,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
    SectionId::DebugTuIndex,
    SectionId::DebugTypes,
];

/// A section that claims to be so many times larger than its bytes is a trap.
const MOST_INFLATED: u64 = 2000;

/// More units than any program has.
const MOST_UNITS: usize = 1 << 20;

/// A file and what was found out about it.
#[derive(Debug)]
pub(super) struct File {
    bytes: Image,
    endian: RunTimeEndian,
    sections: BTreeMap<&'static str, Piece>,
    /// In the order of their sections, `.debug_info` first.
    pub units: Vec<UnitStart>,
    /// Units of types by their signatures, and the type's offset in its unit.
    pub signatures: HashMap<u64, (u32, usize)>,
}

/// Where the bytes of a section are.
#[derive(Debug)]
enum Piece {
    Here(Range<usize>),
    Inflated(Vec<u8>),
}

impl Piece {
    /// `whole`: the file.
    fn bytes<'a>(&'a self, whole: &'a [u8]) -> &'a [u8] {
        match self {
            Piece::Here(range) => whole.get(range.clone()).unwrap_or_default(),
            Piece::Inflated(bytes) => bytes,
        }
    }
}

/// A unit.
#[derive(Debug)]
pub(super) struct UnitStart {
    /// In `.debug_types`, where DWARF 4 keeps types apart.
    pub in_types: bool,
    /// Where its header is.
    pub offset: usize,
    /// What is in it, once that was asked.
    pub index: OnceLock<UnitIndex>,
    /// The code of its functions, once that was asked.
    pub blocks: OnceLock<Blocks>,
    /// Whether it may keep what it says in another file.
    pub is_skeleton: bool,
    /// That file, once that was asked.
    pub split: OnceLock<Option<Split>>,
}

impl UnitStart {
    fn new(offset: usize, in_types: bool, is_skeleton: bool) -> UnitStart {
        UnitStart { in_types, offset, is_skeleton, index: OnceLock::new(), blocks: OnceLock::new(), split: OnceLock::new() }
    }
}

impl File {
    /// Reads the sections' places; inflates what is compressed.
    pub fn read(bytes: Image) -> Result<File> {
        File::named(bytes, |id| Some(id.name()))
    }

    /// The same of a file with what units of others keep apart, where sections have other names (`.dwo`, `.dwp`).
    pub fn read_split(bytes: Image) -> Result<File> {
        File::named(bytes, SectionId::dwo_name)
    }

    fn named(bytes: Image, name: impl Fn(SectionId) -> Option<&'static str>) -> Result<File> {
        let object = object::File::parse(&*bytes)?;
        let endian = if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let mut sections = BTreeMap::new();
        for id in READ {
            let Some(name) = name(id) else { continue };
            // What no linker has seen has a section of its own for each unit of types.
            let named = object.sections().filter(|section| section.name_bytes() == Ok(name.as_bytes()));
            let pieces = named.map(|section| piece(&section, bytes.len())).collect::<Result<Vec<_>>>();
            let mut pieces = pieces.with_context(|| format!("section {name}"))?;
            let whole = match pieces.len() {
                0 => continue,
                1 => pieces.remove(0),
                _ => Piece::Inflated(pieces.iter().flat_map(|piece| piece.bytes(&bytes)).copied().collect()),
            };
            sections.insert(id.name(), whole);
        }
        let mut file = File { bytes, endian, sections, units: Vec::new(), signatures: HashMap::new() };
        let (units, signatures) = file.starts();
        (file.units, file.signatures) = (units, signatures);
        Ok(file)
    }

    /// Whether it describes anything.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// The bytes of a section; none where there is no such section.
    pub fn section(&self, id: SectionId) -> &[u8] {
        self.sections.get(id.name()).map_or(&[], |piece| piece.bytes(&self.bytes))
    }

    /// The same, as gimli reads it.
    pub fn slice(&self, id: SectionId) -> Slice<'_> {
        EndianSlice::new(self.section(id), self.endian)
    }

    /// All sections.
    pub fn dwarf(&self) -> Dwarf<Slice<'_>> {
        let found = Dwarf::load(|id| Ok::<_, std::convert::Infallible>(self.slice(id)));
        match found {
            Ok(dwarf) => dwarf,
            Err(never) => match never {},
        }
    }

    /// The header of a unit.
    pub fn header(&self, number: u32) -> Result<UnitHeader<Slice<'_>>> {
        let start = self.units.get(number as usize).context("a unit that is not there")?;
        let dwarf = self.dwarf();
        if !start.in_types {
            return Ok(dwarf.unit_header(gimli::DebugInfoOffset(start.offset))?);
        }
        let rest = self.section(SectionId::DebugTypes).get(start.offset..).context("a unit behind its section")?;
        gimli::DebugTypes::new(rest, self.endian).units().next()?.context("a unit of types without a header")
    }

    /// The unit that a place of `.debug_info` is in.
    pub fn unit_around(&self, offset: usize) -> Option<u32> {
        let behind = self.units.partition_point(|unit| !unit.in_types && unit.offset <= offset);
        behind.checked_sub(1).map(|number| number as u32)
    }

    /// Where units begin. What follows a broken header is not found.
    fn starts(&self) -> (Vec<UnitStart>, HashMap<u64, (u32, usize)>) {
        let (mut units, mut signatures) = (Vec::new(), HashMap::new());
        let mut note = |header: &UnitHeader<Slice<'_>>, number: usize| {
            if let UnitType::Type { type_signature: signature, type_offset }
            | UnitType::SplitType { type_signature: signature, type_offset } = header.type_()
            {
                signatures.insert(signature.0, (number as u32, type_offset.0));
            }
        };
        let dwarf = self.dwarf();
        let mut headers = dwarf.units();
        while let (Ok(Some(header)), true) = (headers.next(), units.len() < MOST_UNITS) {
            let Some(offset) = header.debug_info_offset() else { break };
            note(&header, units.len());
            // Before DWARF 5 only the unit itself says it; this section came with such units.
            let may_be = header.version() < 5 && self.sections.contains_key(SectionId::DebugAddr.name());
            units.push(UnitStart::new(offset.0, false, may_be || matches!(header.type_(), UnitType::Skeleton(_))));
        }
        let mut headers = dwarf.type_units();
        while let (Ok(Some(header)), true) = (headers.next(), units.len() < MOST_UNITS) {
            let Some(offset) = header.debug_types_offset() else { break };
            note(&header, units.len());
            units.push(UnitStart::new(offset.0, true, false));
        }
        (units, signatures)
    }
}

/// Bytes of a unit that says no more than where the rest is; others may be as small.
const MOST_OF_SKELETON: usize = 512;

/// Whether units of a file keep what they say in files of their own. Costs no more than the headers of its units.
pub fn is_split(object: &object::File<'_>) -> bool {
    let section = |id: SectionId| object.section_by_name(id.name())?.uncompressed_data().ok();
    // Compilers write this one for such units, and since DWARF 5 for others.
    if object.section_by_name(SectionId::DebugAddr.name()).is_none() {
        return false;
    }
    let (info, abbreviations) = (section(SectionId::DebugInfo).unwrap_or_default(), section(SectionId::DebugAbbrev).unwrap_or_default());
    let endian = if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let (info, abbreviations) = (gimli::DebugInfo::new(&info, endian), gimli::DebugAbbrev::new(&abbreviations, endian));
    let says_so = |header: &UnitHeader<Slice<'_>>| {
        let abbreviations = header.abbreviations(&abbreviations).ok()?;
        let mut entries = header.entries(&abbreviations);
        entries.next_dfs().ok()??.attr(gimli::DW_AT_GNU_dwo_name).map(|_| ())
    };
    let mut headers = info.units();
    while let Ok(Some(header)) = headers.next() {
        let is_small = header.version() < 5 && header.unit_length() < MOST_OF_SKELETON;
        if matches!(header.type_(), UnitType::Skeleton(_)) || is_small && says_so(&header).is_some() {
            return true;
        }
    }
    false
}

fn piece<'a>(section: &impl ObjectSection<'a>, whole: usize) -> Result<Piece> {
    let found = section.compressed_data()?;
    if found.format == CompressionFormat::None {
        let range = section.file_range().map_or(0..0, |(start, size)| start as usize..start.saturating_add(size) as usize);
        ensure!(range.end <= whole, "it ends behind the file");
        return Ok(Piece::Here(range));
    }
    let most = (found.data.len() as u64).saturating_mul(MOST_INFLATED);
    ensure!(found.uncompressed_size <= most, "it claims to be {} bytes long when inflated", found.uncompressed_size);
    Ok(Piece::Inflated(found.decompress()?.into_owned()))
}
