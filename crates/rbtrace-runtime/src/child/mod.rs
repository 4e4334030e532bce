//! The process a run is about: a command of ours that waits until everything is attached (`-c`), or somebody else's (`-p`).

mod start;

use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid};

use crate::sys::{fork, ptrace};

/// A command that has a process but does not run yet. Dropping it before [`StoppedChild::release`] ends it.
#[derive(Debug)]
pub struct StoppedChild {
    command: String,
    program: PathBuf,
    pid: Pid,
    pidfd: OwnedFd,
    /// Where the process waits for a byte.
    gate: Option<OwnedFd>,
    /// Where it says why it could not become the command.
    failure: OwnedFd,
}

/// Makes the process of a command: words are split at spaces, without any quoting; the first is looked up in `PATH`.
///
/// It waits between `fork` and `exec`, so that a tracer that is attached meanwhile sees its `execve` too.
pub fn spawn_stopped(command: &str) -> Result<StoppedChild> {
    let words = command.split(' ').filter(|word| !word.is_empty());
    let arguments: Vec<CString> = words.map(CString::new).collect::<Result<_, _>>().context("the command contains a NUL character")?;
    let program = arguments.first().map(|first| OsStr::from_bytes(first.as_bytes())).unwrap_or_default();
    let path = look_up(program, env::var_os("PATH"))?;
    // What cannot be resolved will not run either, and then says why.
    let program = path.canonicalize().unwrap_or_else(|_| path.clone());
    let path = CString::new(path.into_os_string().into_vec()).context("the command contains a NUL character")?;
    let (wait, gate) = pipe()?;
    let (failure, fail) = pipe()?;
    let pid = fork::start_behind(&wait, &gate, &fail, &path, &arguments).with_context(|| format!("starting `{command}`"))?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).with_context(|| format!("watching `{command}`"))?;
    Ok(StoppedChild { command: command.to_owned(), program, pid, pidfd, gate: Some(gate), failure })
}

impl StoppedChild {
    /// Its id.
    pub fn id(&self) -> u32 {
        self.pid.as_raw_pid() as u32
    }

    /// The file that it becomes.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The files that it may run: those that words of it mean. A program may begin another one whose name it was given, as `env` does.
    pub fn programs(&self) -> Vec<PathBuf> {
        let words = self.command.split(' ').filter(|word| !word.is_empty());
        words.filter_map(|word| look_up(OsStr::new(word), env::var_os("PATH")).ok()).collect()
    }

    /// Lets it run.
    pub fn release(&mut self) -> Result<()> {
        let Some(gate) = self.gate.take() else { return Ok(()) };
        rustix::io::write(gate, &[1]).with_context(|| format!("starting `{}`", self.command))?;
        Ok(())
    }

    /// Lets it run, but holds it where its program begins, its libraries in memory, while `ready` is called. Where the kernel does not let us, it
    /// just runs.
    pub fn release_held(&mut self, ready: impl FnOnce()) -> Result<()> {
        let is_seized = ptrace::seize(self.pid).is_ok();
        self.release()?;
        if is_seized {
            start::hold(self, ready);
        }
        Ok(())
    }

    /// Once it has ended: its exit status, or why it never became the command.
    pub fn outcome(&self) -> Result<Option<i32>> {
        let mut number = [0; 4];
        if rustix::io::read(&self.failure, &mut number) == Ok(number.len()) {
            let error = io::Error::from_raw_os_error(i32::from_ne_bytes(number));
            return Err(anyhow!(error).context(format!("starting `{}`", self.command)));
        }
        Ok(waitpid(Some(self.pid), WaitOptions::NOHANG).ok().flatten().and_then(|(_, status)| status.exit_status()))
    }

    /// Asks it to end, if it still runs.
    pub fn terminate(&self) {
        if matches!(waitpid(Some(self.pid), WaitOptions::NOHANG), Ok(None)) {
            let _ = kill_process(self.pid, Signal::TERM);
        }
    }
}

impl AsFd for StoppedChild {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Watches another process; its end makes the descriptor readable.
pub fn watch(pid: u32) -> Result<OwnedFd> {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).with_context(|| format!("{pid} is no process id"))?;
    pidfd_open(number, PidfdFlags::empty()).with_context(|| format!("watching process {pid}"))
}

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).context("making a pipe")
}

/// The file that a command's first word means.
fn look_up(program: &OsStr, path: Option<OsString>) -> Result<PathBuf> {
    if program.is_empty() {
        bail!("the command is empty");
    }
    let candidates: Vec<PathBuf> = match program.as_bytes().contains(&b'/') {
        true => vec![program.into()],
        false => env::split_paths(&path.unwrap_or_default()).map(|directory| directory.join(program)).collect(),
    };
    let mut found = None;
    for candidate in candidates {
        match candidate.metadata() {
            Ok(metadata) if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 => return Ok(candidate),
            Ok(_) => found = Some(ErrorKind::PermissionDenied),
            Err(_) => {}
        }
    }
    let name = program.to_string_lossy();
    match found {
        Some(_) => bail!("`{name}` is not an executable file"),
        None => bail!("the command `{name}` does not exist"),
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    #[test]
    fn commands_are_looked_up() {
        let path = || Some(OsString::from("/nonexistent:/bin:/usr/bin"));
        assert!(look_up(OsStr::new("sh"), path()).expect("everybody has a shell").ends_with("sh"));
        let message = |program: &str| look_up(OsStr::new(program), path()).expect_err("no such program").to_string();
        assert_eq!(message("no-such-command"), "the command `no-such-command` does not exist");
        assert_eq!(message("/etc/passwd"), "`/etc/passwd` is not an executable file");
        assert_eq!(message("/"), "`/` is not an executable file");
        assert_eq!(message(""), "the command is empty");
    }

    /// Whether it ends within that time; `None`: however long it takes.
    fn ends(child: &StoppedChild, within: Option<Timespec>) -> bool {
        let mut fds = [PollFd::new(child, PollFlags::IN)];
        poll(&mut fds, within.as_ref()).expect("polling works") > 0
    }

    #[test]
    fn a_command_waits_until_it_is_released() {
        let mut child = spawn_stopped("sh -c true").expect("everybody has a shell");
        assert!(!ends(&child, Some(Timespec { tv_sec: 0, tv_nsec: 0 })), "it must not run yet");
        child.release().expect("it waits");
        assert!(ends(&child, None));
        assert_eq!(child.outcome().expect("it ran"), Some(0));
        let names: Vec<_> = child.programs().into_iter().filter_map(|path| path.file_name().map(OsStr::to_owned)).collect();
        assert_eq!(names, ["sh", "true"]);
    }

    #[test]
    fn a_command_that_is_given_up_ends() {
        let mut child = spawn_stopped("sh").expect("everybody has a shell");
        child.gate = None;
        assert!(ends(&child, None));
        assert_eq!(child.outcome().expect("nothing failed"), Some(127));
    }
}
