//! The ring buffer: bytes arrive here and are handed on, record by record. Knows no record's meaning.

pub mod decode;

use std::os::fd::BorrowedFd;

use anyhow::{Context, Result};
use libbpf_rs::{Map, RingBuffer, RingBufferBuilder};

/// Records handled in one go, so that signals and the clock are not forgotten while a fast producer keeps the ring full.
const BATCH: usize = 4096;

/// What the handler of a record wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next record.
    Continue,
    /// No record for now: the run ends.
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

/// The reading end of the ring.
pub struct Ring<'a> {
    buffer: RingBuffer<'a>,
}

impl<'a> Ring<'a> {
    /// Opens the ring; `handle` gets every record.
    pub fn new(map: &Map<'_>, mut handle: impl FnMut(&[u8]) -> Flow + 'a) -> Result<Self> {
        let mut builder = RingBufferBuilder::new();
        let callback = move |record: &[u8]| match handle(record) {
            Flow::Continue => 0,
            Flow::Stop => -libc::ECANCELED,
        };
        builder.add(map, callback).context("the ring buffer")?;
        Ok(Self { buffer: builder.build().context("mapping the ring buffer")? })
    }

    /// Handles records that have arrived, not too many at once.
    pub fn drain(&self) -> Result<Drained> {
        match self.buffer.consume_raw_n(BATCH) {
            0 => Ok(Drained::Nothing),
            count if count >= BATCH as i32 => Ok(Drained::Much),
            count if count > 0 => Ok(Drained::Some),
            stopped if stopped == -libc::ECANCELED => Ok(Drained::Some),
            error => Err(std::io::Error::from_raw_os_error(-error)).context("reading the ring buffer"),
        }
    }

    /// Readable when records have arrived.
    pub fn fd(&self) -> BorrowedFd<'_> {
        crate::sys::borrow_ring(&self.buffer)
    }
}
