//! The course of a run (SPEC §9.2): load, begin, attach, events, end, maps. Decides what happens when; how is everybody else's.

mod beginning;
mod ending;

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rbtrace_host::Host;
use rbtrace_ir::{AttachPlan, EventDecl, Layout, Manifest, ProgramDecl, RECORD_HEADER, Role};
use rbtrace_lang::warnings;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::attach::handed::Handed;
use crate::attach::iterator::{self, Reading};
use crate::attach::{Attached, test_run};
use crate::load::Loaded;
use crate::losses::Losses;
use crate::maps::{Maps, Sweeps};
use crate::processes::Processes;
use crate::ring::{Drained, Ring};
use crate::session::Session;
use crate::sys::signal::{self, Signals};
use crate::unwind::Unwinder;
use crate::{Objects, Options, child, notify, trials, world};
use beginning::{follow_processes, load};

/// How often losses are looked at.
const LOSS_INTERVAL: Duration = Duration::from_secs(1);
/// After records arrived, the next look is this much later: a fast producer then costs few wake-ups.
const PAUSE: Duration = Duration::from_millis(1);

/// Runs a compiled script to its end; says the exit status.
pub fn run(objects: Objects<'_>, manifest: &Manifest, host: &Host, mut options: Options) -> Result<i32> {
    let signals = Signals::watch(watched_signals(manifest)).context("watching for signals")?;
    let mut loaded = load(objects, manifest, host, &options)?;
    let maps = Maps::new(manifest, std::mem::take(&mut loaded.maps))?;
    let watched = options.pid.map(child::watch).transpose()?;
    let handed = Handed::new(&loaded, &maps, options.child.as_ref().map(AsFd::as_fd).or(watched.as_ref().map(AsFd::as_fd)))?;
    if options.dry_run {
        loaded.attach(host, &manifest.config.missing_probes)?.abandon();
        return Ok(0);
    }
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
        handed,
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

    fn notify(&mut self, state: &str) {
        if let Some(why) = notify::tell(self.options.notify_socket.as_deref(), state) {
            self.session.warn(&warnings::NOT_NOTIFIED, &why);
        }
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
