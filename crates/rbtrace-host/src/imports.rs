//! Files that a script imports: a path → names and texts. Knows which files scripts can be made of, not what is in them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What a directory is searched for.
const KINDS: [&str; 3] = [".bt", ".h", ".bpf.c"];
/// `S_IWOTH`
const WRITABLE_BY_ALL: u32 = 0o002;
/// Nobody writes a larger script, and a file of the wrong kind should not fill the memory.
const LARGEST: u64 = 16 << 20;

/// The files at a path, which is relative to the script `from`; `stdin` is in the current directory.
pub(crate) fn read(from: &str, path: &str) -> Result<Vec<(String, String)>, String> {
    let path = Path::new(from).parent().unwrap_or(Path::new("")).join(path);
    let about = fs::metadata(&path).map_err(|error| words(&error))?;
    let paths = if about.is_dir() { directory(&path)? } else { vec![path] };
    paths.iter().map(|path| Ok((path.display().to_string(), file(path)?))).collect()
}

/// A header: beside the file `from`, or in one of the directories. `None`: there is none.
pub(crate) fn header(from: Option<&str>, name: &str, directories: &[String]) -> Result<Option<(String, String)>, String> {
    let beside = from.map(|from| Path::new(from).parent().unwrap_or(Path::new("")).to_owned());
    let absolute = Path::new(name).is_absolute().then(PathBuf::new);
    let elsewhere = directories.iter().map(PathBuf::from);
    let mut paths = beside.into_iter().chain(absolute).chain(elsewhere).map(|directory| directory.join(name));
    let Some(path) = paths.find(|path| path.exists()) else { return Ok(None) };
    file(&path).map(|text| Some((path.display().to_string(), text)))
}

/// The files of a directory that can be imported, sorted, without those of directories inside.
fn directory(path: &Path) -> Result<Vec<PathBuf>, String> {
    refuse_open_door(path)?;
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| words(&error))? {
        let path = entry.map_err(|error| words(&error))?.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if path.is_file() && KINDS.iter().any(|kind| name.ends_with(kind)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn file(path: &Path) -> Result<String, String> {
    let about = fs::metadata(path).map_err(|error| words(&error))?;
    if !about.is_file() {
        return Err(format!("{} is no regular file", path.display()));
    }
    if about.len() > LARGEST {
        return Err(format!("{} is too large", path.display()));
    }
    String::from_utf8(fs::read(path).map_err(|error| words(&error))?).map_err(|_| format!("{} is not UTF-8", path.display()))
}

/// What runs with root's rights must not come from a place where anybody can put a file.
fn refuse_open_door(path: &Path) -> Result<(), String> {
    let mode = fs::metadata(path).map_err(|error| words(&error))?.permissions().mode();
    match mode & WRITABLE_BY_ALL {
        0 => Ok(()),
        _ => Err(format!("{} is writable by everybody", path.display())),
    }
}

/// The system's words for a failure, without Rust's number behind them.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
