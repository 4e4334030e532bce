//! Software and hardware perf events: clocks, faults, cycles. One event per CPU, or one per thread of a process.

use std::fs;
use std::os::fd::{BorrowedFd, OwnedFd};

use anyhow::{Context, Result, bail};
use rbtrace_host::proc;
use rbtrace_ir::{CpuSet, Sample};

use crate::sys::perf::{self, Event, Scope};

/// Attaches a program to an event of each CPU of a set or, with `pid`, of each thread of a process.
pub fn attach(program: BorrowedFd<'_>, kind: u32, config: u64, sample: Sample, cpus: CpuSet, pid: Option<u32>) -> Result<Vec<OwnedFd>> {
    let event = Event { kind, config, sample };
    let mut opened = Vec::new();
    for scope in scopes(cpus, pid)? {
        match perf::open(event, scope) {
            Ok(event) => opened.push(event),
            // The CPU went offline or the thread ended since we looked.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENODEV)) => {}
            Err(error) => return Err(error).with_context(|| format!("opening the perf event of {scope}")),
        }
    }
    if opened.is_empty() {
        bail!("nothing to watch is left: the process ended, or the machine does not have this event");
    }
    for event in &opened {
        perf::enable(event, program).context("putting the program on the perf event")?;
    }
    Ok(opened)
}

fn scopes(cpus: CpuSet, pid: Option<u32>) -> Result<Vec<Scope>> {
    if let Some(pid) = pid {
        // A perf event follows one thread; threads made later inherit it.
        let path = format!("/proc/{pid}/task");
        let threads = fs::read_dir(&path).with_context(|| format!("reading {path}"))?;
        let ids = threads.flatten().filter_map(|thread| thread.file_name().to_str()?.parse().ok());
        return Ok(ids.map(Scope::Thread).collect());
    }
    let online = proc::online_cpus()?;
    let count = match cpus {
        CpuSet::All => online.len(),
        CpuSet::First => 1,
    };
    Ok(online.into_iter().take(count).map(Scope::Cpu).collect())
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scope::Cpu(cpu) => write!(f, "CPU {cpu}"),
            Scope::Thread(thread) => write!(f, "thread {thread}"),
        }
    }
}
