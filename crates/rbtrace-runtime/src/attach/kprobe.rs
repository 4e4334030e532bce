//! Places in the code of the kernel: one link for all functions where the kernel has such links, else a perf event for each place.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use anyhow::{Context, Result, anyhow, bail};
use rbtrace_host::{Facts, Feature, Host, functions};
use rbtrace_ir::{KernelPlace, Moment};

use super::Handle;
use crate::sys::{bpf, perf};

/// Where the kernel keeps the number of the perf event type.
const PERF_TYPE: &str = "/sys/bus/event_source/devices/kprobe/type";

/// Whether one link takes all places: such links begin at the start of functions.
pub fn is_multi(host: &Host, places: &[KernelPlace]) -> bool {
    host.has(Feature::KprobeMulti) && places.iter().all(|place| place.offset == 0 && !place.symbol.is_empty())
}

/// Attaches a program to every place.
pub(super) fn attach(program: BorrowedFd<'_>, places: &[KernelPlace], moment: Moment, host: &Host) -> Result<Handle> {
    if !host.has(Feature::Kprobes) {
        bail!("this kernel has no kprobes: it was built without CONFIG_KPROBES, or they are hidden from us");
    }
    if is_multi(host, places) {
        let (known, named): (Vec<_>, Vec<_>) = places.iter().partition(|place| place.address != 0);
        let links = [known, named].into_iter().filter(|places| !places.is_empty());
        let links = links.map(|places| bpf::kprobe_multi(program, &places, moment).map_err(|error| explained(error, &places, host)));
        return links.collect::<Result<_>>().map(Handle::Quick);
    }
    let returns = match moment {
        Moment::Begin => false,
        Moment::End => true,
        Moment::Both => bail!("this kernel cannot serve both ends of a function by one program"),
    };
    let kind = fs::read_to_string(PERF_TYPE).with_context(|| format!("reading {PERF_TYPE}"))?;
    let kind = kind.trim().parse().with_context(|| format!("{PERF_TYPE}: `{}` is no number", kind.trim()))?;
    let mut opened = Vec::new();
    for place in places {
        opened.extend(event(program, kind, place, returns, host)?);
    }
    Ok(Handle::Slow(opened))
}

/// One place by a perf event: the event, and the link that puts the program on it.
fn event(
    program: BorrowedFd<'_>,
    kind: u32,
    place: &KernelPlace,
    returns: bool,
    host: &Host,
) -> Result<impl Iterator<Item = OwnedFd> + use<>> {
    let symbol = CString::new(place.symbol.as_str()).context("the name of a function contains a NUL")?;
    // Addresses say exactly what is meant where several functions share a name.
    let event = match (place.address, place.symbol.is_empty()) {
        (0, _) => perf::open_kprobe(kind, Some(&symbol), place.offset, returns),
        (address, _) => perf::open_kprobe(kind, None, address + place.offset, returns),
    };
    let event = event.map_err(|error| explained(error, &[place], host))?;
    let link = match host.has(Feature::AttachCookie) {
        true => Some(bpf::perf_link(program, &event, place.cookie).context("putting the program on the perf event")?),
        false => {
            perf::enable(&event, program).context("putting the program on the perf event")?;
            None
        }
    };
    Ok(std::iter::once(event).chain(link))
}

/// The kernel only gives numbers.
fn explained(error: io::Error, places: &[&KernelPlace], host: &Host) -> anyhow::Error {
    let is_missing = matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH));
    if let ([place], true) = (places, is_missing)
        && let copies = functions::copies(&place.symbol)
        && !copies.is_empty()
    {
        // BTF knows such a function by the name that the source gives it.
        let copies = copies.join("`, `");
        return anyhow!(error).context(format!("the compiler kept `{}` only as `{copies}`; trace that", place.symbol));
    }
    let forbidden = places.iter().find(|place| host.forbids_probes(&place.symbol));
    let why = match (error.raw_os_error(), forbidden) {
        (_, Some(place)) => return anyhow!(error).context(format!("the kernel forbids probes in `{}`", place.symbol)),
        (Some(libc::ENOENT | libc::ESRCH), _) => "the kernel does not find it, or ftrace cannot trace it (inlined, or marked `notrace`)",
        (Some(libc::EADDRNOTAVAIL), _) => "several functions have this name; say which by its module",
        (Some(libc::EILSEQ), _) => "Possible attachment attempt in the middle of an instruction, try a different offset.",
        (Some(libc::EINVAL), _) => "the kernel takes no probe there (not the start of a function, or marked `notrace`)",
        (Some(libc::EPERM | libc::EACCES), _) => "not permitted: kprobes need CAP_PERFMON and no lockdown",
        (Some(libc::EOPNOTSUPP), _) => "this kernel was built without what it takes",
        _ => "the kernel refused",
    };
    let what = match places {
        [place] if place.symbol.is_empty() => format!("address {:#x}", place.address),
        [place] => format!("`{}`", place.symbol),
        places => format!("{} functions", places.len()),
    };
    anyhow!(error).context(format!("{what}: {why}"))
}
