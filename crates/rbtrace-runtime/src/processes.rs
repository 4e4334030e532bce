//! What processes take into memory while the script runs, and which BPF programs the kernel loads and unloads: its records of it → what
//! rbtrace-host remembers. Opened only for scripts that name such code; the records of one CPU come in order, those of several are put in
//! order here.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use linux_perf_event_reader::constants::{PERF_RECORD_COMM, PERF_RECORD_EXIT, PERF_RECORD_FORK, PERF_RECORD_KSYMBOL, PERF_RECORD_MMAP2};
use linux_perf_event_reader::{CommOrExecRecord, ForkOrExitRecord, Mmap2FileId, Mmap2Record, RawData};
use rbtrace_host::proc;
use rbtrace_host::symbols::mappings::{Mappings, NewMapping};
use rbtrace_host::symbols::{Id, Stretch, Symbols};
use rustix::event::epoll;

use crate::sys::perf::{self, Told};
use crate::sys::perf_ring::{PerfRing, Record};

/// Room for the records of a CPU, in pages: some hundred mappings.
const PAGES: usize = 16;
/// Where only BPF programs matter: as many of those.
const FEW_PAGES: usize = 4;
/// A machine that begins processes without a pause is not waited for.
const ROUNDS: usize = 16;
/// Bytes of the time behind each record.
const TIME: usize = 8;

/// The records' readers, one for each CPU.
#[derive(Debug)]
pub struct Processes {
    rings: Vec<PerfRing>,
    /// Readable when one of them is.
    any: OwnedFd,
    /// Processes that were there before and are to be asked what they have.
    unmet: Vec<u32>,
}

/// How long processes are asked before records are looked at again.
const TURN: Duration = Duration::from_millis(2);

impl Processes {
    /// From now on nothing is missed. `only`: the one process that matters.
    pub fn follow(told: Told, only: Option<u32>) -> Result<Self> {
        let any = epoll::create(epoll::CreateFlags::CLOEXEC).context("making an epoll")?;
        let mut rings = Vec::new();
        let pages = if told.processes { PAGES } else { FEW_PAGES };
        for cpu in proc::online_cpus()? {
            let ring = perf::open_told(told, cpu).and_then(|event| PerfRing::new(event, pages));
            let ring = ring.with_context(|| format!("following what comes and goes on CPU {cpu}"))?;
            epoll::add(&any, &ring, epoll::EventData::new_u64(0), epoll::EventFlags::IN).context("adding to an epoll")?;
            rings.push(ring);
        }
        let all = || only.map_or_else(proc::processes, |only| vec![only]);
        let unmet = if told.processes { all() } else { Vec::new() };
        Ok(Self { rings, any, unmet })
    }

    /// Asks some of those that were there before: they may end while the script runs. Says whether there are more.
    pub fn meet(&mut self, mappings: &RefCell<Mappings>) -> bool {
        let start = Instant::now();
        while start.elapsed() < TURN
            && let Some(pid) = self.unmet.pop()
        {
            mappings.borrow_mut().meet(pid);
        }
        !self.unmet.is_empty()
    }

    /// Hands on what has happened, and says it.
    pub fn tell(&self, symbols: &Symbols) -> Result<Vec<Change>> {
        let mut records = Vec::new();
        // A process may have been begun on a CPU that was read before the one where it went on: until a round finds nothing new.
        for _ in 0..ROUNDS {
            let before = records.len();
            for ring in &self.rings {
                while let Some(record) = ring.next().context("reading what processes map")? {
                    records.extend(timed(record));
                }
            }
            if records.len() == before {
                break;
            }
        }
        records.sort_by_key(|(time, _)| *time);
        // What is not understood is asked for when it matters.
        Ok(records.iter().filter_map(|(_, record)| apply(record, symbols)).collect())
    }
}

impl AsFd for Processes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.any.as_fd()
    }
}

/// A record and when it happened; the time is cut off.
fn timed(mut record: Record) -> Option<(u64, Record)> {
    let at = record.body.len().checked_sub(TIME)?;
    let time = record.body.split_off(at);
    Some((u64::from_ne_bytes(time.try_into().ok()?), record))
}

/// What has happened to the memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has new code.
    Mapped(u32),
    /// It began another program.
    Executed(u32),
    /// The second is a child of the first.
    Forked(u32, u32),
    /// It has ended.
    Ended(u32),
}

/// `None`: of no interest, or too short.
fn apply(record: &Record, symbols: &Symbols) -> Option<Change> {
    if record.kind == PERF_RECORD_KSYMBOL {
        let (start, size, name) = kernel_code(&record.body)?;
        symbols.heard(start, size, &name);
        return None;
    }
    let mut mappings = symbols.mappings().borrow_mut();
    let body = RawData::from(record.body.as_slice());
    Some(match record.kind {
        PERF_RECORD_MMAP2 => {
            let new = Mmap2Record::parse::<byteorder::NativeEndian>(body, record.misc).ok()?;
            let Mmap2FileId::InodeAndVersion(file) = new.file_id else { return None };
            let path = new.path.as_slice();
            let mapping = NewMapping {
                stretch: Stretch { start: new.address, end: new.address.checked_add(new.length)? },
                offset: new.page_offset,
                path: String::from_utf8_lossy(path.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned(),
                id: Id { device: (file.major, file.minor), inode: file.inode },
            };
            let pid = u32::try_from(new.pid).ok()?;
            mappings.mapped(pid, &mapping);
            Change::Mapped(pid)
        }
        PERF_RECORD_COMM => {
            let new = CommOrExecRecord::parse::<byteorder::NativeEndian>(body, record.misc).ok()?;
            new.is_execve.then(|| mappings.executed(new.pid as u32))?;
            Change::Executed(new.pid as u32)
        }
        PERF_RECORD_FORK => {
            let new = ForkOrExitRecord::parse::<byteorder::NativeEndian>(body).ok()?;
            // A new thread has the memory of its process.
            (new.pid != new.ppid).then(|| mappings.forked(new.ppid as u32, new.pid as u32))?;
            Change::Forked(new.ppid as u32, new.pid as u32)
        }
        PERF_RECORD_EXIT => {
            let ended = ForkOrExitRecord::parse::<byteorder::NativeEndian>(body).ok()?;
            (ended.pid == ended.tid).then(|| mappings.ended(ended.pid as u32))?;
            Change::Ended(ended.pid as u32)
        }
        _ => return None,
    })
}

/// Where code of the kernel is that was loaded, or was unloaded, and its name: `struct { u64 addr; u32 len; u16 type, flags; char name[]; }`.
fn kernel_code(body: &[u8]) -> Option<(u64, u64, String)> {
    let (start, rest) = body.split_first_chunk()?;
    let (size, rest) = rest.split_first_chunk()?;
    let name = rest.get(4..)?.split(|&byte| byte == 0).next()?;
    Some((u64::from_ne_bytes(*start), u32::from_ne_bytes(*size).into(), String::from_utf8_lossy(name).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::kernel_code;

    #[test]
    fn names_of_code_of_the_kernel() {
        let name = b"bpf_prog_1234_x\0\0\0\0\0\0\0\0\0";
        let body =
            [&0xffff_ffff_c000_0000_u64.to_ne_bytes()[..], &72u32.to_ne_bytes(), &1u16.to_ne_bytes(), &1u16.to_ne_bytes(), name].concat();
        assert_eq!(kernel_code(&body), Some((0xffff_ffff_c000_0000, 72, "bpf_prog_1234_x".into())));
        assert!((0..16).all(|length| kernel_code(&body[..length]).is_none()));
    }
}
