//! Watchpoints whose addresses are found out while the script runs: a program leaves them in a map and stops the process.

use std::collections::HashSet;

use anyhow::{Context, Result};
use libbpf_rs::MapCore as _;
use rbtrace_ir::{AttachPlan, Watched};
use rustix::process::{Pid, Signal, kill_process};

use super::Attached;
use crate::load::{Loaded, Program};
use crate::sys::perf::Breakpoint;

/// The watchpoints of a script that are handed their addresses.
#[derive(Debug)]
pub struct Handed {
    /// The programs, by their place among all.
    programs: Vec<usize>,
    /// Which program, and which address.
    known: HashSet<(usize, u64)>,
}

impl Handed {
    /// Those of a script.
    pub fn new(loaded: &Loaded<'_>) -> Handed {
        let is_handed = |program: &Program<'_>| matches!(program.decl.plan, Some(AttachPlan::Breakpoint { address: Watched::Left(_), .. }));
        let programs = loaded.programs.iter().enumerate().filter(|(_, program)| is_handed(program)).map(|(index, _)| index).collect();
        Handed { programs, known: HashSet::new() }
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
