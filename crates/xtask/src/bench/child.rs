//! One finished child and what it has used. Knows wait4, which the standard library does not offer.

use std::process::Child;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Nothing that is measured takes longer; what does hangs.
const LIMIT: Duration = Duration::from_secs(180);

/// What a process has used, from its start to its end.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Seconds by the clock on the wall.
    pub wall: f64,
    /// Seconds of processor time, its own and the kernel's for it.
    pub cpu: f64,
    /// Peak resident memory in MiB. At least this program's own: a child starts as a copy of its parent.
    pub rss: f64,
    /// Whether it ended with status 0.
    pub success: bool,
}

/// Waits for a child that was started at `start`; one that hangs is killed.
pub fn wait(child: Child, start: Instant) -> Result<Usage> {
    let (ended, watch) = mpsc::channel::<()>();
    let pid = pid(&child);
    let watchdog = std::thread::spawn(move || {
        if watch.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            // It may have ended by itself just now.
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let usage = wait4(pid, start);
    drop(ended);
    watchdog.join().expect("the watchdog does not panic");
    usage
}

/// Sends ^C.
pub fn interrupt(child: &Child) -> Result<()> {
    kill_process(pid(child), Signal::INT).context("interrupting a tool")
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn wait4(pid: Pid, start: Instant) -> Result<Usage> {
    let mut status = 0;
    let mut used = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are to live locals of the types that wait4 writes.
        let waited = unsafe { libc::wait4(pid.as_raw_nonzero().get(), &mut status, 0, used.as_mut_ptr()) };
        if waited > 0 {
            break;
        }
        let error = std::io::Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            bail!("waiting for a tool: {error}");
        }
    }
    let wall = start.elapsed().as_secs_f64();
    // SAFETY: `rusage` is integers only, zeroed above and filled by wait4.
    let used = unsafe { used.assume_init() };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let cpu = seconds(used.ru_utime) + seconds(used.ru_stime);
    let success = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
    Ok(Usage { wall, cpu, rss: used.ru_maxrss as f64 / 1024.0, success })
}
