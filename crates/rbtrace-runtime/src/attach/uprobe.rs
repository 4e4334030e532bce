//! Places in the code of processes: one link for all places of a binary where the kernel has such links, else a perf event for each place.

use std::ffi::CString;
use std::fs;
use std::os::fd::{BorrowedFd, OwnedFd};

use anyhow::{Context, Result, anyhow};
use rbtrace_host::{Facts, Feature, Host};
use rbtrace_ir::{UprobeFile, UprobePlace};

use super::{Handle, Notes};
use crate::sys::{bpf, perf};

/// Where the kernel keeps the number of the perf event type.
const PERF_TYPE: &str = "/sys/bus/event_source/devices/uprobe/type";

/// An error of the kernel's own, which C libraries do not know: an instruction that it does not step over.
const ENOTSUPP: i32 = 524;

/// What is the same for all places of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// When functions return.
    pub returns: bool,
    /// Only in this process.
    pub pid: Option<u32>,
}

/// Whether one link takes all places of a binary. The first kernels that have it watch only the first thread of a process.
pub fn is_multi(host: &Host, pid: Option<u32>) -> bool {
    host.has(Feature::UprobeMulti) && (pid.is_none() || host.has(Feature::UprobeMultiPid))
}

/// Attaches a program to every place.
pub(super) fn attach(program: BorrowedFd<'_>, files: &[UprobeFile], wanted: Wanted, host: &Host, notes: &mut Notes) -> Result<Handle> {
    if is_multi(host, wanted.pid) {
        let links = files.iter().map(|file| link(program, file, wanted));
        return links.collect::<Result<_>>().map(Handle::Quick);
    }
    let kind = fs::read_to_string(PERF_TYPE).with_context(|| format!("reading {PERF_TYPE}: this kernel has no uprobes"))?;
    let kind = kind.trim().parse().with_context(|| format!("{PERF_TYPE}: `{}` is no number", kind.trim()))?;
    let places: Vec<_> = files.iter().flat_map(|file| file.places.iter().map(move |place| (file, place))).collect();
    notes.programs_one_by_one += places.len();
    let mut opened = Vec::new();
    for (file, place) in places {
        opened.extend(event(program, kind, &file.path, *place, wanted, host.has(Feature::AttachCookie))?);
    }
    Ok(Handle::Slow(opened))
}

fn link(program: BorrowedFd<'_>, file: &UprobeFile, wanted: Wanted) -> Result<OwnedFd> {
    let path = c_path(&file.path)?;
    let link = bpf::uprobe_multi(program, &path, &file.places, wanted.returns, wanted.pid);
    link.map_err(|error| explained(error, &file.path, file.places.len()))
}

/// One place by a perf event: the event, and the link that puts the program on it.
fn event(
    program: BorrowedFd<'_>,
    kind: u32,
    path: &str,
    place: UprobePlace,
    wanted: Wanted,
    has_cookies: bool,
) -> Result<impl Iterator<Item = OwnedFd>> {
    let event = perf::open_uprobe(kind, &c_path(path)?, place, wanted.returns, wanted.pid).map_err(|error| explained(error, path, 1))?;
    let link = match has_cookies {
        true => Some(bpf::perf_link(program, &event, place.cookie).context("putting the program on the perf event")?),
        false => {
            perf::enable(&event, program).context("putting the program on the perf event")?;
            None
        }
    };
    Ok(std::iter::once(event).chain(link))
}

fn c_path(path: &str) -> Result<CString> {
    CString::new(path).with_context(|| format!("the path {path:?} contains a NUL"))
}

/// The kernel only gives numbers.
fn explained(error: std::io::Error, path: &str, places: usize) -> anyhow::Error {
    let why = match error.raw_os_error() {
        Some(libc::ENOENT) => "the file is not there any more",
        Some(libc::ESRCH) => "the process of `-p` has ended",
        Some(libc::EINVAL) => "the kernel cannot put a breakpoint there: no regular file, beyond its end, or inside an instruction",
        Some(libc::EOPNOTSUPP | libc::EILSEQ | ENOTSUPP) => "the kernel cannot step over the instruction there",
        _ => "the kernel refused",
    };
    let what = if places == 1 { "a place".to_owned() } else { format!("{places} places") };
    anyhow!(error).context(format!("{what} in {path}: {why}"))
}
