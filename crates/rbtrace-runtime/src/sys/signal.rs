//! Signals as something to poll: they are blocked and read from a descriptor.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::own;

/// A set of signals that arrive here instead of interrupting anything.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks the signals of these numbers for this thread and those it starts.
    pub fn block(numbers: &[i32]) -> io::Result<Self> {
        let set = set_of(numbers);
        change(libc::SIG_BLOCK, &set)?;
        // SAFETY: the set lives until the call returns.
        let fd = unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(Self { fd: own(fd) }) }
    }

    /// The next signal that has arrived.
    pub fn next(&self) -> Option<i32> {
        let mut info = [0u8; size_of::<libc::signalfd_siginfo>()];
        let length = rustix::io::read(&self.fd, &mut info).ok()?;
        let number = info.get(..4)?.try_into().ok()?;
        (length == info.len()).then(|| i32::from_ne_bytes(number))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Gives signals back their usual effect: a second ^C ends the process there and then.
pub fn unblock(numbers: &[i32]) -> io::Result<()> {
    change(libc::SIG_UNBLOCK, &set_of(numbers))
}

fn change(how: i32, set: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: the set is initialised and only read; the old mask is not asked for.
    match unsafe { libc::pthread_sigmask(how, set, std::ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

fn set_of(numbers: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the call initialises the whole set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised by the call above.
    let mut set = unsafe { set.assume_init() };
    for &number in numbers {
        // SAFETY: the set is initialised; a number that is no signal is refused and changes nothing.
        unsafe { libc::sigaddset(&mut set, number) };
    }
    set
}
