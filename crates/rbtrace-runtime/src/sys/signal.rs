//! Signals as something to poll: a handler writes their numbers into a pipe.
//!
//! Why not a signalfd? Its signals are blocked, so a process that waits for somebody to read its output could not be ended by a second ^C.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use rustix::pipe::{PipeFlags, pipe_with};

/// Where the handler writes: a handler is told nothing but a number.
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// Whether a signal has arrived that ends a run.
static END_ASKED: AtomicBool = AtomicBool::new(false);

/// Signals that end a run. The first asks for it; from then on each of them has its usual effect.
const ENDING: [i32; 2] = [libc::SIGINT, libc::SIGTERM];

/// The signals that arrive here, until it is dropped.
#[derive(Debug)]
pub struct Signals {
    numbers: Vec<i32>,
    reader: OwnedFd,
    _writer: OwnedFd,
}

impl Signals {
    /// Takes over the signals of these numbers.
    pub fn watch(numbers: Vec<i32>) -> io::Result<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        PIPE.store(writer.as_raw_fd(), Ordering::Release);
        let signals = Self { numbers, reader, _writer: writer };
        let handler: extern "C" fn(i32) = arrived;
        signals.numbers.iter().try_for_each(|&number| act(number, handler as libc::sighandler_t))?;
        Ok(signals)
    }

    /// The next signal that has arrived.
    pub fn next(&self) -> Option<i32> {
        let mut number = [0];
        let length = rustix::io::read(&self.reader, &mut number).ok()?;
        (length == 1).then(|| i32::from(number[0]))
    }
}

/// Whether a signal ends a run.
pub fn is_ending(number: i32) -> bool {
    ENDING.contains(&number)
}

/// Whether somebody has asked for the end, while nobody looked at what arrives.
pub fn end_was_asked() -> bool {
    END_ASKED.load(Ordering::Relaxed)
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for &number in &self.numbers {
            // It could be set, so it can be set back.
            let _ = act(number, libc::SIG_DFL);
        }
        PIPE.store(-1, Ordering::Release);
    }
}

/// The handler: calls only what is safe in one.
extern "C" fn arrived(number: i32) {
    let byte = number as u8;
    // SAFETY: the library's own place for this thread's error number.
    let errno = unsafe { &mut *libc::__errno_location() };
    // What was interrupted may be about to look at it.
    let before = *errno;
    // SAFETY: one byte of our own stack; a pipe that is full or gone takes nothing, and nothing is lost that mattered.
    unsafe { libc::write(PIPE.load(Ordering::Acquire), (&raw const byte).cast(), 1) };
    if is_ending(number) {
        END_ASKED.store(true, Ordering::Relaxed);
        for ending in ENDING {
            let _ = act(ending, libc::SIG_DFL);
        }
    }
    *errno = before;
}

/// Sets what happens when a signal arrives; system calls that it interrupts go on.
fn act(number: i32, action: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: all zeros is a valid action: the default one, with no flags and an empty mask.
    let mut new: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    new.sa_sigaction = action;
    new.sa_flags = libc::SA_RESTART;
    // SAFETY: the action is initialised; its handler is a function that lives as long as the process.
    match unsafe { libc::sigaction(number, &new, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
