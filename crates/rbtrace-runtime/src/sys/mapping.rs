//! Memory shared with the kernel: counters that it changes, and what it wrote before it changed them.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A stretch of address space of ours, unmapped when dropped. Invariant: `length` bytes from `start` are ours.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

impl Mapping {
    /// A piece of what a descriptor offers; over a stretch that is ours, or where the kernel likes.
    pub(crate) fn shared(map: BorrowedFd<'_>, wish: *mut libc::c_void, length: usize, offset: usize, protection: i32) -> io::Result<Self> {
        let fixed = if wish.is_null() { 0 } else { libc::MAP_FIXED };
        // SAFETY: a new mapping at an address of the kernel's choice, or over a stretch that is already ours alone.
        let start = unsafe { libc::mmap(wish, length, protection, libc::MAP_SHARED | fixed, map.as_raw_fd(), offset as libc::off_t) };
        Self::new(start, length)
    }

    /// Address space without memory.
    pub(super) fn reserve(length: usize) -> io::Result<Self> {
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
    pub(super) fn back(&mut self, map: BorrowedFd<'_>, at: usize, length: usize, offset: usize) -> io::Result<()> {
        assert!(at + length <= self.length, "the stretch lies in the reservation");
        // SAFETY: within the reservation, by the assertion above.
        let wish = unsafe { self.start.as_ptr().add(at) };
        // It belongs to the reservation, which unmaps it.
        std::mem::forget(Self::shared(map, wish.cast(), length, offset, libc::PROT_READ)?);
        Ok(())
    }

    /// A 64-bit counter in a page of counters.
    pub(super) fn counter(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= self.length, "counters are aligned");
        // SAFETY: within the mapping, by the assertion above.
        let counter = unsafe { self.start.as_ptr().add(at) };
        // SAFETY: aligned; only asked of places where the kernel keeps a counter, which it changes atomically.
        unsafe { AtomicU64::from_ptr(counter.cast()) }
    }

    /// Writes a word that programs of ours read.
    pub(crate) fn put(&self, at: usize, word: u64) {
        self.counter(at).store(word, Ordering::Relaxed);
    }

    /// A header's first word.
    pub(super) fn word(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(8) && at + 4 <= self.length, "records lie at multiples of 8");
        // SAFETY: within the mapping, by the assertion above.
        let word = unsafe { self.start.as_ptr().add(at) };
        // SAFETY: aligned, and backed by the ring as the caller has seen to; the kernel changes it atomically.
        unsafe { AtomicU32::from_ptr(word.cast()) }
    }

    /// A finished record.
    pub(super) fn bytes(&self, at: usize, length: usize) -> io::Result<&[u8]> {
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
