//! Macros of headers: how they are written, and which others stand inside of those with parameters.

use std::collections::{BTreeSet, HashMap};

use clang_sys::CXCursor_MacroDefinition;
use rbtrace_types::headers::{HeaderMacro, MacroParams};

use super::library::{Cursor, Unit};

/// A macro as it is written; its value is not known here.
pub(super) fn read(unit: &Unit<'_>, cursor: Cursor<'_>) -> HeaderMacro {
    let words = unit.words(cursor);
    let behind = words.get(1..).unwrap_or_default();
    if !cursor.has_parameters() {
        return HeaderMacro { value: None, params: MacroParams::None, body: behind.join(" ") };
    }
    let Some(end) = behind.iter().position(|word| word == ")") else {
        return HeaderMacro { value: None, params: MacroParams::Others, body: String::new() };
    };
    let names: Vec<&String> = behind[1..end].iter().filter(|word| *word != ",").collect();
    let params = match names.iter().all(|name| is_name(name)) {
        true => MacroParams::Names(names.into_iter().cloned().collect()),
        false => MacroParams::Others,
    };
    HeaderMacro { value: None, params, body: behind[end + 1..].join(" ") }
}

/// The macros that are not wanted yet, but stand in the bodies of wanted ones with parameters, and in theirs.
pub(super) fn inside(unit: &Unit<'_>, wanted: &BTreeSet<String>) -> BTreeSet<String> {
    let all = unit.cursors();
    let is_macro = |cursor: &&Cursor<'_>| cursor.kind() == CXCursor_MacroDefinition && cursor.place().is_some();
    let mut open: Vec<Cursor<'_>> =
        all.iter().filter(is_macro).filter(|cursor| cursor.has_parameters() && wanted.contains(&cursor.name())).copied().collect();
    let mut found = BTreeSet::new();
    if open.is_empty() {
        return found;
    }
    let by_name: HashMap<String, Cursor<'_>> = all.iter().filter(is_macro).map(|cursor| (cursor.name(), *cursor)).collect();
    while let Some(next) = open.pop() {
        for word in unit.words(next) {
            if let Some(inner) = by_name.get(&word).filter(|_| !wanted.contains(&word))
                && found.insert(word)
            {
                open.push(*inner);
            }
        }
    }
    found
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && word != "__VA_ARGS__"
}
