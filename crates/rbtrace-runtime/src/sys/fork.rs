//! Processes made by `fork`: a command that waits at the door, a stand-in that closes descriptors slowly, and a guard that outlives us.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::process::{Pid, Signal, pidfd_send_signal, setsid};
use rustix::thread::{MembarrierCommand, membarrier, set_name};

use super::maps;

/// Forks a process that waits for a byte on `gate`, then becomes the program at `path`. It ends without a trace when `gate` closes first;
/// when the program cannot be started it writes the error number to `failure`. `opener` is the other end of `gate`.
pub fn start_behind(gate: &OwnedFd, opener: &OwnedFd, failure: &OwnedFd, path: &CStr, arguments: &[CString]) -> io::Result<Pid> {
    let mut pointers: Vec<*const libc::c_char> = arguments.iter().map(|argument| argument.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: the child calls only what is safe after fork (POSIX: async-signal-safe functions) and touches no lock or allocator.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: a descriptor by number; the child would wait for itself if it kept the other end open.
        unsafe { libc::close(opener.as_raw_fd()) };
        wait_and_exec(gate.as_raw_fd(), failure.as_raw_fd(), path, &pointers);
    }
    Pid::from_raw(pid).filter(|_| pid > 0).ok_or_else(io::Error::last_os_error)
}

fn wait_and_exec(gate: i32, failure: i32, path: &CStr, arguments: &[*const libc::c_char]) -> ! {
    let mut byte = 0u8;
    // SAFETY: one byte of our own stack.
    let got = unsafe { libc::read(gate, (&raw mut byte).cast(), 1) };
    if got == 1 {
        // What Rust's runtime and we ourselves changed and a command does not expect: an ignored SIGPIPE and blocked signals.
        // SAFETY: the default action has no handler to outlive.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        mask_signals(libc::SIG_UNBLOCK);
        // SAFETY: a null-terminated array of C strings that the parent made before the fork; `environ` is the parent's.
        unsafe { libc::execv(path.as_ptr(), arguments.as_ptr()) };
        let error = io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO).to_ne_bytes();
        // SAFETY: four bytes of our own stack.
        unsafe { libc::write(failure, error.as_ptr().cast(), error.len()) };
    }
    // SAFETY: ends the child at once, without the parent's exit handlers.
    unsafe { libc::_exit(127) }
}

/// Blocks or unblocks all signals.
fn mask_signals(how: i32) {
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the call initialises the whole set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: initialised above; the old mask is not asked for.
    unsafe { libc::sigprocmask(how, all.as_ptr(), std::ptr::null_mut()) };
}

/// Forks a process that keeps some descriptors, so that our own end is not held up by what closing them takes; it ends at once, and the
/// kernel closes them on its time. It lets go of everything else first, or whoever reads our output would wait for it.
pub fn leave_behind(kept: &[OwnedFd]) -> io::Result<()> {
    let mut kept: Vec<u32> = kept.iter().map(|fd| fd.as_raw_fd() as u32).collect();
    kept.sort_unstable();
    // SAFETY: the child calls only `close_range` and `_exit`, and allocates nothing.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            close_all_but(&kept);
            // SAFETY: ends the child at once, without the parent's exit handlers.
            unsafe { libc::_exit(0) }
        }
        _ => Ok(()),
    }
}

/// What a guard needs.
pub struct Guarded<'a> {
    /// A pipe; we alone have its other end. A byte tells the guard that it is not needed any more, its end that we are gone.
    pub life: BorrowedFd<'a>,
    /// A handle of the process that programs of ours may have stopped.
    pub process: BorrowedFd<'a>,
    /// A map of one value.
    pub gate: BorrowedFd<'a>,
    /// The value that keeps programs from stopping anybody.
    pub closed: &'a [u64],
}

/// Forks a process that lets the guarded one go on when we are gone and did not say that all is well. Only SIGKILL ends it before that.
pub fn leave_guard(guarded: &Guarded<'_>) -> io::Result<Pid> {
    let mut kept = [guarded.life, guarded.process, guarded.gate].map(|fd| fd.as_raw_fd() as u32);
    kept.sort_unstable();
    // SAFETY: the child makes system calls only, each safe after fork, and allocates nothing.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        mask_signals(libc::SIG_BLOCK);
        // Neither a signal to our whole process group nor one by our name is meant for it.
        let _ = setsid().and(set_name(c"rbtrace-guard"));
        close_all_but(&kept);
        if rustix::io::read(guarded.life, &mut [0]) == Ok(0) {
            let_go_on(guarded);
        }
        // SAFETY: ends the child at once, without the parent's exit handlers.
        unsafe { libc::_exit(0) };
    }
    Pid::from_raw(pid).filter(|_| pid > 0).ok_or_else(io::Error::last_os_error)
}

/// Programs of ours may still run: what holds them is closed one by one when a process ends, and in no order that we know.
fn let_go_on(guarded: &Guarded<'_>) {
    let _ = maps::set(guarded.gate, &[0; 4], guarded.closed);
    // Waits for the kernel's grace period: whoever found the gate open has stopped the process by then.
    let _ = membarrier(MembarrierCommand::Global);
    let _ = pidfd_send_signal(guarded.process, Signal::CONT);
}

/// Closes all descriptors but those, which are sorted.
fn close_all_but(kept: &[u32]) {
    let mut first = 0;
    for &fd in kept {
        close_range(first, fd);
        first = fd + 1;
    }
    close_range(first, u32::MAX);
}

/// Closes the descriptors `first..end`.
fn close_range(first: u32, end: u32) {
    if first < end {
        // SAFETY: descriptors by number, of a process that uses none of them any more.
        unsafe { libc::syscall(libc::SYS_close_range, first, end - 1, 0) };
    }
}
