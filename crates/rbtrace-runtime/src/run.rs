//! The course of a run (SPEC §9.2): load, begin, attach, events, end, maps. Decides what happens when; how is everybody else's.

use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rbtrace_host::Host;
use rbtrace_ir::{AttachPlan, EventDecl, Layout, Manifest, ProgramDecl, RECORD_HEADER, Role};
use rbtrace_lang::run::{Message, RunCx as _};
use rbtrace_lang::warnings;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::attach::handed::Handed;
use crate::attach::iterator::{self, Reading};
use crate::attach::{Attached, test_run};
use crate::load::{Loaded, Open, Rejected};
use crate::losses::Losses;
use crate::maps::{Maps, Sweeps};
use crate::processes::Processes;
use crate::ring::{Drained, Ring};
use crate::session::{Phase, Session};
use crate::sys::bpf;
use crate::sys::perf::Told;
use crate::sys::signal::{self, Signals};
use crate::unwind::Unwinder;
use crate::{Objects, Options, child, notify, trials, world};

/// Printed on stdout once everything is attached, for test drivers that wait for it.
const NOTIFY: &str = "__BPFTRACE_NOTIFY_PROBES_ATTACHED";
/// How often losses are looked at.
const LOSS_INTERVAL: Duration = Duration::from_secs(1);
/// After records arrived, the next look is this much later: a fast producer then costs few wake-ups.
const PAUSE: Duration = Duration::from_millis(1);

/// How long records that are left at the end are handled.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs a compiled script to its end; says the exit status.
pub fn run(objects: Objects<'_>, manifest: &Manifest, host: &Host, mut options: Options) -> Result<i32> {
    let signals = Signals::watch(watched_signals(manifest)).context("watching for signals")?;
    let mut loaded = load(objects, manifest, host, &options)?;
    let maps = Maps::new(manifest, std::mem::take(&mut loaded.maps))?;
    if options.dry_run {
        loaded.attach(host, &manifest.config.missing_probes)?.abandon();
        return Ok(0);
    }
    let watched = options.pid.map(child::watch).transpose()?;
    let mut session = Session::new(manifest, host, maps, &options)?;
    let map = |name| loaded.map(name).map(|map| map.as_fd().try_clone_to_owned()).transpose();
    let ring = map(Manifest::RING_MAP)?.map(|map| Ring::new(map, manifest.config.ring_bytes)).transpose()?;
    let losses = Losses::new(manifest, map(Manifest::LOSS_MAP)?);
    session.maps.set_internal(Manifest::START_MAP, world::boot_ns())?;
    session.maps.set_internal(Manifest::TAI_MAP, world::tai_offset())?;
    let processes = follow_processes(manifest, options.pid, &mut session);
    let unwinder = Unwinder::start(manifest, &loaded, session.world.symbols().mappings(), &options)?;
    let begun = test_run::run(&loaded, Role::Begin)?;
    let attached = loaded.attach(host, &manifest.config.missing_probes)?;
    let mut run = Run {
        manifest,
        loaded: &loaded,
        attached,
        handed: Handed::new(&loaded),
        session,
        ring,
        processes,
        unwinder,
        losses,
        signals,
        watched,
        options: &mut options,
    };
    if trials::wanted(manifest) {
        return run.trials();
    }
    if manifest.config.name_kernel {
        run.session.world.symbols().prepare_kernel();
    }
    // That of `-p` may end as soon as somebody knows that we are here.
    run.meet_processes();
    run.announce(begun)?;
    run.watch()?;
    run.finish()
}

/// Only names of code that is gone depend on it: where the kernel does not let us (a container without the right to perf events), the run goes
/// on without.
fn follow_processes(manifest: &Manifest, pid: Option<u32>, session: &mut Session<'_>) -> Option<Processes> {
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

/// Loads what was compiled. A program that is too much for the verifier is compiled once more, its values in memory: the verifier does not
/// follow those, and walks once over what it else walks over again for every combination of them.
fn load<'m>(objects: Objects<'_>, manifest: &'m Manifest, host: &Host, options: &Options) -> Result<Loaded<'m>> {
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

/// A run whose probes are attached.
pub(crate) struct Run<'a, 'm> {
    pub(crate) manifest: &'m Manifest,
    pub(crate) loaded: &'a Loaded<'m>,
    attached: Attached,
    handed: Handed,
    pub(crate) session: Session<'m>,
    ring: Option<Ring>,
    processes: Option<Processes>,
    unwinder: Option<Unwinder>,
    losses: Losses<'m>,
    signals: Signals,
    /// The process of `-p`.
    watched: Option<OwnedFd>,
    options: &'a mut Options,
}

/// What a wait found.
#[derive(Debug, Default)]
struct Woken {
    records: bool,
    signal: bool,
    /// The traced process ended.
    ended: bool,
    /// Nobody reads our output any more.
    unread: bool,
}

impl Run<'_, '_> {
    /// Says what is attached and lets the child go.
    fn announce(&mut self, begun: usize) -> Result<()> {
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

    fn notify(&mut self, state: &str) {
        if let Some(why) = notify::tell(self.options.notify_socket.as_deref(), state) {
            self.session.warn(&warnings::NOT_NOTIFIED, &why);
        }
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

    /// Goes through the iterators; says whether the run is over. What their programs send is handled while they are read, so that none of it is
    /// lost however much it is.
    fn iterate(&mut self) -> Result<bool> {
        let bytes = self.bytes_per_turn();
        for iterator in std::mem::take(&mut self.attached.iterators) {
            let reader = iterator.open()?;
            while iterator::step(&reader, bytes)? == Reading::More {
                while self.drain()? != Drained::Nothing && !self.session.is_over() {}
                let woken = self.wait(false, Duration::ZERO)?;
                if self.session.is_over() || woken.unread || woken.ended || (woken.signal && self.signals_end_the_run()?) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// How many objects (they write a byte each) are gone through before the ring is looked at. It has room for much more than they send, but
    /// for those that send the same again and again.
    fn bytes_per_turn(&self) -> usize {
        const SLACK: u32 = 16;
        const MOST: u32 = 4096;
        let record = |event: &EventDecl| RECORD_HEADER + Layout::of(&event.args).size;
        let records: u32 = self.manifest.events.iter().map(record).fold(1, u32::saturating_add);
        (self.manifest.config.ring_bytes / records / SLACK).clamp(1, MOST) as usize
    }

    /// Handles records and signals until something ends the run.
    fn watch(&mut self) -> Result<()> {
        if self.iterate()? {
            return Ok(());
        }
        let waits = self.loaded.programs.iter().any(|program| waits(program.decl));
        let (mut busy, mut pause) = (true, Duration::ZERO);
        let mut unmet = true;
        let (mut next_losses, mut sweeps) = (Instant::now() + LOSS_INTERVAL, Sweeps::new());
        loop {
            let until_losses = next_losses.saturating_duration_since(Instant::now());
            let timeout = match (unmet, busy) {
                (true, _) => Duration::ZERO,
                (false, true) => pause.min(until_losses),
                (false, false) => until_losses,
            };
            let woken = self.wait(!busy, timeout)?;
            self.tell_processes()?;
            self.unwind()?;
            unmet = self.meet_processes();
            if busy || woken.records {
                let drained = self.drain()?;
                busy = drained != Drained::Nothing;
                pause = if drained == Drained::Much { Duration::ZERO } else { PAUSE };
            }
            let over = self.session.is_over() || woken.unread || woken.ended || (!waits && !busy);
            if over || (woken.signal && self.signals_end_the_run()?) {
                return Ok(());
            }
            // Records that wait may refer to stacks.
            if !busy {
                sweeps.turn(&self.session.maps, self.session.world.stacks())?;
            }
            if Instant::now() >= next_losses {
                next_losses += LOSS_INTERVAL;
                self.report_losses()?;
                self.look_at_names();
                if self.exit_unsaid()? && !busy {
                    return Ok(());
                }
            }
        }
    }

    /// Whether a program ended the run and its record was lost.
    fn exit_unsaid(&mut self) -> Result<bool> {
        let code = self.session.maps.internal(Manifest::EXIT_MAP)?;
        Ok(code.is_some() && self.session.exit_code.is_none())
    }

    fn wait(&self, for_records: bool, timeout: Duration) -> Result<Woken> {
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN), PollFd::new(&self.session.sink, PollFlags::empty())];
        let process = self.options.child.as_ref().map(AsFd::as_fd).or(self.watched.as_ref().map(AsFd::as_fd));
        let process = process.map(|fd| (fds.len(), fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN))).0);
        let ring = self.ring.as_ref().filter(|_| for_records).map(AsFd::as_fd);
        let ring = ring.map(|fd| (fds.len(), fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN))).0);
        if let Some(processes) = &self.processes {
            fds.push(PollFd::new(processes, PollFlags::IN));
        }
        if let Some(unwinder) = &self.unwinder {
            fds.push(PollFd::new(unwinder, PollFlags::IN));
        }
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: i64::from(timeout.subsec_nanos()) };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("waiting for events"),
        }
        let ready = |at: usize, flags: PollFlags| fds[at].revents().intersects(flags);
        Ok(Woken {
            signal: ready(0, PollFlags::IN),
            unread: ready(1, PollFlags::ERR),
            ended: process.is_some_and(|at| ready(at, PollFlags::IN)),
            records: ring.is_some_and(|at| ready(at, PollFlags::IN)),
        })
    }

    pub(crate) fn drain(&mut self) -> Result<Drained> {
        let arrived = self.ring.as_ref().map(Ring::arrived);
        // A process whose stack comes a moment later is not known yet.
        self.tell_processes()?;
        let drained = match self.ring.as_mut().zip(arrived) {
            Some((ring, arrived)) => ring.drain(arrived, |record| self.session.record(record)),
            None => Ok(Drained::Nothing),
        };
        self.unwind()?;
        for refused in self.handed.watch(self.loaded, &mut self.attached)? {
            self.session.warn(&warnings::UNWATCHED, &refused);
        }
        self.session.sink.after_drain();
        drained
    }

    /// Says whether there are more processes to ask.
    fn meet_processes(&mut self) -> bool {
        let mappings = self.session.world.symbols().mappings();
        self.processes.as_mut().is_some_and(|processes| processes.meet(mappings))
    }

    /// Names that processes write down while they run may be gone when they are wanted.
    fn look_at_names(&mut self) {
        if self.processes.is_some() {
            self.session.world.symbols().mappings().borrow_mut().look_again();
        }
    }

    /// What processes have in memory is known before their stacks are shown, and, as soon as can be, to those who unwind them.
    fn tell_processes(&mut self) -> Result<()> {
        let Some(processes) = &self.processes else { return Ok(()) };
        let symbols = self.session.world.symbols();
        let (changes, mappings) = (processes.tell(symbols)?, symbols.mappings());
        self.unwinder.as_mut().map_or(Ok(()), |unwinder| unwinder.follow(&changes, &mut mappings.borrow_mut()))
    }

    /// Has the unwind tables read that programs have asked for, and takes those that were read.
    fn unwind(&mut self) -> Result<()> {
        let Some(unwinder) = &mut self.unwinder else { return Ok(()) };
        let mut mappings = self.session.world.symbols().mappings().borrow_mut();
        unwinder.take_read(&mut mappings)?;
        self.session.world.to_unwind().into_iter().try_for_each(|pid| unwinder.refresh(pid, &mut mappings))
    }

    pub(crate) fn signals_end_the_run(&mut self) -> Result<bool> {
        while let Some(number) = self.signals.next() {
            if signal::is_ending(number) {
                return Ok(true);
            }
            let known = test_run::run(self.loaded, Role::Signal(number))? > 0;
            if !known && number == libc::SIGUSR1 {
                self.session.print_maps()?;
                self.session.sink.after_drain();
            }
        }
        Ok(false)
    }

    /// Ends the run: programs stop, `end` probes run, maps are printed, and only then goes away what takes long.
    fn finish(mut self) -> Result<i32> {
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

/// Whether a program runs when something happens that nobody knows beforehand.
fn waits(program: &ProgramDecl) -> bool {
    match (program.role, &program.plan) {
        (Role::Begin | Role::End | Role::Test | Role::Bench, _) | (Role::Traced, Some(AttachPlan::Iterator { .. })) => false,
        (Role::Traced | Role::Signal(_), _) => true,
    }
}

fn watched_signals(manifest: &Manifest) -> Vec<i32> {
    let mut numbers = vec![libc::SIGINT, libc::SIGTERM, libc::SIGUSR1];
    numbers.extend(manifest.programs.iter().filter_map(|program| match program.role {
        Role::Signal(number) => Some(number),
        Role::Begin | Role::End | Role::Test | Role::Bench | Role::Traced => None,
    }));
    numbers
}
