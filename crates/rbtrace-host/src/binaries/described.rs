//! Which file says what a binary's source was: the binary itself, or the one that a distribution keeps apart, and what that shares with others.

use std::path::{Path, PathBuf};

use memmap2::Mmap;
use object::Object;

use super::debug_file::DebugPlaces;
use super::file::map;
use super::find;
use crate::dwarf::DebugInfo;

/// Where distributions keep what debug files share.
const SHARED: &str = "/usr/lib/debug/.dwz";

/// The debug information of the binary at a path; why there is none.
pub fn read(name: &str, path: &Path, root: Option<&PathBuf>, places: &DebugPlaces) -> Result<DebugInfo, String> {
    let missing = || format!("no debuginfo found for {name}");
    let bytes = map(path)?;
    let object = object::File::parse(&*bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    let is_described = object.section_by_name(".debug_info").is_some();
    let bytes = match is_described {
        true => map(path)?,
        false => {
            let found = places.find(&object, path, root.map(PathBuf::as_path));
            found.or_else(|| places.fetch(&object)).ok_or_else(missing)?.bytes
        }
    };
    let shared = shared(&bytes, path, root);
    let found = DebugInfo::read(bytes, shared).map_err(|error| format!("the debug information of {name} is broken: {error:#}"))?;
    found.ok_or_else(missing)
}

/// The file that a debug file shares entries with (`dwz`).
fn shared(bytes: &Mmap, path: &Path, root: Option<&PathBuf>) -> Option<Mmap> {
    let object = object::File::parse(&**bytes).ok()?;
    let (name, _) = object.gnu_debugaltlink().ok()??;
    let name = String::from_utf8_lossy(name).into_owned();
    let beside = path.parent().map(|directory| directory.join(&name));
    // The link is relative to the debug file, which is somewhere below this directory.
    let file = name.rsplit('/').next().map(|file| Path::new(SHARED).join(file));
    let below_machine = name.rsplit_once(".dwz/").map(|(_, rest)| Path::new(SHARED).join(rest));
    let places = [Some(PathBuf::from(&name)).filter(|place| place.is_absolute()), beside, below_machine, file];
    places.into_iter().flatten().find_map(|place| map(&find::below(root, &place.to_string_lossy())).ok())
}
