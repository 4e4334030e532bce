//! `xtask bench`: what rbtrace costs, beside peers and beside programs written by hand.
//!
//! Absolute times move from run to run and from machine to machine, so a claim is a ratio from one interleaved run: every
//! round runs every tool once. The targets are those of the project's baseline; the verdict is against the newest peer.

mod child;
mod events;
mod floor;
mod live;
mod output;
mod report;
mod requests;
mod rows;
mod stacks;
mod starts;
mod tool;
pub mod workload;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{run, setup, shell};
use floor::Floor;
use report::Report;
use tool::Tool;

const USAGE: &str = "\
cargo xtask bench [OPTIONS]

  --peer PATH      a bpftrace to stand beside; may be repeated (default: `bpftrace`, when installed)
  --quick          fewer rounds and events: an impression, no claim
  --only WORD      only rows whose name holds WORD; may be repeated
  --binary PATH    measure this rbtrace instead of building one
  --json PATH      where the results go (default: target/bench.json)
";

/// What was asked for.
#[derive(Default)]
struct Options {
    peers: Vec<PathBuf>,
    quick: bool,
    only: Vec<String>,
    binary: Option<PathBuf>,
    json: Option<PathBuf>,
}

/// All that the rows need to measure.
pub struct Bench {
    /// rbtrace, then the peers.
    tools: Vec<Tool>,
    floor: Floor,
    quick: bool,
    /// Where tools write what they print.
    scratch: PathBuf,
}

impl Bench {
    /// How often something is repeated: `full` times for a claim.
    fn rounds(&self, full: usize) -> usize {
        if self.quick { full.div_ceil(4) } else { full }
    }
}

/// Parses the options, builds what is measured, measures, reports.
pub fn command(args: &[String]) -> Result<ExitCode> {
    if args == ["workload"] {
        return workload::serve();
    }
    let Some(options) = parse(args)? else {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    };
    setup::setup(setup::BUILD)?;
    let binary = options.binary.clone().map_or_else(run::release_binary, Ok)?;
    if !shell::is_root() {
        return again_as_root(args, &options, binary);
    }
    let target = run::target_directory()?;
    let scratch = target.join("bench");
    std::fs::create_dir_all(&scratch).with_context(|| format!("creating {}", scratch.display()))?;
    let tools = tool::tools(binary, &options.peers)?;
    let mut workload = workload::Workload::start()?;
    let floor = Floor::compile(&scratch, workload.pid())?;
    let bench = Bench { tools, floor, quick: options.quick, scratch };
    let mut report = Report::new(&bench.tools, options.quick);
    for row in rows::ROWS.iter().filter(|row| options.only.is_empty() || options.only.iter().any(|word| row.name.contains(word))) {
        eprintln!("{} …", row.name);
        let columns = (row.measure)(&bench, &mut workload).with_context(|| format!("measuring {}", row.name))?;
        report.add(row, &columns);
    }
    print!("{}", report.table());
    let json = options.json.unwrap_or_else(|| target.join("bench.json"));
    std::fs::write(&json, report.json()).with_context(|| format!("writing {}", json.display()))?;
    eprintln!("written to {}", json.display());
    Ok(ExitCode::SUCCESS)
}

/// `None`: the user asked for help.
fn parse(args: &[String]) -> Result<Option<Options>> {
    let mut options = Options::default();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} wants a value"));
        match word.as_str() {
            "--peer" => options.peers.push(value()?.into()),
            "--only" => options.only.push(value()?.clone()),
            "--binary" => options.binary = Some(value()?.into()),
            "--json" => options.json = Some(value()?.into()),
            "--quick" => options.quick = true,
            "--" => {}
            "--help" | "-h" => return Ok(None),
            other => bail!("`{other}` is no option of the bench\n\n{USAGE}"),
        }
    }
    if options.peers.is_empty() && shell::exists("bpftrace") {
        options.peers.push("bpftrace".into());
    }
    Ok(Some(options))
}

/// Building is the user's business, measuring is root's.
fn again_as_root(args: &[String], options: &Options, binary: PathBuf) -> Result<ExitCode> {
    let mut command: Command = shell::as_root(std::env::current_exe().context("finding this program")?);
    command.arg("bench").args(args);
    if options.binary.is_none() {
        command.arg("--binary").arg(binary);
    }
    shell::call(&mut command)?;
    Ok(ExitCode::SUCCESS)
}
