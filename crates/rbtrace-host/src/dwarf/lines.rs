//! Source lines → addresses: where statements begin, once for each function that holds the line and for each place that a function was inlined into.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::Result;
use gimli::{ColumnType, FileEntry, LineProgramHeader, Unit};
use rbtrace_types::debug_info::{NoLine, SourceLine};

use super::DebugInfo;
use super::sections::Slice;
use super::session::Session;

/// More statements than a line has.
const MOST_STATEMENTS: usize = 1_000_000;

/// Names of files that are kept for a hint.
const MOST_NAMES: usize = 10_000;

/// What was found of a line so far.
#[derive(Default)]
struct Found {
    /// Where its statements begin.
    addresses: BTreeSet<u64>,
    /// Other lines of the file that have code.
    lines: BTreeSet<u64>,
    /// Whether the file is known.
    has_file: bool,
    /// Other files.
    names: BTreeSet<String>,
}

impl DebugInfo {
    /// The addresses of a line, sorted.
    pub fn line(&self, wanted: &SourceLine) -> Result<Vec<u64>, NoLine> {
        let session = self.session();
        let (mut found, mut seen) = (Found::default(), HashSet::new());
        for number in 0..self.files[0].units.len() as u32 {
            let Ok(unit) = session.unit(0, number) else { continue };
            // Units may share a table.
            let table = unit.line_program.as_ref().map(|program| program.header().offset());
            if table.is_some_and(|table| seen.insert(table.0)) {
                // Of a broken table counts what stands before the damage.
                let _ = read(&session, &unit, wanted, &mut found);
            }
        }
        match (found.has_file, found.addresses.is_empty()) {
            (false, _) => Err(NoLine::File { known: found.names.into_iter().collect() }),
            (true, true) => Err(NoLine::Code { lines: found.lines.into_iter().collect() }),
            (true, false) => Ok(self.first_of_blocks(&session, &found.addresses)),
        }
    }

    /// Of addresses in the same block the first.
    fn first_of_blocks(&self, session: &Session<'_>, addresses: &BTreeSet<u64>) -> Vec<u64> {
        let mut first: BTreeMap<(u32, usize), u64> = BTreeMap::new();
        for address in addresses {
            let Some(unit) = self.units_around(session, *address).next() else {
                first.insert((u32::MAX, *address as usize), *address);
                continue;
            };
            let around = session.blocks(unit).map(|blocks| blocks.around(*address)).unwrap_or_default();
            let inner = around.iter().min_by_key(|block| block.end - block.begin).map_or(0, |block| block.entry);
            first.entry((unit, inner)).or_insert(*address);
        }
        let mut addresses: Vec<u64> = first.into_values().collect();
        addresses.sort_unstable();
        addresses
    }
}

/// Adds what a unit's table of lines says.
fn read<'a>(session: &Session<'a>, unit: &Unit<Slice<'a>>, wanted: &SourceLine, found: &mut Found) -> Result<()> {
    let Some(program) = unit.line_program.clone() else { return Ok(()) };
    let files = files(session, unit, program.header(), wanted, found);
    if files.is_empty() {
        return Ok(());
    }
    found.has_file = true;
    let mut rows = program.rows();
    while let Some((_, row)) = rows.next_row()? {
        let (Some(line), true) = (row.line(), files.contains(&row.file_index())) else { continue };
        // What was cut away at link time is at 0.
        if !row.is_stmt() || row.end_sequence() || row.address() == 0 {
            continue;
        }
        let column = match row.column() {
            ColumnType::LeftEdge => 0,
            ColumnType::Column(column) => column.get(),
        };
        if line.get() != wanted.line || wanted.column.is_some_and(|wanted| wanted != column) {
            found.lines.insert(line.get());
        } else if found.addresses.len() < MOST_STATEMENTS {
            found.addresses.insert(row.address());
        }
    }
    Ok(())
}

/// The numbers of the files of a table that the name means.
fn files<'a>(
    session: &Session<'a>,
    unit: &Unit<Slice<'a>>,
    header: &LineProgramHeader<Slice<'a>>,
    wanted: &SourceLine,
    found: &mut Found,
) -> HashSet<u64> {
    let mut files = HashSet::new();
    // Before DWARF 5 files are counted from 1.
    let first = if header.version() >= 5 { 0 } else { 1 };
    for (number, file) in (first..).zip(header.file_names()) {
        let Some(path) = path(session, unit, header, file) else { continue };
        if is_named(&path, &wanted.file) {
            files.insert(number);
        } else if found.names.len() < MOST_NAMES {
            found.names.insert(path.rsplit('/').next().unwrap_or(&path).to_owned());
        }
    }
    files
}

/// The path of a file of a table, as the compiler was told.
pub(super) fn path<'a>(
    session: &Session<'a>,
    unit: &Unit<Slice<'a>>,
    header: &LineProgramHeader<Slice<'a>>,
    file: &FileEntry<Slice<'a>>,
) -> Option<String> {
    let text = |value| session.dwarf(0, 0).attr_string(unit, value).ok().map(|text| text.to_string_lossy().into_owned());
    let directory = file.directory(header).and_then(text).unwrap_or_default();
    let base = unit.comp_dir.map(|directory| directory.to_string_lossy().into_owned()).unwrap_or_default();
    Some(joined(&base, &joined(&directory, &text(file.path_name())?)))
}

fn joined(directory: &str, path: &str) -> String {
    if path.starts_with('/') || directory.is_empty() { path.to_owned() } else { format!("{directory}/{path}") }
}

/// Whether a path ends with a name, part by part. Both may go through `.`.
fn is_named(path: &str, name: &str) -> bool {
    let parts = |text: &'_ str| text.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect::<Vec<_>>();
    let (path_parts, name_parts) = (parts(path), parts(name));
    let is_whole = !name.starts_with('/') || path_parts.len() == name_parts.len();
    is_whole && !name_parts.is_empty() && path_parts.ends_with(&name_parts)
}

#[cfg(test)]
mod tests {
    use super::{is_named, joined};

    #[test]
    fn files_are_meant_by_the_end_of_their_paths() {
        assert!(is_named("/src/app/./main.c", "main.c") && is_named("/src/app/main.c", "app/main.c"));
        assert!(is_named("/src/app/main.c", "/src/app/main.c") && is_named("/src/main.c", "./main.c"));
        assert!(!is_named("/src/domain.c", "main.c") && !is_named("/src/app/main.c", "/app/main.c") && !is_named("/src/main.c", ""));
    }

    #[test]
    fn paths_begin_at_the_directory_of_the_compiler() {
        assert_eq!(joined("/src", &joined("lib", "a.c")), "/src/lib/a.c");
        assert_eq!(joined("/src", &joined("", "/usr/include/a.h")), "/usr/include/a.h");
    }
}
