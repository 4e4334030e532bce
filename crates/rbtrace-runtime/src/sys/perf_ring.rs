//! The memory of a perf event, shared with the kernel: a page of counters and the records behind it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use super::mapping::Mapping;

/// `data_head` of `struct perf_event_mmap_page`: bytes that the kernel has written.
const HEAD: usize = 1024;
/// `data_tail`: bytes that we have read.
const TAIL: usize = 1032;
/// Bytes of `struct perf_event_header`.
const HEADER: usize = 8;

/// The reading end.
#[derive(Debug)]
pub struct PerfRing {
    event: OwnedFd,
    page: usize,
    /// Bytes of the records' part, a power of two.
    size: usize,
    memory: Mapping,
}

/// A record without its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `PERF_RECORD_…`
    pub kind: u32,
    /// `PERF_RECORD_MISC_…`
    pub misc: u16,
    /// The rest.
    pub body: Vec<u8>,
}

impl PerfRing {
    /// Gives an event room for so many pages of records, a power of two.
    pub fn new(event: OwnedFd, pages: usize) -> io::Result<Self> {
        let page = rustix::param::page_size();
        let size = pages * page;
        let memory = Mapping::shared(event.as_fd(), null_mut(), page + size, 0, libc::PROT_READ | libc::PROT_WRITE)?;
        Ok(Self { event, page, size, memory })
    }

    /// The next record; its room is given back at once.
    pub fn next(&self) -> io::Result<Option<Record>> {
        let tail = self.memory.counter(TAIL).load(Ordering::Relaxed);
        if self.memory.counter(HEAD).load(Ordering::Acquire) == tail {
            return Ok(None);
        }
        let header = self.copy(tail, HEADER)?;
        let [k0, k1, k2, k3, m0, m1, s0, s1] = header[..] else { return Err(io::ErrorKind::InvalidData.into()) };
        let size = usize::from(u16::from_ne_bytes([s0, s1]));
        // The kernel never says less; we would read the same place for ever.
        let length = size.checked_sub(HEADER).ok_or(io::ErrorKind::InvalidData)?;
        let body = self.copy(tail + HEADER as u64, length)?;
        self.memory.counter(TAIL).store(tail + size as u64, Ordering::Release);
        Ok(Some(Record { kind: u32::from_ne_bytes([k0, k1, k2, k3]), misc: u16::from_ne_bytes([m0, m1]), body }))
    }

    /// Bytes from a position on; they may go on at the start.
    fn copy(&self, position: u64, length: usize) -> io::Result<Vec<u8>> {
        let at = (position % self.size as u64) as usize;
        let first = length.min(self.size - at);
        let mut bytes = self.memory.bytes(self.page + at, first)?.to_vec();
        bytes.extend_from_slice(self.memory.bytes(self.page, length - first)?);
        Ok(bytes)
    }
}

impl AsFd for PerfRing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
