//! Rows that run from start to exit: wall, processor time, memory.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use super::Bench;
use super::child::{self, Usage};
use super::report::Columns;
use super::tool::Tool;
use super::workload::Workload;

const ROUNDS: usize = 15;

/// What takes seconds is run less often.
const SLOW_ROUNDS: usize = 3;

/// The smallest script.
pub fn begin(bench: &Bench, _: &mut Workload) -> Result<Columns> {
    compare(bench, ROUNDS, |tool| tool.script("BEGIN { exit(); }"), Some(bench.floor.once("none")))
}

/// One probe, one map.
pub fn tracepoint(bench: &Bench, _: &mut Workload) -> Result<Columns> {
    let script = "tracepoint:raw_syscalls:sys_enter { @ = count(); } BEGIN { exit(); }";
    compare(bench, ROUNDS, |tool| tool.script(script), Some(bench.floor.once("start")))
}

/// A grown script; the floor has no counterpart.
pub fn forty(bench: &Bench, _: &mut Workload) -> Result<Columns> {
    let script = include_str!("../../bench/forty.bt");
    compare(bench, SLOW_ROUNDS * 2, |tool| tool.script(script), None)
}

/// Every system call there is; the floor counts them by number in one program.
pub fn every_syscall(bench: &Bench, _: &mut Workload) -> Result<Columns> {
    let script = "tracepoint:syscalls:sys_enter_* { @[probe] = count(); } BEGIN { exit(); }";
    compare(bench, SLOW_ROUNDS, |tool| tool.script(script), Some(bench.floor.once("bynumber")))
}

/// Everything that can be traced; the floor reads the kernel's own list.
pub fn list(bench: &Bench, _: &mut Workload) -> Result<Columns> {
    let mut cat = Command::new("cat");
    cat.arg("/sys/kernel/tracing/available_events");
    let listing = |tool: &Tool| {
        let mut command = tool.command();
        command.arg("-l");
        command
    };
    compare(bench, ROUNDS, listing, Some(cat))
}

/// What has to be copied to another machine; libraries that every machine has are not counted, so peers stay out.
pub fn size(bench: &Bench, _: &mut Workload) -> Result<Columns> {
    let ours = &bench.tools[0].path;
    let bytes = std::fs::metadata(ours).with_context(|| format!("looking at {}", ours.display()))?.len();
    let mut columns = Columns::new(&bench.tools, 1);
    columns.tools[0][0].push(bytes as f64 / 1e6);
    Ok(columns)
}

/// Every round runs every tool once, the floor last.
fn compare(bench: &Bench, rounds: usize, command: impl Fn(&Tool) -> Command, floor: Option<Command>) -> Result<Columns> {
    let mut columns = Columns::new(&bench.tools, 3);
    let mut floor = floor;
    for _ in 0..bench.rounds(rounds) {
        for (column, tool) in bench.tools.iter().enumerate() {
            if columns.failures[column].is_none() {
                let (usage, complaint) = run(bench, command(tool))?;
                if usage.success { columns.push(column, values(usage)) } else { columns.failures[column] = Some(complaint) }
            }
        }
        if let Some(command) = &mut floor {
            let (usage, _) = run_command(bench, command)?;
            columns.push_floor(values(usage));
        }
    }
    Ok(columns)
}

fn values(usage: Usage) -> Vec<f64> {
    vec![usage.wall * 1e3, usage.cpu * 1e3, usage.rss]
}

fn run(bench: &Bench, mut command: Command) -> Result<(Usage, String)> {
    run_command(bench, &mut command)
}

/// Runs to the end; the text is its last complaint.
fn run_command(bench: &Bench, command: &mut Command) -> Result<(Usage, String)> {
    let path = bench.scratch.join("start.out");
    let file = std::fs::File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let errors = file.try_clone().context("sharing an output file")?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors);
    let start = Instant::now();
    let child = command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
    let usage = child::wait(child, start)?;
    let text = std::fs::read(&path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let complaint = text.lines().rev().find(|line| line.contains("ERROR")).unwrap_or_default();
    Ok((usage, complaint.to_string()))
}
