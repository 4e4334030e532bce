//! Iterators: links that do nothing before they are read. Whether we read them, or a file others read is made of them, is said by their plan.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result, anyhow};
use rustix::io::Errno;

use crate::sys::bpf::{self, Over};

/// An iterator that was made.
#[derive(Debug)]
pub struct Iterator {
    /// Its attach point.
    pub probe: String,
    /// The file to make of it.
    pub pin: Option<String>,
    link: OwnedFd,
}

/// What reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// There are more objects.
    More,
    /// That was the last.
    Done,
}

impl Iterator {
    /// Makes one of a program.
    pub fn new(program: BorrowedFd<'_>, probe: &str, pid: Option<u32>, pin: Option<&str>) -> Result<Iterator> {
        let link = link(program, pid).map_err(|error| match (pid, error.raw_os_error()) {
            (Some(_), Some(libc::EINVAL | libc::E2BIG)) => {
                anyhow!(error).context("this kernel cannot restrict an iterator to a process (Linux 6.1 can)")
            }
            _ => anyhow!(error).context("making the iterator"),
        })?;
        Ok(Iterator { probe: probe.to_owned(), pin: pin.map(str::to_owned), link })
    }

    /// Begins at the first object.
    pub fn open(&self) -> Result<OwnedFd> {
        bpf::iterate(self.link.as_fd()).with_context(|| format!("reading `{}`", self.probe))
    }

    /// Makes a file of it.
    pub fn pin_to(&self, path: &str) -> Result<()> {
        let name = CString::new(path).context("the path contains a NUL")?;
        bpf::pin(self.link.as_fd(), &name).map_err(|error| {
            let why = remedy(&error);
            anyhow!(error).context(format!("pinning `{}` to {path}{why}", self.probe))
        })
    }
}

/// Makes the link. Cgroups are the one kind of which the kernel wants to be told in which order; it refuses who does not say.
fn link(program: BorrowedFd<'_>, pid: Option<u32>) -> io::Result<OwnedFd> {
    let Some(pid) = pid else {
        return bpf::iterator_link(program, Over::Everything).or_else(|error| match error.raw_os_error() {
            Some(libc::EINVAL) => bpf::iterator_link(program, Over::Cgroups).map_err(|_| error),
            _ => Err(error),
        });
    };
    bpf::iterator_link(program, Over::Process(pid))
}

/// What helps when a file could not be made.
fn remedy(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EINVAL | libc::ENOENT) => ": no BPF file system is there (`mount -t bpf bpf /sys/fs/bpf` makes one)",
        Some(libc::EEXIST) => ": something else has this name",
        _ => "",
    }
}

/// Goes on until the objects have written `bytes` bytes.
pub fn step(reader: &OwnedFd, bytes: usize) -> Result<Reading> {
    let mut buffer = vec![0; bytes];
    match rustix::io::read(reader, &mut buffer) {
        Ok(0) => Ok(Reading::Done),
        // After a million objects without a byte the kernel wants to be asked again.
        Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(Reading::More),
        Err(error) => Err(io::Error::from(error)).context("reading an iterator"),
    }
}
