//! The process we are and the machine it runs on: procfs, sysfs, clocks, users, cgroups.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use rustix::time::{ClockId, clock_gettime};

/// `major.minor` of a kernel release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "their own names")]
pub struct Release {
    pub major: u32,
    pub minor: u32,
}

/// What `uname` says of the kernel.
#[derive(Clone, Debug)]
pub struct KernelRelease {
    /// As printed by `uname -r`: `6.1.0-40-amd64`.
    pub text: String,
    /// Its first two numbers; `None` if it does not begin with any.
    pub release: Option<Release>,
}

/// The running kernel's release.
pub fn kernel_release() -> KernelRelease {
    let text = rustix::system::uname().release().to_string_lossy().into_owned();
    let release = parse_release(&text);
    KernelRelease { text, release }
}

fn parse_release(text: &str) -> Option<Release> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some(Release { major: numbers.next()?.ok()?, minor: numbers.next()?.ok()? })
}

/// Ids of the CPUs that may ever appear; arrays per CPU have one slot for each id up to the last.
pub fn possible_cpus() -> Result<Vec<u32>> {
    cpu_list("/sys/devices/system/cpu/possible")
}

/// The processes there are; those that cannot be listed are none.
pub fn processes() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Ids of the CPUs that run now.
pub fn online_cpus() -> Result<Vec<u32>> {
    cpu_list("/sys/devices/system/cpu/online")
}

fn cpu_list(path: &str) -> Result<Vec<u32>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    parse_cpu_list(text.trim()).with_context(|| format!("{path}: `{}` is no list of CPUs", text.trim()))
}

/// `0-3,8,10-11`
fn parse_cpu_list(text: &str) -> Option<Vec<u32>> {
    // The kernel's own limit is 8192; a list of billions is none of its.
    const MAX: u32 = 1 << 16;
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if last < first || last >= MAX {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// Inode of the first pid namespace of every boot (`PROC_PID_INIT_INO`).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// Device and inode of our pid namespace; `None` in the initial one, where the kernel's pids are ours.
pub fn pid_namespace() -> Result<Option<(u64, u64)>> {
    let path = "/proc/self/ns/pid";
    let metadata = fs::metadata(path).with_context(|| format!("reading {path}"))?;
    Ok((metadata.ino() != INITIAL_PID_NAMESPACE).then(|| (metadata.dev(), metadata.ino())))
}

/// `CGROUP2_SUPER_MAGIC`
const CGROUP2_MAGIC: i64 = 0x6367_7270;

/// The id that the kernel gives the cgroup at a path of the unified hierarchy: the inode number of its directory.
pub fn cgroup_id(path: &str) -> Result<u64> {
    let metadata = fs::metadata(path).with_context(|| format!("cgroup {path}"))?;
    let filesystem = rustix::fs::statfs(path).with_context(|| format!("cgroup {path}"))?;
    // Inodes of version 1 have the same look and mean nothing to `bpf_get_current_cgroup_id`.
    ensure!(filesystem.f_type == CGROUP2_MAGIC, "{path} is not in a cgroup version 2 file system");
    ensure!(metadata.is_dir(), "{path} is a file; a cgroup is a directory");
    Ok(metadata.ino())
}

/// Names of the users in `/etc/passwd`. Users that only a network service knows are not there.
#[derive(Debug, Default)]
pub struct Users {
    names: HashMap<u32, String>,
}

impl Users {
    /// Reads `/etc/passwd`; a machine without one has no names.
    pub fn read() -> Users {
        Users::parse(&fs::read("/etc/passwd").unwrap_or_default())
    }

    fn parse(text: &[u8]) -> Users {
        let text = String::from_utf8_lossy(text);
        let mut names = HashMap::new();
        for line in text.lines() {
            let mut parts = line.split(':');
            if let (Some(name), _, Some(Ok(uid))) = (parts.next(), parts.next(), parts.next().map(str::parse)) {
                // The first of several names of one user counts, as in libc.
                names.entry(uid).or_insert_with(|| name.to_owned());
            }
        }
        Users { names }
    }

    /// The name of a user.
    pub fn name(&self, uid: u32) -> Option<&str> {
        self.names.get(&uid).map(String::as_str)
    }
}

/// Nanoseconds to add to a `CLOCK_BOOTTIME` stamp to get the wall clock.
///
/// The wall clock is read between two boot stamps; of five such triples the narrowest is the most exact, because
/// nothing interrupted it.
pub fn boot_time_offset() -> i64 {
    let triple = || {
        let (before, wall, after) = (now(ClockId::Boottime), now(ClockId::Realtime), now(ClockId::Boottime));
        (after - before, wall - (before + (after - before) / 2))
    };
    let triples = [triple(), triple(), triple(), triple(), triple()];
    triples.into_iter().min_by_key(|(width, _)| *width).map_or(0, |(_, offset)| offset)
}

fn now(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Whether a process of this id runs, as our pid namespace numbers it.
pub fn pid_exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// Bytes that new programs can use without swapping (`MemAvailable`).
pub fn memory_available() -> Result<u64> {
    let path = "/proc/meminfo";
    let text = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    for line in text.lines() {
        if let Some(value) = line.strip_prefix("MemAvailable:") {
            let kilobytes: u64 = value.trim().trim_end_matches(" kB").parse().with_context(|| format!("{path}: `{line}`"))?;
            return Ok(kilobytes.saturating_mul(1024));
        }
    }
    bail!("{path} has no `MemAvailable`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read() {
        assert_eq!(parse_release("6.1.0-40-amd64"), Some(Release { major: 6, minor: 1 }));
        assert_eq!(parse_release("5.10-rc1"), Some(Release { major: 5, minor: 10 }));
        assert_eq!(parse_release("nonsense"), None);
        assert!(kernel_release().release.is_some());
    }

    #[test]
    fn cpu_lists_are_read() {
        assert_eq!(parse_cpu_list("0-3,8,10-11"), Some(vec![0, 1, 2, 3, 8, 10, 11]));
        assert_eq!(parse_cpu_list("0"), Some(vec![0]));
        for text in ["", "3-1", "a", "0-4294967295", "1,"] {
            assert_eq!(parse_cpu_list(text), None, "{text:?}");
        }
        assert!(online_cpus().expect("sysfs is there").len() <= possible_cpus().expect("sysfs is there").len());
    }

    #[test]
    fn users_are_found_by_id() {
        let users =
            Users::parse(b"root:x:0:0:root:/root:/bin/bash\nbroken\ntoor:x:0:0::/:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n\xff:x:7:7\n");
        assert_eq!((users.name(0), users.name(1000), users.name(1)), (Some("root"), Some("me"), None));
    }

    #[test]
    fn boot_time_plus_offset_is_the_wall_clock() {
        let wall = now(ClockId::Boottime) + boot_time_offset();
        assert!((now(ClockId::Realtime) - wall).abs() < 50_000_000, "within 50 ms");
    }

    #[test]
    fn only_cgroups_have_cgroup_ids() {
        let error = format!("{:#}", cgroup_id("/proc").expect_err("it is no cgroup"));
        assert_eq!(error, "/proc is not in a cgroup version 2 file system");
        assert!(format!("{:#}", cgroup_id("/nonexistent").expect_err("it is not there")).starts_with("cgroup /nonexistent: "));
    }

    #[test]
    fn we_exist() {
        assert!(pid_exists(std::process::id()) && !pid_exists(u32::MAX));
        assert!(memory_available().expect("procfs is there") > 0);
        let link = fs::read_link("/proc/self/ns/pid").expect("procfs is there");
        let initial = link.to_string_lossy() == format!("pid:[{INITIAL_PID_NAMESPACE}]");
        assert_eq!(pid_namespace().expect("procfs is there").is_none(), initial);
    }
}
