//! Cases that are killed: rbtrace runs the case's program again and again, each time a signal ends it in another system call, and nothing of it
//! may be left in the kernel.
//!
//! Who sends the signals is rbtrace, too: an observer that counts the system calls of the others. Which signal comes in which call is drawn
//! from a seed, so that a failure comes again.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libbpf_rs::query::{LinkInfoIter, MapInfoIter, ProgInfoIter, ProgInfoQueryOptions};
use rustix::process::Signal;

use super::file::CaseFile;
use super::process::{Running, Scratch};
use super::running::{ATTACHED, build, clean_environment};

/// What the program's maps are called in the case; here they get a name that nobody else has.
const MAP: &str = "@left";
/// What ends runs. Each is as likely; none lets a run end by itself.
const SIGNALS: [Option<&str>; 6] = [Some("SIGKILL"), Some("SIGKILL"), Some("SIGSEGV"), Some("SIGINT"), Some("SIGTERM"), None];
/// How long a run may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How long all of them may take.
const WHOLE_LIMIT: Duration = Duration::from_secs(600);
/// How long the kernel may take to free what nobody holds any more.
const PATIENCE: Duration = Duration::from_secs(20);
/// Files of tracefs that list probes which outlive who made them.
const LISTS: [&str; 3] = ["dynamic_events", "kprobe_events", "uprobe_events"];

/// A run that is to be ended.
struct Trial {
    /// What it is called.
    name: String,
    /// By what, and in which of its system calls.
    signal: Option<(&'static str, u64)>,
}

/// Runs the case.
pub fn run(file: &CaseFile, scratch: &Scratch) -> Result<(), String> {
    file.values("BUILD").try_for_each(|line| build(line, file, scratch))?;
    let map = format!("k{:x}_", std::process::id());
    let text = file.program.replace(MAP, &format!("@{map}")).replace("{tmp}", &scratch.path().display().to_string());
    let script = scratch.path().join("left.bt");
    std::fs::write(&script, text).map_err(|error| format!("{}: {error}", script.display()))?;
    let mut target = file.value("TARGET").map(|name| start(Command::new(scratch.path().join(name)), WHOLE_LIMIT)).transpose()?;
    let before = events();
    let calls = calls_of_a_run(scratch, &script)?;
    let trials = trials(file, calls)?;
    let observer = observe(&observer(&trials))?;
    for trial in &trials {
        let said = format!("{} with {:?} of {calls} calls", trial.name, trial.signal);
        victim(scratch, &script, &trial.name)?.finish().map_err(|why| format!("{said}: {why}"))?;
        nothing_left(&map, &before).map_err(|left| format!("{said}: {left}"))?;
    }
    observer.signal(Signal::INT);
    observer.finish()?;
    match target.as_mut().map(|target| drop(target.stdin())).and(target).map(Running::finish).transpose()? {
        Some(ended) if ended.code != 0 => Err(format!("the target ended with {}: somebody still watches it", ended.code)),
        Some(_) | None => Ok(()),
    }
}

/// How many system calls a run makes that nobody disturbs.
fn calls_of_a_run(scratch: &Scratch, script: &PathBuf) -> Result<u64, String> {
    let observer = observe(&observer(&[]))?;
    let ended = victim(scratch, script, "victim")?.finish()?;
    if ended.code != 0 {
        return Err(format!("undisturbed it ends with {}: {}", ended.code, ended.stderr));
    }
    observer.signal(Signal::INT);
    let seen = observer.finish()?.stdout;
    let count = seen.lines().find_map(|line| line.strip_prefix("@calls[victim]: ")?.parse().ok());
    count.ok_or(format!("the observer saw no call: {seen}"))
}

/// As the case says: `SEED: 7`, `TRIALS: 24`.
fn trials(file: &CaseFile, calls: u64) -> Result<Vec<Trial>, String> {
    let mut random = Random(file.number("SEED", 1)?.unsigned_abs() | 1);
    let count = file.number("TRIALS", 12)?.unsigned_abs();
    let trial = |number| Trial {
        name: format!("victim{number}"),
        signal: SIGNALS[number as usize % SIGNALS.len()].map(|signal| (signal, 1 + random.below(calls))),
    };
    Ok((0..count).map(trial).collect())
}

/// The script that counts and kills.
fn observer(trials: &[Trial]) -> String {
    let kill = |trial: &Trial| {
        let (signal, call) = trial.signal?;
        Some(format!("  if (comm == \"{}\" && $call == {call}) {{ signal(\"{signal}\"); }}\n", trial.name))
    };
    let kills: String = trials.iter().filter_map(kill).collect();
    format!(
        "tracepoint:raw_syscalls:sys_enter /strncmp(comm, \"victim\", 6) == 0/ {{\n  @calls[comm]++;\n  $call = @calls[comm];\n{kills}}}"
    )
}

fn observe(script: &str) -> Result<Running, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rbtrace"));
    clean_environment(&mut command);
    command.env(ATTACHED, "1").args(["-q", "--unsafe", "-e", script]);
    let observer = start(command, WHOLE_LIMIT)?;
    observer.wait_for(ATTACHED).map(|()| observer)
}

/// A run under a name of its own, by which the observer knows it.
fn victim(scratch: &Scratch, script: &PathBuf, name: &str) -> Result<Running, String> {
    let path = scratch.path().join(name);
    symlink(env!("CARGO_BIN_EXE_rbtrace"), &path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut command = Command::new(path);
    clean_environment(&mut command);
    command.args(["-q", "--no-warnings"]).arg(script);
    start(command, LIMIT)
}

fn start(mut command: Command, limit: Duration) -> Result<Running, String> {
    command.stdin(Stdio::piped());
    Running::start(command, limit)
}

/// Waits until the kernel has freed everything; says what it keeps.
fn nothing_left(map: &str, before: &BTreeSet<String>) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = left(map)?.into_iter().chain(events().difference(before).cloned()).collect::<Vec<_>>();
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(format!("is left in the kernel: {}", left.join(", ")));
        }
        // Grace periods take their time, and looking again costs nobody anything.
        std::thread::yield_now();
    }
}

/// Maps of the script, and what holds them: every probe of it uses one.
fn left(map: &str) -> Result<Vec<String>, String> {
    let is_ours = |name: &std::ffi::OsStr| name.to_string_lossy().contains(map);
    let maps: BTreeSet<u32> = MapInfoIter::default().filter(|known| is_ours(&known.name)).map(|known| known.id).collect();
    if maps.is_empty() {
        return Ok(Vec::new());
    }
    let with_maps = ProgInfoQueryOptions::default().include_map_ids(true);
    let programs = ProgInfoIter::with_query_opts(with_maps).filter(|program| program.map_ids.iter().any(|id| maps.contains(id)));
    let programs: BTreeSet<u32> = programs.map(|program| program.id).collect();
    let links = LinkInfoIter::default().filter(|link| programs.contains(&link.prog_id)).map(|link| format!("link {}", link.id));
    let maps = maps.iter().map(|id| format!("map {id}"));
    Ok(maps.chain(programs.iter().map(|id| format!("program {id}"))).chain(links).collect())
}

fn events() -> BTreeSet<String> {
    let read = |list: &&str| std::fs::read_to_string(format!("/sys/kernel/tracing/{list}")).unwrap_or_default();
    LISTS.iter().map(read).flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Marsaglia's xorshift: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}
