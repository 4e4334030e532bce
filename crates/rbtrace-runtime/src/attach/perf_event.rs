//! Software and hardware perf events: clocks, faults, cycles. One event per CPU, or one per thread of a process.

use std::fs;
use std::os::fd::{BorrowedFd, OwnedFd};

use anyhow::{Context, Result, bail};
use rbtrace_host::proc;
use rbtrace_ir::{CpuSet, Sample};

use crate::sys::perf::{self, Breakpoint, Event, Scope};

/// Bytes of memory that a register of the processor watches, or a part of them.
const WORD: u64 = 8;

/// Attaches a program to an event of each CPU of a set or, with `pid`, of each thread of a process.
pub fn attach(program: BorrowedFd<'_>, kind: u32, config: u64, sample: Sample, cpus: CpuSet, pid: Option<u32>) -> Result<Vec<OwnedFd>> {
    let event = Event { kind, config, sample };
    attach_all(program, scopes(cpus, pid)?, |scope| {
        perf::open(event, scope).map_err(|error| {
            let why = match error.raw_os_error() {
                Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV) => {
                    "this machine does not count that: virtual ones often do not".to_owned()
                }
                _ => format!("opening the perf event of {scope}"),
            };
            anyhow::Error::new(error).context(why)
        })
    })
}

/// Attaches a program to memory that is watched: by each thread of a process, or in the kernel by each CPU.
pub fn attach_breakpoint(program: BorrowedFd<'_>, watched: Breakpoint, pid: Option<u32>) -> Result<Vec<OwnedFd>> {
    let unwatchable = || format!("the processor cannot watch {} bytes at {:#x}", watched.length, watched.address);
    // That of aarch64 needs no alignment, but the kernel leaves out what lies behind a word's end, without a word about it.
    if cfg!(target_arch = "aarch64") && watched.address % WORD + watched.length > WORD {
        bail!("{}: they have to lie within {WORD} that are aligned", unwatchable());
    }
    attach_all(program, scopes(CpuSet::All, pid)?, |scope| {
        perf::open_breakpoint(watched, scope).map_err(|error| {
            let why = match error.raw_os_error() {
                Some(libc::ENOSPC) => "No more HW registers left".to_owned(),
                Some(libc::EINVAL) => format!("{}: is it aligned?", unwatchable()),
                Some(libc::EPERM | libc::EACCES) if pid.is_none() => "memory of the kernel may not be watched here".to_owned(),
                Some(libc::EPERM | libc::EACCES) => "not permitted".to_owned(),
                Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV) => "this machine has no registers that watch memory".to_owned(),
                _ => format!("watching memory of {scope}"),
            };
            anyhow::Error::new(error).context(why)
        })
    })
}

fn attach_all(program: BorrowedFd<'_>, scopes: Vec<Scope>, open: impl Fn(Scope) -> Result<OwnedFd>) -> Result<Vec<OwnedFd>> {
    let mut opened = Vec::new();
    let is_gone = |error: &anyhow::Error| {
        let number = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        matches!(number, Some(libc::ESRCH | libc::ENODEV))
    };
    for scope in scopes {
        match open(scope) {
            Ok(event) => opened.push(event),
            // The CPU went offline or the thread ended since we looked.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
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
