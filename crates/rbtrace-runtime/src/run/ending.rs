//! The end of a run: what was recorded is handled, `end` probes run, results are printed, and only then goes away what takes long.

use std::time::{Duration, Instant};

use anyhow::Result;
use rbtrace_ir::{Manifest, Role};
use rbtrace_lang::warnings;

use super::Run;
use crate::attach::test_run;
use crate::notify;
use crate::ring::Drained;
use crate::session::{Phase, Session};
use crate::sys::bpf;

/// How long records that are left at the end are handled.
const PATIENCE: Duration = Duration::from_secs(1);

impl Run<'_, '_> {
    /// Ends the run; says the exit status.
    pub(super) fn finish(mut self) -> Result<i32> {
        self.notify(notify::STOPPING);
        if !self.handed.is_empty() {
            // A process that is stopped for an address now would wait for ever: none comes any more, and those that came are looked at below.
            self.attached.stop();
        }
        self.attached.stop_quick();
        if self.attached.has_slow() {
            let gated = self.session.maps.set_internal(Manifest::GATE_MAP, 1)?;
            let ends = self.loaded.programs.iter().any(|program| program.decl.role == Role::End);
            if !gated && ends {
                // What an `end` probe clears must not come back.
                self.attached.stop();
            }
        }
        self.drain_rest(if self.session.is_over() { Phase::Discarding } else { Phase::Running })?;
        test_run::run(self.loaded, Role::End)?;
        self.drain_rest(Phase::Ending)?;
        self.report_losses()?;
        if !self.session.sink.is_broken() {
            self.session.output.before_maps(&mut self.session.sink.buffer);
            if self.manifest.config.print_maps_on_exit {
                self.session.print_maps()?;
            }
        }
        self.session.output.end(&mut self.session.sink.buffer);
        self.session.sink.flush();
        self.summarize();
        let result = self.session.sink.finish();
        let code = self.end_child()?;
        let asked = self.session.maps.internal(Manifest::EXIT_MAP)?.map(|code| code as i32);
        self.handed.end();
        self.attached.abandon();
        result.map(|()| self.session.exit_code.or(asked).unwrap_or(code))
    }

    /// Handles what is in the ring, and no more than the ring can hold: programs that are slow to detach may still fill it. Records whose
    /// handling takes long (a shell command each) do not keep the user waiting: after a while the rest is dropped, and said to be.
    pub(crate) fn drain_rest(&mut self, phase: Phase) -> Result<()> {
        self.session.phase = phase;
        let most = self.session.seen + u64::from(self.manifest.config.ring_bytes);
        let patience = Instant::now() + PATIENCE;
        while self.drain()? != Drained::Nothing && self.session.seen <= most {
            if phase == Phase::Running && (self.session.is_over() || Instant::now() >= patience) {
                self.session.phase = Phase::Discarding;
            }
        }
        let dropped = std::mem::take(&mut self.session.dropped);
        let is_said = !self.manifest.config.held_back.names(warnings::LOST_EVENTS.code);
        if dropped > 0 && is_said && phase == Phase::Running && !self.session.is_over() {
            self.session.say(|output, line| output.lost(dropped, line));
        }
        Ok(())
    }

    pub(crate) fn report_losses(&mut self) -> Result<()> {
        self.say_complaints();
        let Session { maps, output, sink, .. } = &mut self.session;
        self.losses.report(maps, output.as_ref(), sink)
    }

    /// Servers that could not be asked for names.
    fn say_complaints(&mut self) {
        for complaint in self.session.world.complaints() {
            self.session.warn(&warnings::UNREAD_FILE, &complaint);
        }
    }

    fn summarize(&mut self) {
        self.say_complaints();
        // A kernel that does not count them has nothing to say.
        let misses = self.loaded.programs.iter().map(|program| bpf::recursion_misses(&program.fd).unwrap_or(0)).sum();
        let Session { output, sink, .. } = &mut self.session;
        self.losses.summary(misses, output.as_ref(), sink);
    }

    /// Ends the command of `-c`, or tells how it ended. A run's own exit status does not depend on it.
    fn end_child(&self) -> Result<i32> {
        let Some(child) = &self.options.child else { return Ok(0) };
        child.terminate();
        if let Some(status) = child.outcome()?
            && self.options.verbose
        {
            eprintln!("child exited with status {status}");
        }
        Ok(0)
    }
}
