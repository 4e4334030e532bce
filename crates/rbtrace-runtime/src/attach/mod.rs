//! [`Loaded`] → [`Attached`]: every traced program is put where its plan says. One file per mechanism; this one keeps the order and what
//! happens when an attach point is missing.

pub mod handed;
pub mod iterator;
pub mod kprobe;
mod perf_event;
mod raw_tracepoint;
pub mod test_run;
mod tracepoint;
pub mod trampoline;
pub mod trial;
pub mod uprobe;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result, bail};
use rbtrace_host::Host;
use rbtrace_ir::{AttachPlan, ProgramDecl, Watched};

use crate::attach::iterator::Iterator;
use crate::load::{Loaded, Program};
use crate::sys::{fork, perf, signal};

/// Programs at their places. Dropping it takes them away.
#[derive(Debug, Default)]
pub struct Attached {
    /// Attach points of traced programs.
    pub probes: usize,
    /// What could not be attached and was left out.
    pub missing: Vec<String>,
    /// What else is to be said of it.
    pub notes: Notes,
    /// What is still to be gone through, in the script's order.
    pub iterators: Vec<Iterator>,
    /// Handles that let go at once.
    quick: Vec<OwnedFd>,
    /// Handles whose closing waits for the kernel's grace periods, 30 to 120 ms each.
    slow: Vec<OwnedFd>,
}

/// What is said of attached programs.
#[derive(Debug, Default)]
pub struct Notes {
    /// What is attached elsewhere than the script says.
    pub elsewhere: Vec<String>,
    /// How many places of the kernel have links of their own, where newer kernels would have one for all.
    pub kernel_one_by_one: usize,
    /// The same for places in programs.
    pub programs_one_by_one: usize,
}

/// What one mechanism made.
enum Handle {
    Iterator(Iterator),
    Quick(Vec<OwnedFd>),
    Slow(Vec<OwnedFd>),
}

impl Loaded<'_> {
    /// Attaches the traced programs. `missing_probes` of the configuration says whether a place that does not exist is an error.
    pub fn attach(&self, host: &Host, missing_probes: &str) -> Result<Attached> {
        let mut attached = Attached { missing: self.missing.clone(), ..Attached::default() };
        // The kernel fires some kinds in the order they were attached and others in reverse; either way the script's order is kept.
        let forward = self.programs.iter().filter(|program| !program.decl.reverse);
        let backward = self.programs.iter().rev().filter(|program| program.decl.reverse);
        for program in forward.chain(backward) {
            let Some(plan) = &program.decl.plan else { continue };
            // Thousands of places take minutes on some kernels: who has lost patience gets what there is.
            if signal::end_was_asked() {
                break;
            }
            match attach(program, plan, host, &mut attached.notes) {
                Ok(handle) => attached.keep(program.decl, handle),
                Err(error) if missing_probes == "error" => return Err(error),
                Err(error) => attached.keep_rest(program, plan, host, error),
            }
        }
        if attached.probes == 0 && !attached.missing.is_empty() {
            bail!("no probe could be attached: {}", attached.missing.join("; "));
        }
        Ok(attached)
    }
}

impl Attached {
    /// Takes away what goes at once; what is left still runs its programs.
    pub fn stop_quick(&mut self) {
        self.quick.clear();
    }

    /// Takes away everything, however long it takes.
    pub fn stop(&mut self) {
        self.quick.clear();
        self.slow.clear();
    }

    /// Whether programs still run after [`Attached::stop_quick`].
    pub fn has_slow(&self) -> bool {
        !self.slow.is_empty()
    }

    /// Leaves what is slow to another process, so that ours ends now. Where no process can be made, our own end waits.
    pub fn abandon(&mut self) {
        self.quick.clear();
        if self.has_slow() {
            let _ = fork::leave_behind(&self.slow);
        }
        self.slow.clear();
    }

    /// Watches memory that was not known before.
    pub fn watch(&mut self, program: &Program<'_>, watched: perf::Breakpoint, pid: Option<u32>) -> Result<()> {
        self.quick.extend(perf_event::attach_breakpoint(program.fd.as_fd(), watched, pid)?);
        Ok(())
    }

    /// Attaches a program that was refused to those of its places that there are, and notes the others.
    fn keep_rest(&mut self, program: &Program<'_>, plan: &AttachPlan, host: &Host, refused: anyhow::Error) {
        let AttachPlan::Kprobe { places, moment } = plan else { return self.missing.push(format!("{refused:#}")) };
        if places.len() < 2 || !kprobe::is_about_place(&refused, host) {
            return self.missing.push(format!("{refused:#}"));
        }
        let (handles, absent) = kprobe::attach_rest(program.fd.as_fd(), places, *moment, host, &mut self.notes);
        handles.into_iter().for_each(|handle| self.hold(handle));
        self.probes += program.decl.probes.len().saturating_sub(absent.len());
        let kind = program.decl.probes.first().and_then(|probe| probe.split(':').next()).unwrap_or_default();
        let tell = |(symbol, why)| format!("Unable to attach probe: {kind}:{symbol}: {why:#}");
        self.missing.extend(absent.into_iter().map(tell));
    }

    fn keep(&mut self, decl: &ProgramDecl, handle: Handle) {
        self.probes += decl.probes.len();
        self.hold(handle);
    }

    fn hold(&mut self, handle: Handle) {
        match handle {
            Handle::Iterator(iterator) => self.iterators.push(iterator),
            Handle::Quick(handles) => self.quick.extend(handles),
            Handle::Slow(handles) => self.slow.extend(handles),
        }
    }
}

fn attach(program: &Program<'_>, plan: &AttachPlan, host: &Host, notes: &mut Notes) -> Result<Handle> {
    let probe = program.decl.probes.first().map_or(program.decl.symbol.as_str(), String::as_str);
    let more = match program.decl.probes.len() {
        0 | 1 => String::new(),
        all => format!(" (or one of {} more)", all - 1),
    };
    put(program.fd.as_fd(), probe, plan, host, notes).with_context(|| format!("Unable to attach probe: {probe}{more}"))
}

/// Attaches a program. Places that are others than the script names are told.
fn put(fd: BorrowedFd<'_>, probe: &str, plan: &AttachPlan, host: &Host, notes: &mut Notes) -> Result<Handle> {
    match plan {
        AttachPlan::RawTracepoint { event, typed } => raw_tracepoint::attach(fd, event, *typed).map(|link| Handle::Quick(vec![link])),
        AttachPlan::Tracepoint { category, event } => tracepoint::attach(fd, category, event, host).map(|event| Handle::Slow(vec![event])),
        AttachPlan::PerfEvent { kind, config, sample, cpus, pid } => {
            perf_event::attach(fd, *kind, *config, *sample, *cpus, *pid).map(Handle::Quick)
        }
        AttachPlan::Iterator { pid, pin, .. } => Iterator::new(fd, probe, *pid, pin.as_deref()).map(Handle::Iterator),
        AttachPlan::Breakpoint { address, length, access, pid } => {
            let Watched::At(address) = *address else { return Ok(Handle::Quick(Vec::new())) };
            perf_event::attach_breakpoint(fd, perf::Breakpoint { address, length: *length, access: *access }, *pid).map(Handle::Quick)
        }
        AttachPlan::Kprobe { places, moment } => kprobe::attach(fd, places, *moment, host, notes),
        AttachPlan::Trampoline { function, .. } => trampoline::attach(fd, function, host).map(|link| Handle::Quick(vec![link])),
        AttachPlan::Uprobe { files, returns, pid } => {
            uprobe::attach(fd, files, uprobe::Wanted { returns: *returns, pid: *pid }, host, notes)
        }
    }
}
