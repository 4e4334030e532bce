//! The row about a web server: how long an answer takes, traced and not traced. Knows the server and its asker, both from Debian packages.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::live::Live;
use super::report::Columns;
use super::workload::Workload;
use crate::shell;

const ROUNDS: usize = 5;
const REQUESTS: u32 = 5000;
const REQUESTS_QUICK: u32 = 1000;
/// Seconds that the server sleeps for each answer: what is claimed of tracing is claimed of work like that.
const WORK: &str = "0.2";
/// Bytes of the file that it reads: how its reads are told from others.
const FILE: usize = 4321;

/// The server, which ends with the row.
struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn start(library: &Path, scratch: &Path) -> Result<Server> {
        let file = scratch.join("requests.file");
        std::fs::write(&file, [0; FILE]).with_context(|| format!("writing {}", file.display()))?;
        let programs = shell::root().join("tests/cases/programs");
        let mut ruby = Command::new("ruby");
        ruby.arg(programs.join("requests.rb")).arg(library).arg(file).arg(WORK);
        let mut child = ruby.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting ruby")?;
        let mut port = String::new();
        let output = child.stdout.take().expect("it is piped");
        let server = BufReader::new(output).read_line(&mut port).map(|_| Server { child, port: port.trim().to_string() });
        server.context("reading the server's port")
    }

    /// Asks, fifty at a time. Gives milliseconds from request to answer, on average.
    fn ask(&self, requests: u32) -> Result<f64> {
        let mut ab = Command::new("ab");
        ab.args(["-q", "-c", "50", "-n", &requests.to_string(), &format!("http://127.0.0.1:{}/", self.port)]);
        let said = shell::output(&mut ab)?;
        let value = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<f64>().ok());
        ensure!(value("Failed requests:") == Some(0.0), "requests failed:\n{said}");
        value("Time per request:").context("ab says no time")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing to be done if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Spans between two marks on the threads of a server, reads counted in each; the floor is the same server without a tracer.
pub fn traced(bench: &Bench, _: &mut Workload) -> Result<Columns> {
    let library = library(&bench.scratch)?;
    let server = Server::start(&library, &bench.scratch)?;
    let requests = if bench.quick { REQUESTS_QUICK } else { REQUESTS };
    let script = script(&library);
    let mut columns = Columns::new(&bench.tools, 1);
    for _ in 0..bench.rounds(ROUNDS) {
        for (column, tool) in bench.tools.iter().enumerate() {
            match Live::start(tool.script(&script), bench.scratch.join("requests.out")) {
                Ok(live) => columns.push(column, vec![answered(&server, requests, live)?]),
                Err(error) => columns.failures[column] = Some(format!("{error:#}")),
            }
        }
        columns.push_floor(vec![server.ask(requests)?]);
    }
    Ok(columns)
}

/// The time of an answer while a tracer looks on; none may escape it.
fn answered(server: &Server, requests: u32, live: Live) -> Result<f64> {
    let time = server.ask(requests)?;
    let output = live.output.clone();
    live.stop()?;
    let text = std::fs::read_to_string(&output).with_context(|| format!("reading {}", output.display()))?;
    ensure!(text.contains(&format!("@requests: {requests}\n")), "not every request was counted:\n{text}");
    Ok(time)
}

fn script(library: &Path) -> String {
    let mark = format!("usdt:{}:lib:pass", library.display());
    // In words that older peers know, too.
    format!(
        "{mark} /arg0 == 0/ {{ @works[tid] = 1; @reads[tid] = 0; }} tracepoint:syscalls:sys_exit_read /@works[tid] && args.ret == {FILE}/ {{ @reads[tid] += 1; }} \
         {mark} /arg0 == 1/ {{ @ = hist(@reads[tid]); @requests = count(); delete(@works[tid]); delete(@reads[tid]); }} \
         END {{ clear(@works); clear(@reads); }}"
    )
}

fn library(scratch: &Path) -> Result<PathBuf> {
    let library = scratch.join("marks_library");
    let mut gcc = Command::new("gcc");
    gcc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(shell::root().join("tests/cases/programs/marks_library.c"));
    shell::call(&mut gcc)?;
    Ok(library)
}
