//! Tracepoints as perf events. One event serves all CPUs: its program runs wherever the tracepoint fires. Closing it waits for several
//! grace periods of the kernel.

use std::fs;
use std::os::fd::{BorrowedFd, OwnedFd};

use anyhow::{Context, Result};
use rbtrace_host::Host;
use rbtrace_ir::Sample;

use crate::sys::perf::{self, Event, Scope};

/// Attaches a program to `category:event`.
pub fn attach(program: BorrowedFd<'_>, category: &str, event: &str, host: &Host) -> Result<OwnedFd> {
    let tracefs = host.tracefs().context("tracefs is not mounted, so the tracepoint's number is not known")?;
    let path = tracefs.join("events").join(category).join(event).join("id");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let id = text.trim().parse().with_context(|| format!("{}: `{}` is no number", path.display(), text.trim()))?;
    let event = Event { kind: perf::TRACEPOINT, config: id, sample: Sample::Period(1) };
    let opened = perf::open(event, Scope::Cpu(0)).context("opening the perf event")?;
    perf::enable(&opened, program).context("putting the program on the perf event")?;
    Ok(opened)
}
