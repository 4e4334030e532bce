//! Processes under watch: their output is collected while they run, every wait has an end, and what overstays is killed and said.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

/// A directory that is removed with its content.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A fresh one.
    pub fn new(name: &str) -> Result<Scratch, String> {
        let path = std::env::temp_dir().join(format!("rbtrace-suite-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Scratch(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in the temporary directory hurts nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a process has done so far.
#[derive(Debug, Default)]
struct State {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    readers: u8,
    has_ended: bool,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

/// A running process.
#[derive(Debug)]
pub struct Running {
    child: Child,
    state: Shared,
    deadline: Instant,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
    /// Its exit code; 128 + the signal that ended it, as shells say.
    pub code: i32,
}

impl Running {
    /// Starts a command with both outputs captured, as the leader of its own group.
    pub fn start(mut command: Command, limit: Duration) -> Result<Running, String> {
        let limit = limit * slower();
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|error| format!("starting {:?}: {error}", command.get_program()))?;
        let state: Shared = Arc::default();
        lock(&state).readers = 2;
        collect(child.stdout.take().expect("it is piped"), &state, |state| &mut state.stdout);
        collect(child.stderr.take().expect("it is piped"), &state, |state| &mut state.stderr);
        watch(pid_of(&child), &state);
        Ok(Running { child, state, deadline: Instant::now() + limit })
    }

    /// Its standard input, once, if it was piped.
    pub fn stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until its standard output holds a text. `Err`: it ended, or the time was over.
    pub fn wait_for(&self, text: &str) -> Result<(), String> {
        let holds = |state: &State| state.stdout.windows(text.len()).any(|window| window == text.as_bytes());
        let state = self.wait_until(|state| holds(state) || state.has_ended && state.readers == 0);
        if holds(&state) { Ok(()) } else { Err(format!("`{text}` was not printed{}", what_was_said(&state))) }
    }

    /// Sends a signal. The process is not reaped before [`Running::finish`], so its number cannot mean another one.
    pub fn signal(&self, signal: Signal) {
        // One that has ended already needs no signal.
        let _ = kill_process(pid_of(&self.child), signal);
    }

    /// Waits for its end and leaves it for [`Running::finish`].
    pub fn wait(&self) -> Result<(), String> {
        let state = self.wait_until(|state| state.has_ended);
        if state.has_ended { Ok(()) } else { Err(format!("it did not end in time{}", what_was_said(&state))) }
    }

    /// Waits for the end, and makes an end of it when the time is over.
    pub fn finish(mut self) -> Result<Finished, String> {
        // What still waits for a word on standard input gets the end of it.
        drop(self.stdin());
        let has_ended = self.wait_until(|state| state.has_ended).has_ended;
        if !has_ended {
            let _ = kill_process_group(pid_of(&self.child), Signal::KILL);
        }
        // Its children may hold the pipes open; they get what is left of the time, and a moment more.
        self.deadline = self.deadline.max(Instant::now() + Duration::from_secs(1));
        drop(self.wait_until(|state| state.readers == 0));
        let status = self.child.wait().map_err(|error| format!("waiting: {error}"))?;
        let state = lock(&self.state);
        if !has_ended {
            return Err(format!("killed: it did not end in time{}", what_was_said(&state)));
        }
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        Ok(Finished { stdout: text(&state.stdout), stderr: text(&state.stderr), code })
    }

    fn wait_until(&self, done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let waited = self.state.1.wait_timeout_while(lock(&self.state), left, |state| !done(state));
        waited.unwrap_or_else(std::sync::PoisonError::into_inner).0
    }
}

/// How much slower than usual this machine is, as `RBTRACE_TEST_SLOW` says: emulated processors take their time.
fn slower() -> u32 {
    std::env::var("RBTRACE_TEST_SLOW").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Reads a pipe to its end in the background.
fn collect(mut pipe: impl Read + Send + 'static, state: &Shared, part: fn(&mut State) -> &mut Vec<u8>) {
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        let mut buffer = [0; 64 << 10];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            part(&mut lock(&state)).extend_from_slice(&buffer[..length]);
            state.1.notify_all();
        }
        lock(&state).readers -= 1;
        state.1.notify_all();
    });
}

/// Notes the end of a process without reaping it.
fn watch(pid: Pid, state: &Shared) {
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {}
        lock(&state).has_ended = true;
        state.1.notify_all();
    });
}

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn what_was_said(state: &State) -> String {
    said(&text(&state.stdout), &text(&state.stderr))
}

/// Both outputs, for messages.
pub fn said(stdout: &str, stderr: &str) -> String {
    let part = |name: &str, text: &str| if text.trim().is_empty() { String::new() } else { format!("\n{name}:\n{}", text.trim_end()) };
    format!("{}{}", part("stdout", stdout), part("stderr", stderr))
}
