//! tracefs: where it is mounted, which tracepoints it lists, the text of their formats.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rbtrace_types::format::TracepointFormat;

/// Where tracefs is mounted by convention; the second is where kernels before 4.1 had it, and systems that mount only debugfs still do.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Where tracefs is; `None` when it is not mounted or we may not look.
pub fn find() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|place| place.join("events").exists())
}

/// Finds tracefs, or mounts it where it belongs. Needs root only when it has to mount.
pub fn ensure_tracefs() -> Result<PathBuf> {
    if let Some(place) = find() {
        return Ok(place);
    }
    let place = Path::new(PLACES[0]);
    if !place.exists() {
        bail!("this kernel has no tracefs: {} does not exist", place.display());
    }
    match rustix::mount::mount("tracefs", place, "tracefs", rustix::mount::MountFlags::empty(), None) {
        Ok(()) => Ok(place.to_owned()),
        // Somebody else was faster, or it is mounted and we may not look inside.
        Err(rustix::io::Errno::BUSY) => find().with_context(|| format!("{} is mounted but cannot be read", place.display())),
        Err(error) => Err(error).with_context(|| format!("mounting tracefs on {}", place.display())),
    }
}

/// `category:event` of every tracepoint, sorted.
pub fn tracepoints(tracefs: &Path) -> Result<Vec<String>> {
    let path = tracefs.join("available_events");
    let mut names = match fs::read_to_string(&path) {
        Ok(text) => text.lines().filter(|line| line.contains(':')).map(str::to_owned).collect(),
        Err(_) => walk(&tracefs.join("events"))?,
    };
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// One directory read for each category: slower, but possible where only `events` has been opened to us.
fn walk(events: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for category in fs::read_dir(events).with_context(|| format!("reading {}", events.display()))? {
        let category = category.with_context(|| format!("reading {}", events.display()))?;
        let Ok(inside) = fs::read_dir(category.path()) else { continue };
        for event in inside.flatten() {
            let path = event.path();
            // Records of ftrace itself have a format and cannot be enabled: they are no tracepoints.
            if path.join("enable").exists() && path.join("format").exists() {
                names.push(format!("{}:{}", category.file_name().display(), event.file_name().display()));
            }
        }
    }
    Ok(names)
}

/// The format of one tracepoint; `None` when there is none of that name.
pub fn format(tracefs: &Path, category: &str, event: &str) -> Result<Option<TracepointFormat>> {
    if !is_plain_name(category) || !is_plain_name(event) {
        return Ok(None);
    }
    let path = tracefs.join("events").join(category).join(event).join("format");
    // tracefs says of every file that it is empty; without room in advance a read begins with 32 bytes and takes seven calls.
    let mut text = String::with_capacity(4096);
    match fs::File::open(&path).and_then(|mut file| file.read_to_string(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    }
    TracepointFormat::parse(category, event, &text).map(Some).with_context(|| path.display().to_string())
}

/// Names come from scripts: one that walks the file system names no tracepoint.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_list_the_same() {
        let Ok(place) = ensure_tracefs() else {
            crate::skip("tracefs is not mounted, and mounting it needs root");
            return;
        };
        let Ok(mut walked) = walk(&place.join("events")) else {
            crate::skip("tracefs cannot be read");
            return;
        };
        walked.sort_unstable();
        assert_eq!(walked, tracepoints(&place).expect("it was readable a moment ago"));
    }

    #[test]
    fn names_that_walk_the_file_system_are_refused() {
        for name in ["", ".", "..", "a/b", "a\0b"] {
            assert!(!is_plain_name(name), "{name:?}");
        }
        assert!(is_plain_name("sched_switch"));
    }
}
