//! The workload: a process that makes cheap system calls when asked, and nothing else.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Calls between two looks at the clock when paced.
const BURST: u64 = 100;

/// The process, seen from the bench.
pub struct Workload {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Workload {
    /// Starts it.
    pub fn start() -> Result<Workload> {
        let mut command = Command::new(std::env::current_exe().context("finding this program")?);
        command.args(["bench", "workload"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("starting the workload")?;
        let orders = child.stdin.take().expect("stdin is piped");
        let answers = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Ok(Workload { child, orders, answers })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Makes `calls` system calls, as fast as it can or at `rate` a second; returns when they are made.
    pub fn run(&mut self, calls: u64, rate: Option<u64>) -> Result<()> {
        writeln!(self.orders, "{calls} {}", rate.unwrap_or(0)).context("asking the workload")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).context("hearing from the workload")?;
        Ok(())
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        // Nothing to be done if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process itself: reads `CALLS RATE` lines until its input ends.
pub fn serve() -> Result<ExitCode> {
    let mut cpus = CpuSet::new();
    cpus.set(std::thread::available_parallelism().map_or(0, |count| count.get() - 1));
    // On one CPU the numbers scatter less; where that is refused they are still right.
    let _ = sched_setaffinity(None, &cpus);
    for line in std::io::stdin().lines() {
        let line = line.context("reading an order")?;
        let mut numbers = line.split(' ').map(|word| word.parse::<u64>().unwrap_or(0));
        let (calls, rate) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if rate == 0 {
            burst(calls)
        } else {
            paced(calls, rate)
        }
        println!("done");
    }
    Ok(ExitCode::SUCCESS)
}

fn burst(calls: u64) {
    for _ in 0..calls {
        // Straight to the kernel: no library caches the parent's id.
        std::hint::black_box(rustix::process::getppid());
    }
}

fn paced(calls: u64, rate: u64) {
    let start = Instant::now();
    for done in (0..calls).step_by(BURST as usize) {
        let due = Duration::from_secs_f64(done as f64 / rate as f64);
        while start.elapsed() < due {
            std::hint::spin_loop();
        }
        burst(BURST.min(calls - done));
    }
}
