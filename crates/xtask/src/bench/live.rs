//! A tracer while it traces: started, attached, read in /proc, stopped by ^C.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::child::{self, Usage};

/// What tracers print when this environment variable is set and they have attached.
const ATTACHED: &str = "__BPFTRACE_NOTIFY_PROBES_ATTACHED";

const ATTACH_LIMIT: Duration = Duration::from_secs(60);

/// A running tracer.
pub struct Live {
    child: Child,
    start: Instant,
    /// What it prints goes there.
    pub output: PathBuf,
}

/// Run time in ns and number of runs, both since the program was loaded.
pub type Runs = (f64, f64);

impl Live {
    /// Starts a tracer and returns when it has attached.
    pub fn start(mut command: Command, output: PathBuf) -> Result<Live> {
        let file = File::create(&output).with_context(|| format!("creating {}", output.display()))?;
        let errors = output.with_extension("err");
        let errors = File::create(&errors).with_context(|| format!("creating {}", errors.display()))?;
        command.env(ATTACHED, "1").stdin(Stdio::null()).stdout(file).stderr(errors);
        let start = Instant::now();
        let child = command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
        let mut live = Live { child, start, output };
        let mut loaded = Steady::default();
        // Old bpftraces keep the line in a buffer when they print to a file; then it must do that nothing is loaded any more.
        while !contains(&live.output, ATTACHED) && !loaded.since(live.programs().len(), Duration::from_secs(1)) {
            if let Some(status) = live.child.try_wait().context("looking after a tool")? {
                bail!("it ended before it attached ({status}): {}", live.complaint());
            }
            if start.elapsed() > ATTACH_LIMIT {
                live.child.kill().context("killing a tool that does not attach")?;
                bail!("it did not attach: {}", live.complaint());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(live)
    }

    /// Presses ^C and waits for the end; wall time counts from ^C.
    pub fn stop(mut self) -> Result<Usage> {
        let asked = Instant::now();
        if self.child.try_wait().context("looking after a tool")?.is_none() {
            child::interrupt(&self.child)?;
            return child::wait(self.child, asked);
        }
        bail!("it ended by itself after {:?}: {}", self.start.elapsed(), self.complaint())
    }

    /// Its BPF programs by id, as the descriptors that it holds tell.
    pub fn programs(&self) -> BTreeMap<u64, Runs> {
        let directory = format!("/proc/{}/fdinfo", self.child.id());
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let texts = entries.filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
        texts.filter_map(|text| program(&text)).collect()
    }

    /// Seconds of processor time of its threads so far. The scheduler's own count: clock ticks are too coarse for a line.
    pub fn cpu(&self) -> Result<f64> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let tasks = std::fs::read_dir(&tasks).with_context(|| format!("listing {tasks}"))?.flatten();
        // A thread that ends between the two readings takes its time with it; tracers keep theirs.
        let stats = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
        let nanoseconds = stats.filter_map(|text| text.split(' ').next()?.parse::<f64>().ok()).sum::<f64>();
        Ok(nanoseconds / 1e9)
    }

    /// Waits until it has worked off what came in.
    pub fn settle(&self) -> Result<()> {
        let mut last = f64::NEG_INFINITY;
        loop {
            let now = self.cpu()?;
            // Waking up to find nothing costs a little, too.
            if now - last < 0.002 {
                return Ok(());
            }
            last = now;
            std::thread::sleep(Duration::from_millis(600));
        }
    }

    fn complaint(&self) -> String {
        let text = std::fs::read_to_string(self.output.with_extension("err")).unwrap_or_default();
        text.lines().rev().find(|line| line.contains("ERROR")).unwrap_or(text.trim()).chars().take(300).collect()
    }
}

/// Whether a number has stayed the same for a while.
#[derive(Default)]
struct Steady {
    last: Option<(usize, Instant)>,
}

impl Steady {
    /// Takes the number of now; zero is never steady.
    fn since(&mut self, number: usize, long: Duration) -> bool {
        match self.last {
            Some((last, since)) if last == number => number > 0 && since.elapsed() > long,
            Some(_) | None => {
                self.last = Some((number, Instant::now()));
                false
            }
        }
    }
}

fn contains(path: &Path, needle: &str) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.contains(needle))
}

/// One descriptor's text → the program behind it.
fn program(fdinfo: &str) -> Option<(u64, Runs)> {
    let value = |key: &str| fdinfo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(":\t")?.parse::<u64>().ok());
    Some((value("prog_id")?, (value("run_time_ns")? as f64, value("run_cnt")? as f64)))
}
