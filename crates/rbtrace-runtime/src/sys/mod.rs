//! System calls that no safe crate offers, each behind a safe function that owns what it opens. All `unsafe` of this crate is here.
//!
//! Knows buffers, file descriptors and error numbers; knows no script, no map of it and no record.

pub mod bpf;
pub mod fork;
pub mod kernel_btf;
pub mod mapping;
pub mod maps;
pub mod object;
pub mod perf;
pub mod perf_ring;
pub mod ptrace;
pub mod ring;
pub mod signal;
pub mod time;

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// The result of a libbpf call: a negative number is an error number.
fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
}

/// Takes over a descriptor that a call has just made.
fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: every caller hands in the result of a successful call that opens a descriptor for us alone.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
