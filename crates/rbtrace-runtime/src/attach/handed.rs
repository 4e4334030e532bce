//! Watchpoints whose addresses are found out while the script runs: a program leaves them in a map and stops the process.
//!
//! Why stop it at all? Only user space can set a breakpoint, and what the function does meanwhile would be missed. Nobody else wakes the
//! process, so a guard does should rbtrace be killed.

use std::collections::HashSet;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use anyhow::{Context, Result};
use libbpf_rs::MapCore as _;
use rbtrace_ir::{AttachPlan, Manifest, Watched};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::Attached;
use crate::load::{Loaded, Program};
use crate::maps::Maps;
use crate::sys::fork::{self, Guarded};
use crate::sys::perf::Breakpoint;

/// The watchpoints of a script that are handed their addresses. Dropping it without [`Handed::end`] has the guard let the process go on.
#[derive(Debug)]
pub struct Handed {
    /// The programs, by their place among all.
    programs: Vec<usize>,
    /// Which program, and which address.
    known: HashSet<(usize, u64)>,
    /// The guard, and what it waits at.
    guard: Option<(Pid, OwnedFd)>,
}

impl Handed {
    /// Those of a script, about a process. To be made before the script is attached.
    pub fn new(loaded: &Loaded<'_>, maps: &Maps<'_>, process: Option<BorrowedFd<'_>>) -> Result<Handed> {
        let is_handed = |program: &Program<'_>| matches!(program.decl.plan, Some(AttachPlan::Breakpoint { address: Watched::Left(_), .. }));
        let programs =
            loaded.programs.iter().enumerate().filter(|(_, program)| is_handed(program)).map(|(index, _)| index).collect::<Vec<_>>();
        let guard = process.filter(|_| !programs.is_empty()).map(|process| guard(maps, process)).transpose()?;
        Ok(Handed { programs, known: HashSet::new(), guard })
    }

    /// Nobody is stopped any more.
    pub fn end(&mut self) {
        if let Some((pid, guard)) = self.guard.take() {
            // One that was killed is not there to be told, only to be buried.
            let _ = rustix::io::write(guard, &[1]);
            let _ = waitpid(Some(pid), WaitOptions::empty());
        }
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }

    /// Watches what was left since the last time, and lets the process go on. Gives what could not be watched, in words.
    pub fn watch(&mut self, loaded: &Loaded<'_>, attached: &mut Attached) -> Result<Vec<String>> {
        let mut refused = Vec::new();
        let mut stopped = HashSet::new();
        for &index in &self.programs {
            let program = &loaded.programs[index];
            let Some(AttachPlan::Breakpoint { address: Watched::Left(map), length, access, pid }) = &program.decl.plan else { continue };
            for address in addresses(loaded, map)? {
                if !self.known.insert((index, address)) {
                    continue;
                }
                stopped.extend(*pid);
                let watched = Breakpoint { address, length: *length, access: *access };
                if let Err(error) = attached.watch(program, watched, *pid) {
                    refused.push(format!("{} cannot watch {address:#x}: {error:#}", name(program)));
                }
            }
        }
        stopped.into_iter().for_each(go_on);
        Ok(refused)
    }
}

/// Makes the guard; what is given back ends with us.
fn guard(maps: &Maps<'_>, process: BorrowedFd<'_>) -> Result<(Pid, OwnedFd)> {
    let (gate, closed) = maps.internal_set_to(Manifest::GATE_MAP, 1).context("programs that stop a process have a gate")?;
    let (life, ours) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).context("making a pipe")?;
    let guarded = Guarded { life: life.as_fd(), process, gate, closed: &closed };
    let pid = fork::leave_guard(&guarded).context("making a process that guards the traced one")?;
    Ok((pid, ours))
}

fn name<'p>(program: &Program<'p>) -> &'p str {
    program.decl.probes.first().map_or("?", String::as_str)
}

fn addresses(loaded: &Loaded<'_>, map: &str) -> Result<Vec<u64>> {
    let map = loaded.map(map).with_context(|| format!("the map {map} is gone"))?;
    Ok(map.keys().filter_map(|key| key.try_into().ok().map(u64::from_ne_bytes)).collect())
}

fn go_on(process: u32) {
    // One that has ended needs nothing.
    if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::CONT);
    }
}
