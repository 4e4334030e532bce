//! Paths of cgroups: which directories of the mounted hierarchies have a given id. Knows no task.

use std::fs;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A mounted hierarchy.
#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    /// `unified` for version 2, else what it is mounted as: `cpu`, `systemd`.
    name: String,
    root: PathBuf,
}

/// Name of the hierarchy and path in it of every cgroup whose directory has this inode: version 2 first, then by name.
pub fn cgroup_paths(id: u64) -> Vec<(String, String)> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let found = hierarchies(&mounts).into_iter().filter_map(|hierarchy| {
        let path = find(&hierarchy.root, id)?;
        let inside = path.strip_prefix(&hierarchy.root).unwrap_or(&path);
        Some((hierarchy.name, format!("/{}", inside.display())))
    });
    found.collect()
}

/// The hierarchies in the text of `/proc/self/mounts`.
fn hierarchies(mounts: &str) -> Vec<Hierarchy> {
    let hierarchy = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (root, kind) = (PathBuf::from(words.next()?), words.next()?);
        let name = match kind {
            "cgroup2" => "unified".to_owned(),
            "cgroup" => root.file_name()?.to_string_lossy().into_owned(),
            _ => return None,
        };
        Some(Hierarchy { name, root })
    };
    let mut found: Vec<Hierarchy> = mounts.lines().filter_map(hierarchy).collect();
    found.sort_by(|a, b| (a.name != "unified", &a.name).cmp(&(b.name != "unified", &b.name)));
    found.dedup_by(|a, b| a.name == b.name);
    found
}

/// The directory with this inode, nearest to the root.
fn find(root: &Path, inode: u64) -> Option<PathBuf> {
    if fs::metadata(root).ok()?.ino() == inode {
        return Some(root.to_owned());
    }
    let mut level = vec![root.to_owned()];
    while !level.is_empty() {
        let mut below = Vec::new();
        for directory in level {
            for entry in fs::read_dir(directory).ok().into_iter().flatten().flatten() {
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                if entry.ino() == inode {
                    return Some(entry.path());
                }
                below.push(entry.path());
            }
        }
        level = below;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_are_named() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n";
        let names: Vec<String> = hierarchies(mounts).into_iter().map(|hierarchy| hierarchy.name).collect();
        assert_eq!(names, ["unified", "cpu", "pids"]);
        assert!(hierarchies("nonsense").is_empty());
    }
}
