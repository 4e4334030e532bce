//! Debug information (DWARF 2 to 5) of one binary: how its functions are declared, its types, where its source lines are.
//!
//! Nothing is read before it is asked for: units are indexed one by one, and the one with the function in question first. Any bytes are
//! debug information or an error; loops in them end, and what they claim to hold is bounded by what they are.

mod blocks;
mod classes;
mod frames;
mod functions;
mod homes;
mod index;
mod inlined;
mod lines;
mod sections;
mod session;
mod split;
mod texts;
mod types;
mod variables;

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use anyhow::Result;
use gimli::SectionId;
use gimli::constants as dw;
use memchr::memmem;
use rbtrace_types::Type;
use rbtrace_types::debug_info::Declaration;

pub use self::inlined::{Around, Call};
use self::sections::File;
pub use self::sections::is_split;
use self::session::{At, SPLIT, Session};
pub use self::split::Apart;
use self::split::SplitFiles;
use crate::binaries::image::Image;

/// More pieces of code than all units of a program have.
const MOST_RANGES: usize = 20_000_000;

/// Why nothing is known, though nothing is broken.
#[derive(Debug)]
pub struct Missing(String);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

/// What a binary says about its source.
#[derive(Debug)]
pub struct DebugInfo {
    /// The second one, if there is one, is what several binaries share (`dwz`).
    files: Vec<File>,
    /// Code by the unit that it is of: begin, end, number; sorted.
    code: OnceLock<Vec<(u64, u64, u32)>>,
    split_files: SplitFiles,
}

impl DebugInfo {
    /// Reads what a file with debug sections holds; `shared` is the file that it shares entries with. `None`: it describes nothing.
    /// `apart` says where its units may keep what they say.
    pub fn read(bytes: Image, shared: Option<Image>, apart: Apart) -> Result<Option<DebugInfo>> {
        let file = File::read(bytes)?;
        if file.is_empty() {
            return Ok(None);
        }
        let mut files = vec![file];
        if let Some(bytes) = shared {
            files.push(File::read(bytes)?);
        }
        Ok(Some(DebugInfo { files, code: OnceLock::new(), split_files: SplitFiles::new(apart) }))
    }

    fn session(&self) -> Session<'_> {
        Session::new(&self.files, &self.split_files)
    }

    /// How the function that begins at an address is declared. `None`: nothing is said about it.
    pub fn declaration(&self, address: u64) -> Result<Option<Declaration>> {
        let session = self.session();
        if let Some(at) = self.function_at(&session, address) {
            return functions::declaration(&session, at).map(Some);
        }
        match self.elsewhere(&session, address) {
            Some(file) => Err(Missing(format!(
                "it is in {file}, which is not where it was made nor beside the binary; nor is there a package (`.dwp`)"
            ))
            .into()),
            None => Ok(None),
        }
    }

    /// The file that holds what a unit says about the code at an address (`.dwo`).
    fn elsewhere(&self, session: &Session<'_>, address: u64) -> Option<String> {
        let number = self.units_around(session, address).find(|number| session.home(*number) != SPLIT)?;
        split::dwo_name(session, number, &*session.unit(0, number).ok()?)
    }

    /// A type by its name: `struct s`, `union u`, `enum e`, a typedef, a base type. Of several, that of the unit around an address, then that
    /// which stands in no namespace.
    pub fn named(&self, name: &str, near: Option<u64>) -> Option<Type> {
        let session = self.session();
        let at = self.find(&session, name, near)?;
        types::convert(&session, at).ok()
    }

    /// The enum that has a constant of a name.
    pub fn enum_with(&self, constant: &str, near: Option<u64>) -> Option<Type> {
        let session = self.session();
        if !self.mentions(&session, constant) {
            return None;
        }
        let candidates = self.units(&session, near).flat_map(|(file, unit)| {
            let found = session.index(file, unit).into_iter().flat_map(|index| index.enums_with(constant));
            found.map(move |offset| At { file, unit, offset }).collect::<Vec<_>>()
        });
        let mut enums = candidates.filter_map(|at| types::convert(&session, at).ok());
        enums.find(|ty| matches!(ty, Type::Enum(of) if of.constants.iter().any(|(name, _)| name == constant)))
    }

    fn function_at(&self, session: &Session<'_>, address: u64) -> Option<At> {
        let mut units = self.units_around(session, address);
        units.find_map(|unit| {
            let file = session.home(unit);
            let offset = session.index(file, unit)?.functions_at(address).next()?;
            Some(At { file, unit, offset })
        })
    }

    fn find(&self, session: &Session<'_>, name: &str, near: Option<u64>) -> Option<At> {
        let (keyword, path) = name.split_once(' ').filter(|(word, _)| is_keyword(word)).unwrap_or(("", name));
        let last = last_part(path);
        if !self.mentions(session, last) {
            return None;
        }
        let mut in_scope = None;
        for (file, unit) in self.units(session, near) {
            let Some(index) = session.index(file, unit) else { continue };
            for offset in index.types_named(last) {
                let at = At { file, unit, offset };
                let Ok(entry) = session.entry(at) else { continue };
                let is_meant = is_of_kind(entry.tag(), keyword) && session.name(at, &entry).is_ok_and(|name| name.as_deref() == Some(last));
                if is_meant && session.qualified(at, last) == path {
                    return Some(at);
                }
                if is_meant && last == path {
                    in_scope.get_or_insert(at);
                }
            }
        }
        in_scope
    }

    /// Whether a name is anywhere in the file. Most that are asked for are the kernel's.
    fn mentions(&self, session: &Session<'_>, name: &str) -> bool {
        let places = [SectionId::DebugStr, SectionId::DebugInfo, SectionId::DebugTypes];
        let finder = memmem::Finder::new(name.as_bytes());
        let is_in = |file: &File| places.iter().any(|id| finder.find(file.section(*id)).is_some());
        let splits = || (0..self.files[0].units.len() as u32).filter_map(|number| session.split(number));
        let mut seen = HashSet::new();
        // A package has the names of all units.
        self.files.iter().any(is_in) || splits().any(|split| seen.insert(Arc::as_ptr(&split.file)) && is_in(&split.file))
    }

    /// All units, the one around an address first.
    fn units(&self, session: &Session<'_>, near: Option<u64>) -> impl Iterator<Item = (u8, u32)> {
        let first: Vec<(u8, u32)> = near
            .into_iter()
            .flat_map(|address| self.units_around(session, address).collect::<Vec<_>>())
            .map(|unit| (session.home(unit), unit))
            .collect();
        let all = self.files.iter().zip(0..).flat_map(|(file, number)| (0..file.units.len() as u32).map(move |unit| (number, unit)));
        let home = |(file, unit)| if file == 0 { (session.home(unit), unit) } else { (file, unit) };
        // A package has the types of all units.
        let mut seen = HashSet::new();
        let kept_apart = (0..self.files[0].units.len() as u32).flat_map(move |number| {
            let is_new = session.split(number).is_some_and(|split| seen.insert(Arc::as_ptr(&split.file)));
            if is_new { session.split_types(number) } else { Vec::new() }
        });
        first.into_iter().chain(all.map(home)).chain(kept_apart)
    }

    fn units_around(&self, session: &Session<'_>, address: u64) -> impl Iterator<Item = u32> {
        let code = self.code.get_or_init(|| all_code(session));
        let behind = code.partition_point(|(begin, _, _)| *begin <= address);
        // Code of units does not overlap, except where a linker folded functions into one.
        let near = code[..behind].iter().rev().take(8);
        near.filter(move |(_, end, _)| address < *end).map(|(_, _, unit)| *unit)
    }
}

/// The code of all units that say where theirs is.
fn all_code(session: &Session<'_>) -> Vec<(u64, u64, u32)> {
    let mut code = Vec::new();
    for number in 0..session.files()[0].units.len() as u32 {
        let Ok(mut ranges) = session.unit_ranges(0, number) else { continue };
        while let (Ok(Some(range)), true) = (ranges.next(), code.len() < MOST_RANGES) {
            // What was cut away at link time is at 0.
            if range.begin != 0 && range.begin < range.end {
                code.push((range.begin, range.end, number));
            }
        }
    }
    code.sort_unstable();
    code
}

fn is_keyword(word: &str) -> bool {
    matches!(word, "struct" | "union" | "enum")
}

fn is_of_kind(tag: dw::DwTag, keyword: &str) -> bool {
    match keyword {
        "struct" => matches!(tag, dw::DW_TAG_structure_type | dw::DW_TAG_class_type),
        "union" => tag == dw::DW_TAG_union_type,
        "enum" => tag == dw::DW_TAG_enumeration_type,
        _ => matches!(tag, dw::DW_TAG_typedef | dw::DW_TAG_base_type),
    }
}

/// `f<a::b>` of `ns::f<a::b>`.
fn last_part(path: &str) -> &str {
    let (mut depth, mut start, bytes) = (0, 0, path.as_bytes());
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth -= 1,
            b':' if depth == 0 && at > 0 && bytes[at - 1] == b':' => start = at + 1,
            _ => {}
        }
    }
    &path[start..]
}

#[cfg(test)]
mod tests {
    use super::last_part;

    #[test]
    fn the_last_part_of_a_name_is_behind_its_scopes() {
        assert_eq!(last_part("point"), "point");
        assert_eq!(last_part("ns::Outer::Inner"), "Inner");
        assert_eq!(last_part("ns::Box<ns::T>"), "Box<ns::T>");
    }
}
