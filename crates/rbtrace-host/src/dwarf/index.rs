//! What is in a unit: its functions by address, its types and constants by name. Made in one pass over the unit when it is first asked.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Result;
use gimli::constants as dw;
use gimli::{AttributeValue, Unit};

use super::sections::Slice;
use super::session::{At, Entry, Session};

/// See the module. Entries are known by their offsets in the unit.
#[derive(Debug, Default)]
pub(super) struct UnitIndex {
    /// By address, sorted.
    functions: Vec<(u64, usize)>,
    /// By the hash of the name, sorted. What is only declared is left out.
    types: Vec<(u64, usize)>,
    /// Enums by the hash of a constant's name, sorted.
    constants: Vec<(u64, usize)>,
    /// Names of what entries stand in: `ns::Outer`.
    scopes: Vec<String>,
    /// The types that stand in something, each with the number of its scope.
    scoped: HashMap<usize, u32>,
}

/// The hash that names are found by.
fn hash(name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl UnitIndex {
    /// Reads a unit from end to end.
    pub fn read(session: &Session<'_>, file: u8, number: u32) -> Result<UnitIndex> {
        let unit = session.unit(file, number)?;
        let reader = Reader { session, unit: &unit, file, number };
        let mut index = UnitIndex::default();
        // A broken entry ends the pass; what stands before it was found.
        let _ = reader.pass(&mut index);
        index.functions.sort_unstable();
        index.types.sort_unstable();
        index.constants.sort_unstable();
        Ok(index)
    }

    /// Functions that begin at an address.
    pub fn functions_at(&self, address: u64) -> impl Iterator<Item = usize> {
        let first = self.functions.partition_point(|(known, _)| *known < address);
        self.functions[first..].iter().take_while(move |(known, _)| *known == address).map(|(_, offset)| *offset)
    }

    /// Entries that may be types of a name: hashes can be equal by chance.
    pub fn types_named(&self, name: &str) -> impl Iterator<Item = usize> {
        with_hash(&self.types, hash(name.as_bytes()))
    }

    /// Enums that may have a constant of a name.
    pub fn enums_with(&self, name: &str) -> impl Iterator<Item = usize> {
        with_hash(&self.constants, hash(name.as_bytes()))
    }

    /// What the declaration stands in that an entry completes: types that have a unit of their own are completed outside of it.
    fn declared_in(&self, entry: &Entry<'_>) -> Option<u32> {
        let Some(AttributeValue::UnitRef(declaration)) = entry.attr_value(dw::DW_AT_specification) else { return None };
        self.scoped.get(&declaration.0).copied()
    }

    /// What an entry stands in; empty: nothing.
    pub fn scope(&self, offset: usize) -> &str {
        self.scoped.get(&offset).and_then(|number| self.scopes.get(*number as usize)).map_or("", String::as_str)
    }
}

fn with_hash(sorted: &[(u64, usize)], hash: u64) -> impl Iterator<Item = usize> {
    let first = sorted.partition_point(|(known, _)| *known < hash);
    sorted[first..].iter().take_while(move |(known, _)| *known == hash).map(|(_, offset)| *offset)
}

struct Reader<'s, 'a> {
    session: &'s Session<'a>,
    unit: &'s Unit<Slice<'a>>,
    file: u8,
    number: u32,
}

impl<'a> Reader<'_, 'a> {
    fn pass(&self, index: &mut UnitIndex) -> Result<()> {
        let mut entries = self.unit.entries_raw(None)?;
        let mut entry = Entry::default();
        // Of everything around the entry that has a name: its depth, and the number of the scope that it is.
        let mut around: Vec<(isize, u32)> = Vec::new();
        let mut last_enum = 0;
        while !entries.is_empty() {
            let (depth, offset) = (entries.next_depth(), entries.next_offset().0);
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            let tag = abbreviation.tag();
            if !is_indexed(tag) {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            entries.read_attributes(abbreviation.attributes(), &mut entry.attrs)?;
            around.retain(|(outer, _)| *outer < depth);
            let scope = around.last().map(|(_, scope)| *scope).or_else(|| index.declared_in(&entry));
            match tag {
                dw::DW_TAG_subprogram => index.functions.extend(self.begins(&entry)?.map(|address| (address, offset))),
                dw::DW_TAG_enumerator => index.constants.extend(self.raw_name(&entry).map(|name| (hash(name), last_enum))),
                _ => {
                    last_enum = offset;
                    self.add_named(index, &entry, tag, offset, scope);
                }
            }
            if abbreviation.has_children() && is_scope(tag) {
                let number = self.enter(index, &entry, scope);
                around.extend(number.map(|number| (depth, number)));
            }
        }
        Ok(())
    }

    fn add_named(&self, index: &mut UnitIndex, entry: &Entry<'a>, tag: dw::DwTag, offset: usize, scope: Option<u32>) {
        if let Some(scope) = scope {
            index.scoped.insert(offset, scope);
        }
        if tag != dw::DW_TAG_namespace && !Session::flag(entry, dw::DW_AT_declaration) {
            index.types.extend(self.raw_name(entry).map(|name| (hash(name), offset)));
        }
    }

    /// The scope that an entry opens.
    fn enter(&self, index: &mut UnitIndex, entry: &Entry<'a>, outer: Option<u32>) -> Option<u32> {
        let name = self.raw_name(entry).map_or("(anonymous namespace)".into(), String::from_utf8_lossy);
        let outer = outer.and_then(|number| index.scopes.get(number as usize));
        let whole = outer.map_or(name.to_string(), |outer| format!("{outer}::{name}"));
        // Names that nest without end are no names.
        if whole.len() > 4096 {
            return None;
        }
        index.scopes.push(whole);
        u32::try_from(index.scopes.len() - 1).ok()
    }

    fn raw_name(&self, entry: &Entry<'a>) -> Option<&'a [u8]> {
        let value = entry.attr_value(dw::DW_AT_name)?;
        Some(self.session.dwarf(self.file, self.number).attr_string(self.unit, value).ok()?.slice())
    }

    /// Where a function's code begins. One that was cut away at link time is at 0.
    fn begins(&self, entry: &Entry<'a>) -> Result<Option<u64>> {
        let dwarf = self.session.dwarf(self.file, self.number);
        let low = entry.attr_value(dw::DW_AT_entry_pc).filter(|value| matches!(value, AttributeValue::Addr(_)));
        let low = low.or_else(|| entry.attr_value(dw::DW_AT_low_pc));
        if let Some(value) = low {
            return Ok(dwarf.attr_address(self.unit, value)?.filter(|address| *address != 0));
        }
        let Some(ranges) = entry.attr_value(dw::DW_AT_ranges) else { return Ok(None) };
        let first = dwarf.attr_ranges(self.unit, ranges)?.map(|mut ranges| ranges.next()).transpose()?;
        Ok(first.flatten().map(|range| range.begin).filter(|address| *address != 0))
    }
}

/// Whether the pass looks at entries of this kind.
fn is_indexed(tag: dw::DwTag) -> bool {
    let is_code = matches!(tag, dw::DW_TAG_subprogram | dw::DW_TAG_namespace | dw::DW_TAG_enumerator);
    is_code || matches!(tag, dw::DW_TAG_enumeration_type | dw::DW_TAG_typedef | dw::DW_TAG_base_type) || is_composite(tag)
}

fn is_scope(tag: dw::DwTag) -> bool {
    tag == dw::DW_TAG_namespace || is_composite(tag)
}

fn is_composite(tag: dw::DwTag) -> bool {
    matches!(tag, dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type)
}

impl Session<'_> {
    /// The name of an entry with everything that it stands in: `ns::Outer::Inner`.
    pub fn qualified(&self, at: At, name: &str) -> String {
        match self.index(at.file, at.unit).map(|index| index.scope(at.offset)) {
            Some("") | None => name.to_owned(),
            Some(scope) => format!("{scope}::{name}"),
        }
    }
}
