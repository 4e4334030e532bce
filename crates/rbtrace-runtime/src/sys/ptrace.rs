//! Holding a process of ours: `ptrace`.

use std::io;

use rustix::process::Pid;

/// From now on the process stops when it begins a program and when it gets a signal.
pub fn seize(pid: Pid) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, pid, libc::PTRACE_O_TRACEEXEC as usize)
}

/// Lets a stopped process go on until it stops again; it gets the signal, unless that is 0.
pub fn go_on(pid: Pid, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_CONT, pid, signal as usize)
}

/// Stops a process that runs.
pub fn interrupt(pid: Pid) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT, pid, 0)
}

/// Lets a stopped process go for good.
pub fn let_go(pid: Pid, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_DETACH, pid, signal as usize)
}

fn request(what: libc::c_uint, pid: Pid, data: usize) -> io::Result<()> {
    // SAFETY: these requests take numbers by value and touch no memory of ours.
    let done = unsafe { libc::ptrace(what, pid.as_raw_pid(), 0usize, data) };
    if done == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
