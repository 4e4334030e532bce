//! The memory of a ring buffer map, shared with the kernel: two counters and the records between them.
//!
//! Why not libbpf's reader? It maps all of the ring twice when it opens it: 8 ms and 32 MiB of resident memory for a ring of 16 MiB. This
//! one maps a piece when a record first lies in it, so that a script that prints little pays for little.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

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
        let position = consumer.counter().load(Ordering::Acquire);
        Ok(Self { map, page, consumer, producer, data, size, mapped: vec![false; (size * 2).div_ceil(CHUNK)], position })
    }

    /// The next record that is complete; it stays in the ring until [`RingMemory::release`].
    pub fn next(&mut self) -> io::Result<Option<&[u8]>> {
        while self.position < self.producer.counter().load(Ordering::Acquire) {
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
        self.consumer.counter().store(self.position, Ordering::Release);
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

/// A stretch of address space of ours, unmapped when dropped. Invariant: `length` bytes from `start` are ours.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

impl Mapping {
    fn shared(map: BorrowedFd<'_>, wish: *mut libc::c_void, length: usize, offset: usize, protection: i32) -> io::Result<Self> {
        let fixed = if wish.is_null() { 0 } else { libc::MAP_FIXED };
        // SAFETY: a new mapping at an address of the kernel's choice, or over a stretch that is already ours alone.
        let start = unsafe { libc::mmap(wish, length, protection, libc::MAP_SHARED | fixed, map.as_raw_fd(), offset as libc::off_t) };
        Self::new(start, length)
    }

    /// Address space without memory.
    fn reserve(length: usize) -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe { libc::mmap(null_mut(), length, libc::PROT_NONE, flags, -1, 0) };
        Self::new(start, length)
    }

    fn new(start: *mut libc::c_void, length: usize) -> io::Result<Self> {
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { start, length })
    }

    /// Puts memory of the ring behind a stretch of a reservation.
    fn back(&mut self, map: BorrowedFd<'_>, at: usize, length: usize, offset: usize) -> io::Result<()> {
        assert!(at + length <= self.length, "the stretch lies in the reservation");
        // SAFETY: within the reservation, by the assertion above.
        let wish = unsafe { self.start.as_ptr().add(at) };
        // It belongs to the reservation, which unmaps it.
        std::mem::forget(Self::shared(map, wish.cast(), length, offset, libc::PROT_READ)?);
        Ok(())
    }

    /// The counter at the start of a page of counters.
    fn counter(&self) -> &AtomicU64 {
        // SAFETY: only asked of pages of the ring that begin with an aligned 64-bit counter, which the kernel changes atomically.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().cast()) }
    }

    /// A header's first word.
    fn word(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(8) && at + 4 <= self.length, "records lie at multiples of 8");
        // SAFETY: within the mapping, by the assertion above.
        let word = unsafe { self.start.as_ptr().add(at) };
        // SAFETY: aligned, and backed by the ring as the caller has seen to; the kernel changes it atomically.
        unsafe { AtomicU32::from_ptr(word.cast()) }
    }

    /// A finished record.
    fn bytes(&self, at: usize, length: usize) -> io::Result<&[u8]> {
        if at.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a record is longer than its ring"));
        }
        // SAFETY: within the mapping, by the test above.
        let start = unsafe { self.start.as_ptr().add(at) };
        // SAFETY: backed by the ring as the caller has seen to; the kernel leaves a finished record alone until it is released.
        Ok(unsafe { std::slice::from_raw_parts(start, length) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the stretch is ours, and nothing borrows it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
