//! Unwind tables of large binaries, read by threads beside the run: events are handled meanwhile. Knows no map and no process.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use rbtrace_host::symbols::Id;
use rbtrace_host::unwind;
use rbtrace_ir::unwind::{Row, Rule};
use rustix::event::{EventfdFlags, eventfd};

/// At most: one may be busy with a huge binary while others are small.
const THREADS: usize = 2;

/// A table whose rules are told once.
#[derive(Debug, Default)]
pub struct Packed {
    /// Each is another one.
    pub rules: Vec<Rule>,
    /// Place in the file, and number of the rule. Sorted.
    pub rows: Vec<(u32, u32)>,
}

impl Packed {
    /// The same, packed.
    pub fn new(rows: &[Row]) -> Self {
        let mut packed = Self { rules: Vec::new(), rows: Vec::with_capacity(rows.len()) };
        let mut numbers = HashMap::new();
        for row in rows {
            let number = *numbers.entry(row.rule).or_insert_with(|| {
                packed.rules.push(row.rule);
                packed.rules.len() as u32 - 1
            });
            packed.rows.push((row.at, number));
        }
        packed
    }

    /// The table of a binary; none if it is none.
    pub fn read(name: &str, bytes: &[u8]) -> Option<Self> {
        unwind::table_of(name, bytes).map(|table| Self::new(&table.rows))
    }
}

/// See the module. Threads are there while there is something to read; one that still reads when the run ends is left alone.
pub struct Reader {
    work: Arc<Mutex<Work>>,
    sender: Sender<(Id, Option<Packed>)>,
    done: Receiver<(Id, Option<Packed>)>,
    /// Readable when something was read.
    ready: Arc<OwnedFd>,
    /// Asked for and not taken.
    pending: usize,
}

/// What reads a binary.
type Read = Box<dyn FnOnce() -> Option<Packed> + Send>;

#[derive(Default)]
struct Work {
    /// With their sizes.
    jobs: Vec<(Id, usize, Read)>,
    threads: usize,
}

impl Reader {
    pub fn new() -> Result<Self> {
        let (sender, done) = channel();
        let ready = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).context("making an eventfd")?;
        Ok(Self { work: Arc::default(), sender, done, ready: Arc::new(ready), pending: 0 })
    }

    /// Has a binary of a size read.
    pub fn read(&mut self, id: Id, size: usize, read: Read) -> Result<()> {
        let mut work = lock(&self.work);
        work.jobs.push((id, size, read));
        self.pending += 1;
        if work.threads < THREADS {
            let (shared, sender, ready) = (Arc::clone(&self.work), self.sender.clone(), Arc::clone(&self.ready));
            thread::Builder::new()
                .name("unwind tables".into())
                .spawn(move || work_off(&shared, &sender, &ready))
                .context("starting a thread that reads unwind tables")?;
            work.threads += 1;
        }
        Ok(())
    }

    /// What was read.
    pub fn take(&mut self) -> Vec<(Id, Option<Packed>)> {
        // Before they are taken: what comes a moment later is told again.
        let _ = rustix::io::read(&self.ready, &mut [0; 8]);
        let taken: Vec<_> = self.done.try_iter().collect();
        self.pending -= taken.len();
        taken
    }

    /// Waits for something that was asked for; none if nothing is left.
    pub fn wait(&mut self) -> Option<(Id, Option<Packed>)> {
        self.pending = self.pending.checked_sub(1)?;
        // We have a sender ourselves, so that there always is one; each thread sends all that it takes.
        self.done.recv().ok()
    }
}

impl AsFd for Reader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}

/// A thread: the smallest first, for most that fires is in them.
fn work_off(work: &Mutex<Work>, sender: &Sender<(Id, Option<Packed>)>, ready: &OwnedFd) {
    loop {
        let (id, _, read) = {
            let mut work = lock(work);
            let smallest = work.jobs.iter().enumerate().min_by_key(|(_, (_, size, _))| *size).map(|(at, _)| at);
            let Some(at) = smallest else {
                work.threads -= 1;
                return;
            };
            work.jobs.swap_remove(at)
        };
        if sender.send((id, read())).is_err() {
            // The run is over.
            return;
        }
        let _ = rustix::io::write(ready, &1u64.to_ne_bytes());
    }
}

/// Nobody panics while the lock is held.
fn lock(work: &Mutex<Work>) -> MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_asked_for_is_told() {
        let mut reader = Reader::new().expect("an eventfd");
        let id = |inode| Id { device: (0, 0), inode };
        assert!(reader.wait().is_none());
        for inode in 0..5 {
            let read = Box::new(|| Packed::read("this", &std::fs::read("/proc/self/exe").expect("this program")));
            reader.read(id(inode), 1000, read).expect("a thread");
        }
        reader.read(id(5), 10, Box::new(|| None)).expect("a thread");
        let mut told: Vec<(u64, bool)> = std::iter::from_fn(|| reader.wait()).map(|(id, read)| (id.inode, read.is_some())).collect();
        told.sort();
        assert_eq!(told, [(0, true), (1, true), (2, true), (3, true), (4, true), (5, false)]);
        assert!(reader.take().is_empty());
    }

    #[test]
    fn rules_are_packed_in_order() {
        let row = |at, rule| Row { at, rule };
        let packed = Packed::new(&[row(1, Rule::End), row(2, Rule::Unknown), row(7, Rule::End)]);
        assert_eq!((packed.rules, packed.rows), (vec![Rule::End, Rule::Unknown], vec![(1, 0), (2, 1), (7, 0)]));
    }
}
