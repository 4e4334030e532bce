//! Symbols in a file of their own: distributions strip binaries and keep what they took away elsewhere.

use std::path::{Path, PathBuf};

use memmap2::Mmap;
use object::Object;

use super::file::map;

/// Where distributions keep such files.
const PLACE: &str = "/usr/lib/debug";

/// The debug file of a binary, by its build id or by the name that the binary gives it.
pub fn find(file: &object::File<'_>, path: &Path, root: Option<&Path>) -> Option<Mmap> {
    candidates(file, path).into_iter().find_map(|place| map(&super::find::below(root, &place.to_string_lossy())).ok())
}

fn candidates(file: &object::File<'_>, path: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Ok(Some([first, rest @ ..])) = file.build_id() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        places.push(Path::new(PLACE).join(".build-id").join(hex(&[*first])).join(format!("{}.debug", hex(rest))));
    }
    if let (Ok(Some((name, _))), Some(directory)) = (file.gnu_debuglink(), path.parent()) {
        let name = String::from_utf8_lossy(name).into_owned();
        let absolute = directory.strip_prefix("/").unwrap_or(directory);
        places.push(directory.join(".debug").join(&name));
        places.push(Path::new(PLACE).join(absolute).join(&name));
        // A binary may name itself.
        let beside = directory.join(&name);
        places.extend((beside != path).then_some(beside));
    }
    places
}
