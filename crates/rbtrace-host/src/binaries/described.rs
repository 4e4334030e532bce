//! Which file says what a binary's source was: the binary itself, or the one that a distribution keeps apart, and what that shares with others.

use std::path::{Path, PathBuf};

use object::Object;

use super::archive;
use super::debug_file::{DebugFile, DebugPlaces};
use super::find;
use super::image::Image;
use crate::dwarf::{Apart, DebugInfo};

/// Where distributions keep what debug files share.
const SHARED: &str = "/usr/lib/debug/.dwz";

/// The debug information of the binary at a path; why there is none.
pub fn read(name: &str, path: &Path, root: Option<&PathBuf>, places: &DebugPlaces) -> Result<DebugInfo, String> {
    let missing = || format!("no debuginfo found for {name}");
    let own = Image::open(path, archive::split(name).1)?;
    let object = object::File::parse(&*own).map_err(|error| format!("{}: {error}", path.display()))?;
    let is_described = object.section_by_name(".debug_info").is_some();
    let described = match is_described {
        true => None,
        false => Some(places.find(&object, path, root.map(PathBuf::as_path)).or_else(|| places.fetch(&object)).ok_or_else(missing)?),
    };
    let debug = described.unwrap_or(DebugFile { path: path.to_owned(), bytes: own });
    let found = open(debug, path, root).map_err(|error| format!("the debug information of {name} is broken: {error:#}"))?;
    found.ok_or_else(missing)
}

/// What the file that describes the binary at a path says. `None`: nothing.
pub fn open(debug: DebugFile, path: &Path, root: Option<&PathBuf>) -> anyhow::Result<Option<DebugInfo>> {
    let shared = shared(&debug.bytes, path, root);
    let apart = Apart { root: root.cloned(), binary: path.to_owned(), debug_file: debug.path };
    DebugInfo::read(debug.bytes, shared, apart)
}

/// The file that a debug file shares entries with (`dwz`).
fn shared(bytes: &Image, path: &Path, root: Option<&PathBuf>) -> Option<Image> {
    let object = object::File::parse(&**bytes).ok()?;
    let (name, _) = object.gnu_debugaltlink().ok()??;
    let name = String::from_utf8_lossy(name).into_owned();
    let beside = path.parent().map(|directory| directory.join(&name));
    // The link is relative to the debug file, which is somewhere below this directory.
    let file = name.rsplit('/').next().map(|file| Path::new(SHARED).join(file));
    let below_machine = name.rsplit_once(".dwz/").map(|(_, rest)| Path::new(SHARED).join(rest));
    let places = [Some(PathBuf::from(&name)).filter(|place| place.is_absolute()), beside, below_machine, file];
    places.into_iter().flatten().find_map(|place| Image::open(&find::below(root, &place.to_string_lossy()), None).ok())
}
