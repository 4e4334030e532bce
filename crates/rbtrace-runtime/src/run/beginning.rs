//! Until a run has begun: programs are loaded, what follows processes starts, what is attached is said, the command is let go.

use std::io::Write as _;

use anyhow::Result;
use rbtrace_host::Host;
use rbtrace_ir::{Manifest, Role};
use rbtrace_lang::run::{Message, RunCx as _};
use rbtrace_lang::warnings;

use super::Run;
use crate::load::{Loaded, Open, Rejected};
use crate::processes::Processes;
use crate::session::Session;
use crate::sys::perf::Told;
use crate::{Objects, Options, notify};

/// Printed on stdout once everything is attached, for test drivers that wait for it.
const NOTIFY: &str = "__BPFTRACE_NOTIFY_PROBES_ATTACHED";

/// Loads what was compiled. A program that is too much for the verifier is compiled once more, its values in memory: the verifier does not
/// follow those, and walks once over what it else walks over again for every combination of them.
pub(super) fn load<'m>(objects: Objects<'_>, manifest: &'m Manifest, host: &Host, options: &Options) -> Result<Loaded<'m>> {
    let refused = match Open::new(objects.elf, manifest, options)?.load(host, options, false) {
        Ok(loaded) => return Ok(loaded),
        Err(error) => error,
    };
    let Some(rejected) = refused.downcast_ref::<Rejected>().filter(|rejected| rejected.depends_on_code()) else { return Err(refused) };
    let Some(plainer) = (objects.plainer)() else { return Open::new(objects.elf, manifest, options)?.load(host, options, true) };
    if options.verbose {
        eprintln!("The kernel's verifier refuses a program ({}); compiled again, with its values in memory.", rejected.error);
    }
    let explained = !rejected.log.lines.is_empty();
    let again = Open::new(&plainer, manifest, options)?.load(host, options, true);
    // Its words about the first object tell more of the script.
    again.map_err(|error| if explained { refused } else { error })
}

/// Only names of code that is gone depend on it: where the kernel does not let us (a container without the right to perf events), the run goes
/// on without.
pub(super) fn follow_processes(manifest: &Manifest, pid: Option<u32>, session: &mut Session<'_>) -> Option<Processes> {
    let told = Told { processes: manifest.config.follow_processes, kernel: manifest.config.name_kernel };
    let whose = match (told.processes, told.kernel) {
        (true, true) => "processes that end, and BPF programs that are unloaded,",
        (true, false) => "processes that end",
        (false, true) => "BPF programs that are unloaded",
        (false, false) => return None,
    };
    let followed = Processes::follow(told, pid);
    if let Err(why) = &followed {
        let text = format!("code of {whose} before it is shown will have no names: {why:#}");
        session.warn(&warnings::UNFOLLOWED_PROCESSES, &text);
    }
    followed.ok()
}

impl Run<'_, '_> {
    /// Says what is attached and lets the child go.
    pub(super) fn announce(&mut self, begun: usize) -> Result<()> {
        let count = |wanted: fn(&Role) -> bool| {
            let programs = self.loaded.programs.iter().filter(|program| wanted(&program.decl.role));
            programs.map(|program| program.decl.probes.len()).sum::<usize>()
        };
        let total = begun + count(|role| matches!(role, Role::End | Role::Signal(_))) + self.attached.probes;
        if self.manifest.config.missing_probes == "warn" {
            for missing in &self.attached.missing {
                self.session.warn(&warnings::MISSING_PROBE, &format!("{missing}. Skipping."));
            }
        }
        for elsewhere in &self.attached.notes.elsewhere {
            self.session.warn(&warnings::COMPILER_VARIANT, elsewhere);
        }
        if self.options.verbose {
            let notes = &self.attached.notes;
            for (count, whose) in [(notes.kernel_one_by_one, "the kernel"), (notes.programs_one_by_one, "programs")] {
                if count > 1 {
                    eprintln!(
                        "{count} places in {whose} are attached one by one: this kernel has no links for many, or they were switched off"
                    );
                }
            }
            for program in self.loaded.programs.iter().filter(|program| !program.decl.probes.is_empty()) {
                let (probe, more) = (program.decl.probes.first().map_or("?", String::as_str), program.decl.probes.len().saturating_sub(1));
                let others = if more > 0 { format!(" and {more} more") } else { String::new() };
                eprintln!("Attaching '{probe}' probe{others}");
            }
        }
        if !self.options.quiet {
            self.session.say(|output, line| output.attached(total, line));
            self.session.sink.after_drain();
        }
        if self.options.notify_attached {
            let mut stdout = std::io::stdout();
            // A driver that went away before it was told is not told.
            let _ = writeln!(stdout, "{NOTIFY}").and_then(|()| stdout.flush());
        }
        self.notify(notify::READY);
        self.release_child()?;
        self.pin()
    }

    /// Lets the command run. Where its stacks are unwound its memory is known before its own code runs.
    fn release_child(&mut self) -> Result<()> {
        let Some(mut child) = self.options.child.take() else { return Ok(()) };
        let mut known = Ok(());
        match &mut self.unwinder {
            Some(unwinder) => {
                let mut mappings = self.session.world.symbols().mappings().borrow_mut();
                let pid = child.id();
                child.release_held(|| known = unwinder.refresh_now(pid, &mut mappings))?;
            }
            None => child.release()?,
        }
        self.options.child = Some(child);
        known
    }

    /// Makes files of the iterators that others will read.
    fn pin(&mut self) -> Result<()> {
        for iterator in self.attached.iterators.extract_if(.., |iterator| iterator.pin.is_some()) {
            let path = iterator.pin.as_deref().unwrap_or_default();
            iterator.pin_to(path)?;
            self.session.print(Message::Printf, format!("Program pinned to {path}\n").as_bytes());
        }
        Ok(())
    }
}
