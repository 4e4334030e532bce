//! The rows of the table: what is measured, how, and how good it has to be.

use anyhow::Result;

use super::report::Columns;
use super::workload::Workload;
use super::{Bench, events, output, requests, stacks, starts};

/// How good a measure has to be.
#[derive(Clone, Copy)]
pub enum Target {
    /// At most that part of the newest peer's.
    Peer(f64),
    /// At most that many times the floor's.
    Floor(f64),
    /// At most that much.
    AtMost(f64),
    /// Only shown.
    None,
}

/// What a row measures, in which unit, with which target. The order is that of [`Columns`].
pub struct Measure {
    /// `wall`, `cpu`, `rss`, …
    pub name: &'static str,
    /// Shown behind the numbers.
    pub unit: &'static str,
    /// How good it has to be.
    pub target: Target,
}

/// A row of the table.
pub struct Row {
    /// What is done.
    pub name: &'static str,
    /// What is looked at.
    pub measures: &'static [Measure],
    /// Does it.
    pub measure: fn(&Bench, &mut Workload) -> Result<Columns>,
}

const fn measure(name: &'static str, unit: &'static str, target: Target) -> Measure {
    Measure { name, unit, target }
}

/// Wall, CPU and memory of a start, with their targets.
const fn start(wall: f64, cpu: Target, rss: Target) -> [Measure; 3] {
    [measure("wall", "ms", Target::Peer(wall)), measure("cpu", "ms", cpu), measure("rss", "MiB", rss)]
}

const fn net(target: Target) -> [Measure; 1] {
    [measure("net", "ns", target)]
}

use Target::{AtMost, Floor, None, Peer};

/// In the order of the table.
pub static ROWS: &[Row] = &[
    Row { name: "begin exit", measures: &start(1.0 / 20.0, Peer(1.0 / 15.0), Peer(1.0 / 4.0)), measure: starts::begin },
    Row { name: "tracepoint map exit", measures: &start(1.0 / 25.0, None, None), measure: starts::tracepoint },
    Row { name: "forty probes", measures: &start(1.0 / 15.0, None, None), measure: starts::forty },
    Row { name: "sys_enter_* by probe", measures: &start(1.0 / 300.0, None, Peer(1.0 / 8.0)), measure: starts::every_syscall },
    Row { name: "list all", measures: &start(1.0 / 4.0, None, Peer(1.0 / 4.0)), measure: starts::list },
    Row { name: "count()", measures: &net(Floor(1.1)), measure: |bench, load| events::net(bench, load, "@ = count();", "count") },
    Row {
        name: "[comm] = count()",
        measures: &net(Peer(1.0)),
        measure: |bench, load| events::net(bench, load, "@[comm] = count();", "comm"),
    },
    Row { name: "[pid, comm, args.id] = count()", measures: &net(Peer(1.0)), measure: events::three_part_key },
    Row { name: "hist(nsecs)", measures: &net(Floor(1.1)), measure: |bench, load| events::net(bench, load, "@ = hist(nsecs);", "hist") },
    Row {
        name: "printf",
        measures: &[measure("cpu a line", "µs", Peer(1.0 / 2.0)), measure("lost", "lines", None)],
        measure: output::printf,
    },
    Row {
        name: "100,000 keys",
        measures: &[measure("^C to exit", "ms", Peer(1.0 / 4.0)), measure("rss", "MiB", Peer(1.0 / 4.0)), measure("lines", "", None)],
        measure: output::keys,
    },
    Row {
        name: "[kstack] = count()",
        measures: &net(Floor(1.1)),
        measure: |bench, load| events::net(bench, load, "@[kstack] = count();", "kstack"),
    },
    Row {
        name: "[ustack] = count()",
        measures: &net(Floor(1.1)),
        measure: |bench, load| events::net(bench, load, "@[ustack] = count();", "ustack"),
    },
    Row {
        name: "stacks of python",
        measures: &[measure("^C to exit", "ms", Peer(1.0 / 2.0)), measure("rss", "MiB", Peer(1.0 / 2.0)), measure("stacks", "", None)],
        measure: stacks::python,
    },
    Row {
        name: "the same without lines",
        measures: &[measure("^C to exit", "ms", Peer(1.0 / 2.0)), measure("rss", "MiB", Peer(1.0 / 2.0)), measure("stacks", "", None)],
        measure: stacks::python_names,
    },
    Row {
        name: "args of 200 MB",
        measures: &[measure("wall", "ms", AtMost(2000.0)), measure("rss", "MiB", None)],
        measure: stacks::large_args,
    },
    Row {
        name: "lines of 200 MB",
        measures: &[measure("wall", "ms", AtMost(2000.0)), measure("rss", "MiB", None)],
        measure: stacks::large_lines,
    },
    Row { name: "a web server of ruby", measures: &[measure("an answer", "ms", Floor(1.0156))], measure: requests::traced },
    Row { name: "executable", measures: &[measure("size", "MB", AtMost(60.0))], measure: starts::size },
];
