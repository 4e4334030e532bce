//! Places in the code of the kernel: one link for all functions where the kernel has such links, else a perf event for each place.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use anyhow::{Context, Result, anyhow, bail};
use rbtrace_host::{Facts, Feature, Host, functions};
use rbtrace_ir::{KernelPlace, Moment};

use super::{Handle, Notes};
use crate::sys::{bpf, perf};

/// Where the kernel keeps the number of the perf event type.
const PERF_TYPE: &str = "/sys/bus/event_source/devices/kprobe/type";

/// Whether one link takes all places: such links begin at the start of functions.
pub fn is_multi(host: &Host, places: &[KernelPlace]) -> bool {
    host.has(Feature::KprobeMulti) && places.iter().all(|place| place.offset == 0 && !place.symbol.is_empty())
}

/// Attaches a program to every place. Functions of which the compiler kept only copies are traced there, which is told: BTF knows them by the
/// name that the source gives them, and only the kernel can tell that there is no such code.
pub(super) fn attach(program: BorrowedFd<'_>, places: &[KernelPlace], moment: Moment, host: &Host, notes: &mut Notes) -> Result<Handle> {
    if !host.has(Feature::Kprobes) {
        bail!("this kernel has no kprobes: it was built without CONFIG_KPROBES, or they are hidden from us");
    }
    if !is_multi(host, places) {
        notes.kernel_one_by_one += places.len();
    }
    let refused = match attach_at(program, places, moment, host) {
        Ok(handle) => return Ok(handle),
        Err(refused) => refused,
    };
    let copied = if matches!(number(&refused), Some(libc::ENOENT | libc::ESRCH)) { copies(places) } else { None };
    let Some((copied, told)) = copied else { return Err(refused) };
    let handle = attach_at(program, &copied, moment, host)?;
    notes.elsewhere.extend(told);
    Ok(handle)
}

/// Attaches a program to the places that there are, after all of them together were refused: halves are tried, and halves of those. Gives
/// what was made, and what is to be said of each place that there is not.
pub(super) fn attach_rest(
    program: BorrowedFd<'_>,
    places: &[KernelPlace],
    moment: Moment,
    host: &Host,
    notes: &mut Notes,
) -> (Vec<Handle>, Vec<(String, anyhow::Error)>) {
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    let middle = places.len().div_ceil(2);
    let mut left: Vec<&[KernelPlace]> = vec![&places[middle..], &places[..middle]];
    while let Some(some) = left.pop() {
        match (attach(program, some, moment, host, notes), some) {
            (_, []) => {}
            (Ok(handle), _) => made.push(handle),
            (Err(error), [place]) => refused.push((called(place), error)),
            (Err(_), _) => {
                let (first, second) = some.split_at(some.len() / 2);
                left.extend([second, first]);
            }
        }
    }
    (made, refused)
}

/// Whether it is the place that is refused, and another may do.
pub(super) fn is_about_place(refused: &anyhow::Error, host: &Host) -> bool {
    host.has(Feature::Kprobes) && !matches!(number(refused), Some(libc::EPERM | libc::EACCES | libc::EOPNOTSUPP))
}

fn number(refused: &anyhow::Error) -> Option<i32> {
    refused.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error)
}

/// The places, with copies of functions in the place of those that exist only so, and what is told of those; `None`: there are no such.
fn copies(places: &[KernelPlace]) -> Option<(Vec<KernelPlace>, Vec<String>)> {
    let all = functions::copies_of(places.iter().map(|place| place.symbol.as_str()));
    let (mut found, mut elsewhere) = (Vec::new(), Vec::new());
    for place in places {
        let Some(copies) = all.get(place.symbol.as_str()) else {
            found.push(place.clone());
            continue;
        };
        found.extend(copies.iter().map(|copy| KernelPlace { symbol: copy.clone(), ..place.clone() }));
        let (symbol, list) = (&place.symbol, copies.join("`, `"));
        elsewhere
            .push(format!("`{symbol}` exists only as `{list}`, which the compiler made of it; attached there: its arguments may differ"));
    }
    (!all.is_empty()).then_some((found, elsewhere))
}

fn attach_at(program: BorrowedFd<'_>, places: &[KernelPlace], moment: Moment, host: &Host) -> Result<Handle> {
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

/// As scripts write it.
fn called(place: &KernelPlace) -> String {
    match (place.symbol.as_str(), place.offset) {
        ("", _) => format!("{:#x}", place.address),
        (symbol, 0) => symbol.to_owned(),
        (symbol, offset) => format!("{symbol}+{offset}"),
    }
}

/// The kernel only gives numbers.
fn explained(error: io::Error, places: &[&KernelPlace], host: &Host) -> anyhow::Error {
    let what = match places {
        [place] if place.symbol.is_empty() => format!("address {}", called(place)),
        [place] => format!("`{}`", called(place)),
        places => format!("{} functions", places.len()),
    };
    // On aarch64 all instructions have four bytes, and the kernel has no number of its own for a place between two.
    let splits = |place: &&KernelPlace| cfg!(target_arch = "aarch64") && !(place.address + place.offset).is_multiple_of(4);
    if error.raw_os_error() == Some(libc::EILSEQ) || places.iter().any(splits) {
        // Its text is about letters, which would only confuse. Scripts look for upstream's words.
        return anyhow!("{what}: Possible attachment attempt in the middle of an instruction, try a different offset.");
    }
    if let Some(place) = places.iter().find(|place| host.forbids_probes(&place.symbol)) {
        return anyhow!(error).context(format!("the kernel forbids probes in `{}`", place.symbol));
    }
    let why = match error.raw_os_error() {
        // Older kernels call it an invalid argument.
        Some(libc::ENOENT | libc::ESRCH | libc::EINVAL) if matches!(places, [place] if place.symbol.is_empty()) => {
            "the kernel has no code there that may be probed (`/proc/kallsyms` says where functions begin)"
        }
        Some(libc::ENOENT | libc::ESRCH) => return anyhow!(error).context(absent(&what, places, host)),
        Some(libc::EADDRNOTAVAIL) => "several functions have this name; say which by its module",
        Some(libc::EINVAL) => "the kernel takes no probe there (not the start of a function, or marked `notrace`)",
        Some(libc::EPERM | libc::EACCES) => "not permitted: kprobes need CAP_PERFMON and no lockdown",
        Some(libc::EOPNOTSUPP) => "this kernel was built without what it takes",
        _ => "the kernel refused",
    };
    anyhow!(error).context(format!("{what}: {why}"))
}

/// What is said of functions that the kernel does not find: it also says so of those that it has, but not for tracing.
fn absent(what: &str, places: &[&KernelPlace], host: &Host) -> String {
    let is_there = |place: &&&KernelPlace| !host.kernel_function_addresses(None, &place.symbol).is_empty();
    match (places.iter().find(|place| !is_there(place)), places.first()) {
        (Some(gone), _) => {
            let why = "it has another name now, is gone, is in a module that is not loaded, or the compiler put it into its callers";
            format!("{what}: this kernel has no function `{}`: {why}", gone.symbol)
        }
        (None, Some(_)) => {
            format!("{what}: the kernel keeps it from being traced (it is marked `notrace`, as all are that the source calls `inline`)")
        }
        (None, None) => what.to_owned(),
    }
}
