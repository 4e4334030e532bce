//! Where a command's program begins: its libraries are in memory then, and none of its own code has run. It is held there for a moment, so that
//! what is to be known of its memory is known before the first event.
//!
//! Why not earlier? When `execve` returns, the libraries are not there. Why not later? There is no later moment that every program has.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::StoppedChild;
use crate::sys::ptrace;

/// Libraries that begin with much work are not waited for longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// An instruction that is none: the program stands at it, and goes on there when the true one is back.
#[cfg(target_arch = "x86_64")]
const ILLEGAL: &[u8] = &[0x0f, 0x0b];
#[cfg(not(target_arch = "x86_64"))]
const ILLEGAL: &[u8] = &[0; 4];

/// Where the program will stop, and what was there.
struct Trap {
    memory: File,
    at: u64,
    before: Vec<u8>,
}

/// Why a process stands.
enum Stop {
    /// It began a program.
    Began,
    /// It is about to get this signal.
    Signal(i32),
    /// It was told to.
    Told,
    /// It did not within the time.
    Late,
    /// It has ended.
    Gone,
}

/// Follows a command that was seized and let go until its program begins, and calls `ready` while it stands there. Whatever goes wrong on the way: the
/// command runs on, and only its first events are not known in full.
pub(super) fn hold(child: &StoppedChild, ready: impl FnOnce()) {
    let deadline = Instant::now() + PATIENCE;
    let mut trap = None;
    let mut ready = Some(ready);
    loop {
        let signal = match stop(child, deadline) {
            Stop::Gone => return,
            Stop::Late => match ptrace::interrupt(child.pid) {
                Ok(()) => continue,
                Err(_) => return,
            },
            Stop::Told => break,
            Stop::Began => {
                trap = Trap::set(child.pid);
                if trap.is_none() {
                    break;
                }
                0
            }
            Stop::Signal(libc::SIGILL) if trap.is_some() => {
                if let Some(ready) = ready.take() {
                    ready();
                }
                break;
            }
            Stop::Signal(signal) => signal,
        };
        if ptrace::go_on(child.pid, signal).is_err() {
            return;
        }
    }
    if let Some(trap) = trap {
        trap.remove();
    }
    // Where it stood for another reason than ours it stands again.
    let _ = ptrace::let_go(child.pid, 0);
}

/// Waits until the process stands.
fn stop(child: &StoppedChild, deadline: Instant) -> Stop {
    const EXEC: i32 = libc::SIGTRAP | libc::PTRACE_EVENT_EXEC << 8;
    loop {
        match waitid(WaitId::Pid(child.pid), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG) {
            Ok(Some(status)) => {
                return match status.trapping_signal().or(status.stopping_signal()) {
                    Some(EXEC) => Stop::Began,
                    Some(event) if event >> 8 == libc::PTRACE_EVENT_STOP => Stop::Told,
                    Some(signal) if signal >> 8 == 0 => Stop::Signal(signal),
                    Some(_) | None => Stop::Told,
                };
            }
            Ok(None) => {}
            Err(_) => return Stop::Gone,
        }
        // Nothing tells of a stop but the wait itself, which knows no deadline: looked at again and again, for the moment that a start takes.
        let pause = Timespec { tv_sec: 0, tv_nsec: 200_000 };
        if poll(&mut [PollFd::new(child, PollFlags::IN)], Some(&pause)).is_ok_and(|ended| ended > 0) {
            return Stop::Gone;
        }
        if Instant::now() > deadline {
            return Stop::Late;
        }
    }
}

impl Trap {
    fn set(pid: Pid) -> Option<Self> {
        let pid = pid.as_raw_pid();
        let at = entry(&std::fs::read(format!("/proc/{pid}/auxv")).ok()?)?;
        let memory = File::options().read(true).write(true).open(format!("/proc/{pid}/mem")).ok()?;
        let mut before = vec![0; ILLEGAL.len()];
        memory.read_exact_at(&mut before, at).ok()?;
        memory.write_all_at(ILLEGAL, at).ok()?;
        Some(Self { memory, at, before })
    }

    fn remove(&self) {
        // A process that is gone, or has become another program, has no trap any more.
        let _ = self.memory.write_all_at(&self.before, self.at);
    }
}

/// The entry point of a program, from what the kernel tells the process: pairs of words.
fn entry(words: &[u8]) -> Option<u64> {
    const AT_ENTRY: u64 = 9;
    let (words, _) = words.as_chunks::<8>();
    let mut pairs = words.chunks_exact(2).map(|pair| (u64::from_ne_bytes(pair[0]), u64::from_ne_bytes(pair[1])));
    pairs.find(|(key, _)| *key == AT_ENTRY).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::spawn_stopped;

    #[test]
    fn a_command_stands_where_its_program_begins() {
        let mut child = spawn_stopped("sh -c true").expect("everybody has a shell");
        let mut maps = String::new();
        let pid = child.id();
        child.release_held(|| maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("it stands")).expect("it waits");
        assert!(maps.contains("libc"), "its libraries are there: {maps}");
        poll(&mut [PollFd::new(&child, PollFlags::IN)], None).expect("polling works");
        assert_eq!(child.outcome().expect("it ran"), Some(0));
    }

    #[test]
    fn the_entry_is_among_pairs() {
        let words: Vec<u8> = [3u64, 9, 9, 0x1234, 0, 0].iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(entry(&words), Some(0x1234));
        assert_eq!(entry(&words[..16]), None);
        assert_eq!(entry(&[9]), None);
    }
}
