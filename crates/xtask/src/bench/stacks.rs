//! Rows about stacks and debug information: all stacks of a busy interpreter, and the first look into a large debug file.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::live::Live;
use super::report::Columns;
use super::workload::Workload;
use super::{Bench, child};
use crate::shell;

const ROUNDS: usize = 3;

/// As long stacks are counted.
const SAMPLED: Duration = Duration::from_secs(10);
const SAMPLED_QUICK: Duration = Duration::from_secs(3);

/// Structs and functions in one unit of the large program, and units.
const TYPES: usize = 12_000;
const UNITS: usize = 95;

/// Smaller is not what is claimed to be fast.
const LARGE: u64 = 200 << 20;

/// An interpreter that ends with the row.
struct Busy(Child);

impl Busy {
    fn start() -> Result<Busy> {
        let mut python = Command::new("python3");
        let child = python.arg(shell::root().join("crates/xtask/bench/busy.py")).stdin(Stdio::null()).spawn();
        Ok(Busy(child.context("starting python3")?))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // Nothing to be done if it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From ^C to the end, and memory, with the stacks of a busy interpreter. Tools may say source lines, too, if they can.
pub fn python(bench: &Bench, _: &mut Workload) -> Result<Columns> {
    stacks(bench, "")
}

/// The same work for all tools: names without lines.
pub fn python_names(bench: &Bench, _: &mut Workload) -> Result<Columns> {
    stacks(bench, "config = { show_debug_info = false } ")
}

fn stacks(bench: &Bench, config: &str) -> Result<Columns> {
    let busy = Busy::start()?;
    let script = format!("{config}profile:hz:999 /pid == {}/ {{ @[ustack, kstack] = count(); }}", busy.0.id());
    let mut columns = Columns::new(&bench.tools, 3);
    for _ in 0..bench.rounds(ROUNDS) {
        for (column, tool) in bench.tools.iter().enumerate() {
            match Live::start(tool.script(&script), bench.scratch.join("stacks.out")) {
                Ok(live) => columns.push(column, printed(bench, live)?),
                Err(error) => columns.failures[column] = Some(format!("{error:#}")),
            }
        }
    }
    Ok(columns)
}

fn printed(bench: &Bench, live: Live) -> Result<Vec<f64>> {
    std::thread::sleep(if bench.quick { SAMPLED_QUICK } else { SAMPLED });
    let output = live.output.clone();
    let usage = live.stop()?;
    let text = std::fs::read(&output).with_context(|| format!("reading {}", output.display()))?;
    let stacks = text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"@[")).count();
    Ok(vec![usage.wall * 1e3, usage.rss, stacks as f64])
}

/// An argument by name in a large program, from start to exit.
pub fn large_args(bench: &Bench, _: &mut Workload) -> Result<Columns> {
    large(bench, |program| format!("uprobe:{program}:work {{ @ = sum(args.times); }}"))
}

/// Names and lines in it.
pub fn large_lines(bench: &Bench, _: &mut Workload) -> Result<Columns> {
    large(bench, |program| format!("uprobe:{program}:work {{ @[ustack(2)] = count(); }}"))
}

fn large(bench: &Bench, script: impl Fn(&str) -> String) -> Result<Columns> {
    let program = large_program(&bench.scratch)?;
    let mut columns = Columns::new(&bench.tools, 2);
    for _ in 0..bench.rounds(ROUNDS) {
        for (column, tool) in bench.tools.iter().enumerate() {
            let mut command = tool.script(&script(&program.display().to_string()));
            command.arg("-c").arg(&program).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let start = Instant::now();
            let started = command.spawn().with_context(|| format!("starting {}", tool.name))?;
            let usage = child::wait(started, start)?;
            match usage.success {
                true => columns.push(column, vec![usage.wall * 1e3, usage.rss]),
                false => columns.failures[column] = Some("it failed".to_string()),
            }
        }
    }
    Ok(columns)
}

/// A program with that much debug information, made once: one unit under many names.
fn large_program(scratch: &Path) -> Result<PathBuf> {
    let program = scratch.join("large");
    if std::fs::metadata(&program).is_ok_and(|found| found.len() >= LARGE) {
        return Ok(program);
    }
    let (unit, source) = (scratch.join("unit.o"), scratch.join("unit.c"));
    std::fs::write(&source, unit_text()).with_context(|| format!("writing {}", source.display()))?;
    let gcc = || {
        let mut gcc = Command::new("gcc");
        gcc.args(["-g", "-O0", "-fno-omit-frame-pointer"]);
        gcc
    };
    shell::call(gcc().arg("-c").arg(&source).arg("-o").arg(&unit))?;
    let mut units = Vec::new();
    for number in 0..UNITS {
        let copy = scratch.join(format!("unit{number}.o"));
        shell::call(Command::new("objcopy").arg(format!("--prefix-symbols=unit{number}_")).arg(&unit).arg(&copy))?;
        units.push(copy);
    }
    shell::call(gcc().arg(shell::root().join("crates/xtask/bench/large.c")).args(&units).arg("-o").arg(&program))?;
    for file in units.iter().chain([&unit, &source]) {
        std::fs::remove_file(file).with_context(|| format!("removing {}", file.display()))?;
    }
    let size = std::fs::metadata(&program).context("looking at the large program")?.len();
    ensure!(size >= LARGE, "the large program is {size} bytes small");
    Ok(program)
}

fn unit_text() -> String {
    let mut text = String::new();
    for number in 0..TYPES {
        let (before, length) = (number.saturating_sub(1), number % 50 + 1);
        let members = format!("int a{number}; long b{number}; char c{number}[{length}]; struct s{before} *next{number}; double e{number};");
        let body = format!("struct s{number} local = *p; return local.a{number} + x{number};");
        writeln!(text, "struct s{number} {{ {members} }};\nint f{number}(struct s{number} *p, int x{number}) {{ {body} }}")
            .expect("memory takes every line");
    }
    text
}
