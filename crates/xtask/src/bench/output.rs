//! Rows about what is printed: lines while events come in, a large map at the end.

use anyhow::{Context, Result};

use super::Bench;
use super::live::Live;
use super::report::Columns;
use super::workload::Workload;

const LINES: u64 = 1_000_000;
const QUICK_LINES: u64 = 200_000;

/// Lines a second: less than any tool loses lines at.
const RATE: u64 = 200_000;

const KEYS: u64 = 100_000;
const ROUNDS: usize = 5;
const PRINTF_ROUNDS: usize = 3;

/// Processor time of the tracer for each line that it prints, and how many lines never came.
pub fn printf(bench: &Bench, workload: &mut Workload) -> Result<Columns> {
    let script = format!(r#"tracepoint:raw_syscalls:sys_enter /pid == {}/ {{ printf("%d %s\n", pid, comm); }}"#, workload.pid());
    let lines = if bench.quick { QUICK_LINES } else { LINES };
    let mut columns = Columns::new(&bench.tools, 2);
    for _ in 0..bench.rounds(PRINTF_ROUNDS) {
        for (column, tool) in bench.tools.iter().enumerate() {
            match Live::start(tool.script(&script), bench.scratch.join("printf.out")) {
                Ok(live) => columns.push(column, lines_of(live, workload, lines)?),
                Err(error) => columns.failures[column] = Some(format!("{error:#}")),
            }
        }
        let floor = Live::start(bench.floor.command("line"), bench.scratch.join("printf.out"))?;
        let values = lines_of(floor, workload, lines)?;
        columns.push_floor(values);
    }
    Ok(columns)
}

fn lines_of(live: Live, workload: &mut Workload, lines: u64) -> Result<Vec<f64>> {
    let before = live.cpu()?;
    workload.run(lines, Some(RATE))?;
    live.settle()?;
    let cpu = live.cpu()? - before;
    let output = live.output.clone();
    live.stop()?;
    let text = std::fs::read(&output).with_context(|| format!("reading {}", output.display()))?;
    let start = format!("{} ", workload.pid());
    let printed = text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(start.as_bytes())).count();
    // A handful more come from the workload's own reading and answering.
    Ok(vec![cpu * 1e6 / printed.max(1) as f64, (lines as f64 - printed as f64).max(0.0)])
}

/// From ^C to the end with a map of that many keys.
pub fn keys(bench: &Bench, workload: &mut Workload) -> Result<Columns> {
    let script = format!("tracepoint:raw_syscalls:sys_enter /pid == {}/ {{ @[nsecs] = count(); }}", workload.pid());
    let mut columns = Columns::new(&bench.tools, 3);
    for _ in 0..bench.rounds(ROUNDS) {
        for (column, tool) in bench.tools.iter().enumerate() {
            match Live::start(tool.script_with_keys(&script, 2 * KEYS), bench.scratch.join("keys.out")) {
                Ok(live) => columns.push(column, keys_of(live, workload)?),
                Err(error) => columns.failures[column] = Some(format!("{error:#}")),
            }
        }
    }
    Ok(columns)
}

fn keys_of(live: Live, workload: &mut Workload) -> Result<Vec<f64>> {
    workload.run(KEYS, None)?;
    let output = live.output.clone();
    let usage = live.stop()?;
    let text = std::fs::read(&output).with_context(|| format!("reading {}", output.display()))?;
    let lines = text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"@[")).count();
    Ok(vec![usage.wall * 1e3, usage.rss, lines as f64])
}
