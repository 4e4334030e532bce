//! What processes take into memory while the script runs: the kernel's records of it → what rbtrace-host remembers. Opened only for scripts
//! that name code of processes; the records of one CPU come in order, those of several are put in order here.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use linux_perf_event_reader::constants::{PERF_RECORD_COMM, PERF_RECORD_EXIT, PERF_RECORD_FORK, PERF_RECORD_MMAP2};
use linux_perf_event_reader::{CommOrExecRecord, ForkOrExitRecord, Mmap2FileId, Mmap2Record, RawData};
use rbtrace_host::proc;
use rbtrace_host::symbols::mappings::{Mappings, NewMapping};
use rbtrace_host::symbols::{Id, Stretch};
use rustix::event::epoll;

use crate::sys::perf;
use crate::sys::perf_ring::{PerfRing, Record};

/// Room for the records of a CPU, in pages: some hundred mappings.
const PAGES: usize = 16;
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
    pub fn follow(only: Option<u32>) -> Result<Self> {
        let any = epoll::create(epoll::CreateFlags::CLOEXEC).context("making an epoll")?;
        let mut rings = Vec::new();
        for cpu in proc::online_cpus()? {
            let ring = perf::open_mappings(cpu).and_then(|event| PerfRing::new(event, PAGES));
            let ring = ring.with_context(|| format!("following the processes of CPU {cpu}"))?;
            epoll::add(&any, &ring, epoll::EventData::new_u64(0), epoll::EventFlags::IN).context("adding to an epoll")?;
            rings.push(ring);
        }
        let unmet = only.map_or_else(proc::processes, |only| vec![only]);
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
    pub fn tell(&self, mappings: &RefCell<Mappings>) -> Result<Vec<Change>> {
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
        let mut mappings = mappings.borrow_mut();
        // What is not understood is asked for when it matters.
        Ok(records.iter().filter_map(|(_, record)| apply(record, &mut mappings)).collect())
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
fn apply(record: &Record, mappings: &mut Mappings) -> Option<Change> {
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
            (ended.pid == ended.tid).then_some(Change::Ended(ended.pid as u32))?
        }
        _ => return None,
    })
}
