//! A text → the binaries it means: a path, a command, a library, a pattern, or all that runs. Reads directories and `/proc`, no binary.

use std::collections::{BTreeSet, HashSet};
use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{archive, library_cache};

/// The binaries that a text means, as the process names them. Several for a command: more than one directory of `PATH` has it.
pub fn find(text: &str, process: Option<u32>, root: Option<&PathBuf>) -> Vec<String> {
    let found = match text {
        "" => Vec::new(),
        "*" => mapped(process),
        _ if text.contains(['*', '?', '[']) => matching(text, root),
        _ if text.contains('/') => vec![text.to_owned()],
        _ if text.starts_with("lib") || text.contains(".so") => library(text, process, root).into_iter().collect(),
        _ => in_path(text).collect(),
    };
    let found: Vec<String> = match (found.is_empty(), text.contains(['/', '*'])) {
        // A library's name may be a command's, too.
        (true, false) => in_path(text).collect(),
        _ => found,
    };
    let mut seen = HashSet::new();
    let is_new = |name: &String| {
        let (path, member) = archive::split(name);
        identity(&below(root, path)).is_some_and(|file| seen.insert((file, member.map(str::to_owned))))
    };
    found.into_iter().filter(is_new).collect()
}

/// Why a text means none.
pub fn why_none(text: &str, root: Option<&PathBuf>) -> String {
    if !text.contains('/') {
        let here = identity(Path::new(text)).map(|_| format!("; the file in this directory is `./{text}`")).unwrap_or_default();
        return format!("no command and no library has this name{here}");
    }
    match fs::metadata(below(root, archive::split(text).0)) {
        // A quoted name that reads like a pattern, which only means programs.
        Ok(metadata) if metadata.is_file() => "it is not an ELF file".to_owned(),
        Ok(metadata) if metadata.is_dir() => "it is a directory".to_owned(),
        Ok(_) => "it is no regular file".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        Err(error) => format!("it cannot be looked at: {error}"),
    }
}

/// A path of the process' file system, as we can open it.
pub fn below(root: Option<impl AsRef<Path>>, name: &str) -> PathBuf {
    match root {
        Some(root) if name.starts_with('/') => root.as_ref().join(name.trim_start_matches('/')),
        _ => PathBuf::from(name),
    }
}

/// The root directory of a process that sees other files than we do.
pub fn root_of(process: u32) -> Option<PathBuf> {
    let link = |process: u32, what: &str| fs::read_link(format!("/proc/{process}/{what}")).ok();
    let differs = |what| link(process, what).is_some_and(|other| Some(other) != link(std::process::id(), what));
    (differs("ns/mnt") || differs("root")).then(|| PathBuf::from(format!("/proc/{process}/root")))
}

/// Device and inode of a regular file.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
}

/// Commands of a name, or matching a pattern, in the order of `PATH`.
fn in_path(name: &str) -> impl Iterator<Item = String> {
    let directories: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let name = name.to_owned();
    directories.into_iter().map(move |directory| directory.join(&name)).filter(|path| is_executable(path)).map(|path| text_of(&path))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Files that match a pattern; one without a directory means commands.
fn matching(pattern: &str, root: Option<&PathBuf>) -> Vec<String> {
    if !pattern.contains('/') {
        let directories = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
        return directories.iter().flat_map(|directory| matching(&format!("{}/{pattern}", directory.display()), root)).collect();
    }
    let whole = text_of(&below(root, pattern));
    let prefix = root.map(|root| text_of(root)).filter(|_| pattern.starts_with('/')).unwrap_or_default();
    let Ok(paths) = glob::glob(&whole) else { return Vec::new() };
    let is_binary = |path: &PathBuf| is_elf(path);
    let names = paths.flatten().filter(is_binary).map(|path| text_of(&path));
    // The pattern's `./` is no part of what it finds.
    let dot = if pattern.starts_with("./") { "./" } else { "" };
    names.map(|name| format!("{dot}{}", name.trim_start_matches(dot).strip_prefix(&prefix).unwrap_or(&name))).collect()
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    path.is_file()
        && fs::File::open(path).is_ok_and(|mut file| std::io::Read::read_exact(&mut file, &mut magic).is_ok())
        && magic == *b"\x7fELF"
}

/// A library by its name: what the process has mapped, else what the dynamic linker would load.
fn library(name: &str, process: Option<u32>, root: Option<&PathBuf>) -> Option<String> {
    let is_meant = |path: &String| library_cache::is_named(path.rsplit('/').next().unwrap_or(path), name);
    let mapped = process.and_then(|process| mapped_by(process).into_iter().find(is_meant));
    mapped.or_else(|| library_cache::find(name, root))
}

/// Binaries that a process, or any process, has mapped.
fn mapped(process: Option<u32>) -> Vec<String> {
    match process {
        Some(process) => mapped_by(process).into_iter().collect(),
        None => {
            let ids = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
            // Who sees other files than we do names them by paths that mean nothing here, or something else.
            let visible = ids.filter(|id| root_of(*id).is_none());
            visible.flat_map(mapped_by).collect::<BTreeSet<String>>().into_iter().collect()
        }
    }
}

/// Files whose code a process has mapped, sorted, by the names that it has for them.
fn mapped_by(process: u32) -> BTreeSet<String> {
    let text = fs::read(format!("/proc/{process}/maps")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    // The kernel names them from where our file system begins, or else that of the process' mounts.
    let root = fs::read_link(format!("/proc/{process}/root")).map(|root| text_of(&root)).unwrap_or_default();
    let root = root.trim_end_matches('/');
    let code = text.lines().filter_map(|line| {
        let mut words = line.splitn(6, ' ');
        let (permissions, path) = (words.nth(1)?, words.nth(3)?.trim_start());
        let name = path.strip_prefix(root).filter(|rest| rest.starts_with('/')).unwrap_or(path);
        (permissions.contains('x') && path.starts_with('/') && !path.ends_with(" (deleted)")).then(|| name.to_owned())
    });
    code.collect()
}
