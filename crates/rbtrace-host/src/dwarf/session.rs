//! Walking through entries while one question is answered: units are parsed once, references followed, names read.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use gimli::constants as dw;
use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, Unit, UnitOffset};

use super::blocks::Blocks;
use super::index::UnitIndex;
use super::sections::{File, Slice};
use super::split::{Split, SplitFiles};

/// An entry with its attributes.
pub(super) type Entry<'a> = DebuggingInformationEntry<Slice<'a>>;

/// The value of an attribute.
pub(super) type Value<'a> = AttributeValue<Slice<'a>>;

/// A unit with its abbreviations.
type ParsedUnit<'a> = Rc<Unit<Slice<'a>>>;

/// The sections of a file or of a part of one.
type Sections<'a> = Arc<Dwarf<Slice<'a>>>;

/// More entries than any answer needs; stops files that multiply what they hold by referring to it.
const MOST_ENTRIES: u32 = 2_000_000;

/// A longer chain of references is a circle.
const MOST_STEPS: u32 = 16;

/// Stands for the file that a unit keeps what it says in, if it does.
pub(super) const SPLIT: u8 = 2;

/// Stands for units of types beside such a unit.
const SPLIT_TYPES: u8 = 3;

/// A unit of types beside a unit that is kept apart.
#[derive(Clone, Copy)]
struct TypeUnit<'a> {
    split: &'a Split,
    /// The unit that stands for that one.
    skeleton: u32,
    /// Its number in the file.
    number: u32,
    signature: u64,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct At {
    /// The file, [`SPLIT`] or [`SPLIT_TYPES`].
    pub file: u8,
    /// The unit's number in it; for [`SPLIT`] the number of the unit in the first file that stands for it. For
    /// [`SPLIT_TYPES`] the order in which the session met them.
    pub unit: u32,
    /// In the unit.
    pub offset: usize,
}

/// The state while a question is answered.
pub(super) struct Session<'a> {
    files: &'a [File],
    split_files: &'a SplitFiles,
    dwarfs: Vec<Sections<'a>>,
    /// Sections of units that are kept apart, by file and number.
    split_dwarfs: RefCell<HashMap<(u8, u32), Sections<'a>>>,
    type_units: RefCell<Vec<TypeUnit<'a>>>,
    /// Where they are there, by their units and their numbers in the file.
    type_numbers: RefCell<HashMap<(u32, u32), u32>>,
    /// By file and number.
    units: RefCell<HashMap<(u8, u32), ParsedUnit<'a>>>,
    left: Cell<u32>,
}

impl<'a> Session<'a> {
    /// The second file, if there is one, holds what the first one shares with others.
    pub fn new(files: &'a [File], split_files: &'a SplitFiles) -> Session<'a> {
        let mut dwarfs: Vec<Sections<'a>> = Vec::new();
        for file in files.iter().rev() {
            let mut dwarf = file.dwarf();
            dwarf.sup = dwarfs.last().cloned();
            dwarfs.push(Arc::new(dwarf));
        }
        dwarfs.reverse();
        let (split_dwarfs, units) = (RefCell::default(), RefCell::default());
        let (type_units, type_numbers) = (RefCell::default(), RefCell::default());
        Session { files, split_files, dwarfs, split_dwarfs, type_units, type_numbers, units, left: Cell::new(MOST_ENTRIES) }
    }

    /// All files.
    pub fn files(&self) -> &'a [File] {
        self.files
    }

    /// The sections that a unit is in; one that is kept apart has to be parsed before.
    pub fn dwarf(&self, file: u8, number: u32) -> Sections<'a> {
        let split = if file >= SPLIT { self.split_dwarfs.borrow().get(&(file, number)).cloned() } else { None };
        split.unwrap_or_else(|| Arc::clone(self.dwarfs.get(usize::from(file)).unwrap_or(&self.dwarfs[0])))
    }

    /// What a unit of the first file keeps apart.
    pub fn split(&self, number: u32) -> Option<&'a Split> {
        let start = self.files[0].units.get(number as usize).filter(|start| start.is_skeleton)?;
        start.split.get_or_init(|| self.split_files.of(self, number)).as_ref()
    }

    /// The file that says what a unit of the first file is about.
    pub fn home(&self, number: u32) -> u8 {
        if self.split(number).is_some() { SPLIT } else { 0 }
    }

    /// A unit.
    pub fn unit(&self, file: u8, number: u32) -> Result<ParsedUnit<'a>> {
        if let Some(known) = self.units.borrow().get(&(file, number)) {
            return Ok(Rc::clone(known));
        }
        if file >= SPLIT {
            return self.split_unit(file, number);
        }
        let header = self.files.get(usize::from(file)).context("a reference to a file that is not there")?.header(number)?;
        let unit = Rc::new(self.dwarf(file, number).unit(header)?);
        self.units.borrow_mut().insert((file, number), Rc::clone(&unit));
        Ok(unit)
    }

    fn split_unit(&self, file: u8, number: u32) -> Result<ParsedUnit<'a>> {
        let (dwarf, unit) = if file == SPLIT_TYPES {
            let of = self.type_unit(number).context("a type that is not there")?;
            of.split.type_unit(&self.dwarfs[0], of.number, of.signature)?
        } else {
            let split = self.split(number).context("a reference to a file that is not there")?;
            split.unit(&self.dwarfs[0], &*self.unit(0, number)?)?
        };
        let unit = Rc::new(unit);
        self.split_dwarfs.borrow_mut().insert((file, number), Arc::new(dwarf));
        self.units.borrow_mut().insert((file, number), Rc::clone(&unit));
        Ok(unit)
    }

    fn type_unit(&self, number: u32) -> Option<TypeUnit<'a>> {
        self.type_units.borrow().get(number as usize).copied()
    }

    /// The number by which the session knows a unit of types.
    fn number_of(&self, unit: TypeUnit<'a>) -> u32 {
        *self.type_numbers.borrow_mut().entry((unit.skeleton, unit.number)).or_insert_with(|| {
            let mut known = self.type_units.borrow_mut();
            known.push(unit);
            known.len() as u32 - 1
        })
    }

    /// The units of types that stand beside what a unit of the first file keeps apart.
    pub fn split_types(&self, skeleton: u32) -> Vec<(u8, u32)> {
        let Some(split) = self.split(skeleton) else { return Vec::new() };
        let known = |(number, signature)| self.number_of(TypeUnit { split, skeleton, number, signature });
        split.types().into_iter().map(|unit| (SPLIT_TYPES, known(unit))).collect()
    }

    /// The type of a signature, as a unit knows it.
    fn signed(&self, at: At, signature: u64) -> Result<At> {
        let skeleton = if at.file == SPLIT_TYPES { self.type_unit(at.unit).map(|unit| unit.skeleton) } else { Some(at.unit) };
        let split = skeleton.filter(|_| at.file >= SPLIT).and_then(|skeleton| Some((skeleton, self.split(skeleton)?)));
        let file = split.map_or(self.files.get(usize::from(at.file)), |(_, split)| Some(&split.file));
        let (number, offset) = *file.and_then(|file| file.signatures.get(&signature)).context("a type of an unknown signature")?;
        Ok(match split {
            Some((skeleton, split)) => {
                At { file: SPLIT_TYPES, unit: self.number_of(TypeUnit { split, skeleton, number, signature }), offset }
            }
            None => At { file: at.file, unit: number, offset },
        })
    }

    /// What is in a unit.
    pub fn index(&self, file: u8, number: u32) -> Option<&'a UnitIndex> {
        // A unit that cannot be read has nothing in it.
        if file == SPLIT {
            return Some(self.split(number)?.index.get_or_init(|| UnitIndex::read(self, file, number).unwrap_or_default()));
        }
        let of_types = if file == SPLIT_TYPES { Some(self.type_unit(number)?) } else { None };
        let (units, in_file) = match of_types {
            Some(of) => (&of.split.file.units, of.number),
            None => (&self.files.get(usize::from(file))?.units, number),
        };
        let start = units.get(in_file as usize)?;
        Some(start.index.get_or_init(|| UnitIndex::read(self, file, number).unwrap_or_default()))
    }

    /// The code of the functions of a unit of the first file.
    pub fn blocks(&self, number: u32) -> Option<&'a Blocks> {
        let start = self.files[0].units.get(number as usize)?;
        Some(start.blocks.get_or_init(|| Blocks::read(self, number).unwrap_or_default()))
    }

    /// The code that an entry says it is: in bytes, from the first on, without the last. An end behind the last address is an error:
    /// gimli adds without looking.
    pub fn ranges(&self, file: u8, number: u32, entry: &Entry<'a>) -> Result<gimli::RangeIter<Slice<'a>>> {
        let (dwarf, unit) = (self.dwarf(file, number), self.unit(file, number)?);
        let first = entry.attr_value(dw::DW_AT_low_pc).map(|value| dwarf.attr_address(&unit, value)).transpose()?.flatten();
        if let (Some(first), Some(AttributeValue::Udata(size))) = (first, entry.attr_value(dw::DW_AT_high_pc)) {
            first.checked_add(size).context("code behind the last address")?;
        }
        Ok(dwarf.die_ranges(&unit, entry)?)
    }

    /// The code that a unit says it has.
    pub fn unit_ranges(&self, file: u8, number: u32) -> Result<gimli::RangeIter<Slice<'a>>> {
        let unit = self.unit(file, number)?;
        self.ranges(file, number, &unit.entry(unit.root_offset())?)
    }

    /// An entry.
    pub fn entry(&self, at: At) -> Result<Entry<'a>> {
        self.spend(1)?;
        Ok(self.unit(at.file, at.unit)?.entry(UnitOffset(at.offset))?)
    }

    /// The entries directly below one.
    pub fn children(&self, at: At) -> Result<Vec<(At, Entry<'a>)>> {
        let unit = self.unit(at.file, at.unit)?;
        let mut tree = unit.entries_tree(Some(UnitOffset(at.offset)))?;
        let (mut found, mut below) = (Vec::new(), tree.root()?.children());
        while let Some(child) = below.next()? {
            self.spend(1)?;
            let entry = child.entry().clone();
            found.push((At { offset: entry.offset().0, ..at }, entry));
        }
        Ok(found)
    }

    /// The entry that an attribute refers to.
    pub fn follow(&self, at: At, value: &Value<'a>) -> Result<At> {
        let inside = |file: u8, offset: usize| {
            let files = self.files.get(usize::from(file)).context("a reference to a file that is not there")?;
            let unit = files.unit_around(offset).context("a reference to no unit")?;
            Ok(At { file, unit, offset: offset - files.units[unit as usize].offset })
        };
        #[allow(clippy::wildcard_enum_match_arm, reason = "not our enum: of forty forms of attributes these are the references")]
        match value {
            AttributeValue::UnitRef(offset) => Ok(At { offset: offset.0, ..at }),
            AttributeValue::DebugInfoRef(offset) => inside(at.file, offset.0),
            AttributeValue::DebugInfoRefSup(offset) => inside(at.file + 1, offset.0),
            AttributeValue::DebugTypesRef(signature) => self.signed(at, signature.0),
            _ => anyhow::bail!("a reference of an unknown form"),
        }
    }

    /// The entry that an attribute of another refers to, if it has that attribute.
    pub fn referred(&self, at: At, entry: &Entry<'a>, name: dw::DwAt) -> Result<Option<At>> {
        entry.attr_value(name).map(|value| self.follow(at, &value)).transpose()
    }

    /// An attribute of an entry, or of what the entry is a copy of; and where it was found.
    pub fn inherited(&self, mut at: At, name: dw::DwAt) -> Result<Option<(At, Value<'a>)>> {
        for _ in 0..MOST_STEPS {
            let entry = self.entry(at)?;
            if let Some(value) = entry.attr_value(name) {
                return Ok(Some((at, value)));
            }
            match self.origin(at, &entry)? {
                Some(origin) => at = origin,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// What an entry is a copy of, or completes.
    pub fn origin(&self, at: At, entry: &Entry<'a>) -> Result<Option<At>> {
        let origin = self.referred(at, entry, dw::DW_AT_abstract_origin)?;
        Ok(origin.or(self.referred(at, entry, dw::DW_AT_specification)?))
    }

    /// The name that an entry itself has.
    pub fn name(&self, at: At, entry: &Entry<'a>) -> Result<Option<String>> {
        entry.attr_value(dw::DW_AT_name).map(|value| self.text(at, value)).transpose()
    }

    /// A text.
    pub fn text(&self, at: At, value: Value<'a>) -> Result<String> {
        let unit = self.unit(at.file, at.unit)?;
        Ok(self.dwarf(at.file, at.unit).attr_string(&unit, value)?.to_string_lossy().into_owned())
    }

    /// An unsigned number that an entry has.
    pub fn number(entry: &Entry<'a>, name: dw::DwAt) -> Option<u64> {
        entry.attr(name).and_then(gimli::Attribute::udata_value)
    }

    /// Whether an entry has a flag.
    pub fn flag(entry: &Entry<'a>, name: dw::DwAt) -> bool {
        matches!(entry.attr_value(name), Some(AttributeValue::Flag(true)))
    }

    /// The language that a unit was written in.
    pub fn language(&self, at: At) -> Result<Option<dw::DwLang>> {
        let unit = self.unit(at.file, at.unit)?;
        let root = unit.entry(unit.root_offset())?;
        Ok(match root.attr_value(dw::DW_AT_language) {
            Some(AttributeValue::Language(language)) => Some(language),
            _ => None,
        })
    }

    /// Counts entries; says so when there are too many.
    pub fn spend(&self, entries: u32) -> Result<()> {
        let left = self.left.get().checked_sub(entries);
        ensure!(left.is_some(), "more than {MOST_ENTRIES} entries for one answer");
        self.left.set(left.unwrap_or_default());
        Ok(())
    }
}
