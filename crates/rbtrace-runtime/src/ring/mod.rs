//! The ring buffer: bytes arrive here and are handed on, record by record. Knows no record's meaning.

pub mod decode;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result};

use crate::sys::ring::RingMemory;

/// Records handled in one go, so that signals and the clock are not forgotten while a fast producer keeps the ring full.
const BATCH: usize = 4096;
/// Records after which their room is given back. Not after each: as long as the kernel sees unread records it wakes nobody.
const RELEASE: usize = 64;

/// What the handler of a record wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next record.
    Continue,
    /// No record for now: the run ends, or something else wants to be looked at.
    Stop,
}

/// What a look into the ring found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// No record.
    Nothing,
    /// Some, and then it was empty.
    Some,
    /// As many as are handled in one go; there may be more.
    Much,
}

/// A place in the ring. Whatever the kernel told in another way about a record before it was told before this was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Arrived(u64);

/// The reading end of the ring.
#[derive(Debug)]
pub struct Ring {
    memory: RingMemory,
}

impl Ring {
    /// Opens a ring of `size` bytes.
    pub fn new(map: OwnedFd, size: u32) -> Result<Self> {
        Ok(Self { memory: RingMemory::new(map, size).context("mapping the ring buffer")? })
    }

    /// What has arrived so far; for [`Ring::drain`].
    pub fn arrived(&self) -> Arrived {
        Arrived(self.memory.arrived())
    }

    /// Hands on records that had arrived, not too many at once.
    pub fn drain(&mut self, Arrived(end): Arrived, mut handle: impl FnMut(&[u8]) -> Flow) -> Result<Drained> {
        let mut count = 0;
        while count < BATCH {
            let Some(record) = self.memory.next(end).context("reading the ring buffer")? else { break };
            let flow = handle(record);
            count += 1;
            if flow == Flow::Stop {
                break;
            }
            if count.is_multiple_of(RELEASE) {
                self.memory.release();
            }
        }
        self.memory.release();
        Ok(match count {
            0 => Drained::Nothing,
            BATCH => Drained::Much,
            _ => Drained::Some,
        })
    }
}

/// Readable when records have arrived.
impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }
}
