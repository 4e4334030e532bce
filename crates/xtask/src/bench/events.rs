//! Rows that look at one event: the time inside the BPF programs, as the kernel itself measures it.
//!
//! All tools and the floor are attached to the same events at the same time, so load and clock speed hit all alike. A
//! program that does nothing reads about 60 ns, the cost of looking at the clock twice; it is taken off.

use anyhow::{Context, Result};

use super::Bench;
use super::live::{Live, Runs};
use super::report::{Columns, lower_median};
use super::workload::Workload;

const STATS: &str = "/proc/sys/kernel/bpf_stats_enabled";

const ROUNDS: usize = 11;
const EVENTS: u64 = 250_000;

/// `args` in a key: the third part is read from the tracepoint.
pub fn three_part_key(bench: &Bench, workload: &mut Workload) -> Result<Columns> {
    net(bench, workload, "@[pid, comm, args.id] = count();", "three")
}

/// Net cost of a probe's statement on one system call of the workload, beside a program of the floor.
pub fn net(bench: &Bench, workload: &mut Workload, statement: &str, floor: &str) -> Result<Columns> {
    let script = format!("tracepoint:raw_syscalls:sys_enter /pid == {}/ {{ {statement} }}", workload.pid());
    let mut columns = Columns::new(&bench.tools, 1);
    let empty = Live::start(bench.floor.command("empty"), bench.scratch.join("event.empty"))?;
    let by_hand = Live::start(bench.floor.command(floor), bench.scratch.join("event.floor"))?;
    let mut live = Vec::new();
    for (column, tool) in bench.tools.iter().enumerate() {
        match Live::start(tool.script(&script), bench.scratch.join(format!("event.{column}"))) {
            Ok(tracer) => live.push((column, tracer)),
            Err(error) => columns.failures[column] = Some(format!("{error:#}")),
        }
    }
    let _stats = Stats::enable()?;
    let all: Vec<&Live> = [&empty, &by_hand].into_iter().chain(live.iter().map(|(_, tracer)| tracer)).collect();
    let costs = rounds(bench, workload, &all)?;
    let base = lower_median(&costs[0]).context("the empty program did not run")?.per_event;
    let net = |cost: Option<Cost>| cost.map(|cost| cost.per_event - base * cost.programs);
    if let Some(value) = net(lower_median(&costs[1])) {
        columns.push_floor(vec![value]);
    }
    for ((column, _), costs) in live.iter().zip(&costs[2..]) {
        match net(lower_median(costs)) {
            Some(value) => columns.push(*column, vec![value]),
            None => columns.failures[*column] = Some("its programs did not run".to_string()),
        }
    }
    for (_, tracer) in live {
        tracer.stop()?;
    }
    by_hand.stop()?;
    empty.stop()?;
    Ok(columns)
}

/// What one round cost in one tool.
#[derive(Clone, Copy)]
pub struct Cost {
    /// ns in all of its programs.
    pub per_event: f64,
    /// How many of them ran.
    pub programs: f64,
}

/// One cost a round for each tracer.
fn rounds(bench: &Bench, workload: &mut Workload, tracers: &[&Live]) -> Result<Vec<Vec<Cost>>> {
    workload.run(EVENTS, None)?;
    let mut costs = vec![Vec::new(); tracers.len()];
    for _ in 0..bench.rounds(ROUNDS) {
        let before: Vec<_> = tracers.iter().map(|tracer| tracer.programs()).collect();
        workload.run(EVENTS, None)?;
        for ((tracer, before), costs) in tracers.iter().zip(before).zip(&mut costs) {
            let after = tracer.programs();
            let runs = after.iter().filter_map(|(id, after)| Some(difference(*before.get(id)?, *after)));
            // A program that ran far less often belongs to another probe.
            let hot: Vec<Runs> = runs.filter(|(_, runs)| *runs > EVENTS as f64 / 4.0).collect();
            if !hot.is_empty() {
                let per_event = hot.iter().map(|(time, runs)| time / runs).sum();
                costs.push(Cost { per_event, programs: hot.len() as f64 });
            }
        }
    }
    Ok(costs)
}

fn difference(before: Runs, after: Runs) -> Runs {
    (after.0 - before.0, after.1 - before.1)
}

/// The kernel's statistics, on as long as this lives: they cost every program on the machine its two looks at the clock.
struct Stats;

impl Stats {
    fn enable() -> Result<Stats> {
        std::fs::write(STATS, "1").with_context(|| format!("writing {STATS}"))?;
        Ok(Stats)
    }
}

impl Drop for Stats {
    fn drop(&mut self) {
        // The next bench switches them off again; there is nothing better to do here.
        let _ = std::fs::write(STATS, "0");
    }
}
