//! The memory of a ring buffer map, shared with the kernel: two counters and the records between them.
//!
//! Why not libbpf's reader? It maps all of the ring twice when it opens it: 8 ms and 32 MiB of resident memory for a ring of 16 MiB. This
//! one maps a piece when a record first lies in it, so that a script that prints little pays for little.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use super::mapping::Mapping;

/// Of a record's header: the producer has not finished it.
const BUSY: u32 = 1 << 31;
/// Of a record's header: to be skipped.
const DISCARDED: u32 = 1 << 30;
/// Bytes of a record's header in the ring.
const HEADER: u64 = 8;
/// Bytes mapped at a time.
const CHUNK: usize = 64 << 10;

/// The reading end of a ring buffer.
#[derive(Debug)]
pub struct RingMemory {
    map: OwnedFd,
    page: usize,
    /// Where we are; the kernel reads it.
    consumer: Mapping,
    /// Where the kernel is.
    producer: Mapping,
    /// Address space for the data twice in a row, so that a record that wraps around lies in one piece.
    data: Mapping,
    /// Bytes of the ring, a power of two.
    size: usize,
    /// Which chunks of `data` are backed by the ring.
    mapped: Vec<bool>,
    /// Bytes read since the start.
    position: u64,
}

impl RingMemory {
    /// Maps the counters of a ring buffer of `size` bytes.
    pub fn new(map: OwnedFd, size: u32) -> io::Result<Self> {
        let size = size as usize;
        let page = rustix::param::page_size();
        if !size.is_power_of_two() || size < page {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{size} bytes are no size for a ring buffer")));
        }
        let consumer = Mapping::shared(map.as_fd(), null_mut(), page, 0, libc::PROT_READ | libc::PROT_WRITE)?;
        let producer = Mapping::shared(map.as_fd(), null_mut(), page, page, libc::PROT_READ)?;
        let data = Mapping::reserve(size * 2)?;
        let position = consumer.counter(0).load(Ordering::Acquire);
        Ok(Self { map, page, consumer, producer, data, size, mapped: vec![false; (size * 2).div_ceil(CHUNK)], position })
    }

    /// Where the kernel is now: behind the last record that it began.
    pub fn arrived(&self) -> u64 {
        self.producer.counter(0).load(Ordering::Acquire)
    }

    /// The next record that is complete, of those that begin before `end`; it stays in the ring until [`RingMemory::release`].
    pub fn next(&mut self, end: u64) -> io::Result<Option<&[u8]>> {
        while self.position < end {
            let at = (self.position % self.size as u64) as usize;
            self.back(at, HEADER as usize)?;
            let header = self.data.word(at).load(Ordering::Acquire);
            if header & BUSY != 0 {
                return Ok(None);
            }
            let length = (header & !DISCARDED) as usize;
            self.position += (length as u64 + HEADER).next_multiple_of(8);
            if header & DISCARDED == 0 {
                self.back(at + HEADER as usize, length)?;
                return self.data.bytes(at + HEADER as usize, length).map(Some);
            }
        }
        Ok(None)
    }

    /// Gives the room of all records that were read back to the kernel.
    pub fn release(&mut self) {
        self.consumer.counter(0).store(self.position, Ordering::Release);
    }

    /// Makes sure that a stretch of `data` is backed by the ring.
    fn back(&mut self, at: usize, length: usize) -> io::Result<()> {
        let last = (at + length.max(1) - 1) / CHUNK;
        for chunk in at / CHUNK..=last {
            match self.mapped.get(chunk) {
                Some(true) => {}
                Some(false) => self.map_chunk(chunk)?,
                None => return Err(io::Error::new(io::ErrorKind::InvalidData, "a record is longer than its ring")),
            }
        }
        Ok(())
    }

    fn map_chunk(&mut self, chunk: usize) -> io::Result<()> {
        let start = chunk * CHUNK;
        let length = CHUNK.min(self.size * 2 - start);
        // A ring smaller than a chunk: both copies are mapped one after the other.
        for at in (start..start + length).step_by(self.size.min(CHUNK)) {
            let piece = self.size.min(CHUNK);
            self.data.back(self.map.as_fd(), at, piece, self.page * 2 + at % self.size)?;
        }
        self.mapped[chunk] = true;
        Ok(())
    }
}

impl AsFd for RingMemory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}
