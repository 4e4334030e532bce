//! `xtask vmtest`: the cases on other kernels, each in a virtual machine, and a table of what became of them.
//!
//! Knows what the suite prints. How a kernel is fetched, made bootable and booted is said in the files beside this one.

mod boot;
mod image;
mod kernels;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::boot::Boot;
use self::kernels::{KERNELS, Kernel};
use self::table::{Column, Verdict};
use crate::{run, setup, shell};

const USAGE: &str = "\
cargo xtask vmtest [KERNEL…] [--only WORD…]

  KERNEL        5.10, 6.1, 6.12, 7.2; all of them unless said
  --only WORD…  cases whose names hold one of the words
";

/// Emulated processors are that much slower.
const SLOWER: &str = "8";

/// No run takes longer.
const LIMIT: Duration = Duration::from_secs(3600);

/// What the command line asks for.
struct Asked {
    kernels: Vec<Kernel>,
    words: Vec<String>,
}

/// Runs the cases on the kernels and prints the table.
pub fn command(args: &[String]) -> Result<ExitCode> {
    let Some(asked) = parse(args)? else {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    };
    setup::setup(setup::BUILD)?;
    setup::apt(setup::VM)?;
    let suite = suite_binary()?;
    let mut columns = Vec::new();
    for kernel in asked.kernels {
        columns.push(run_on(kernel, &suite, &asked.words)?);
    }
    print!("{}", table::render(&columns));
    let good = columns.iter().all(|column| column.is_good());
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(args: &[String]) -> Result<Option<Asked>> {
    let (names, words) = match args.iter().position(|arg| arg == "--only") {
        Some(at) => (&args[..at], args[at + 1..].to_vec()),
        None => (args, Vec::new()),
    };
    if names.iter().any(|name| name == "--help" || name == "-h") {
        return Ok(None);
    }
    let find = |name: &String| KERNELS.into_iter().find(|kernel| kernel.name == name);
    let known = || KERNELS.map(|kernel| kernel.name).join(", ");
    let kernels: Vec<Kernel> =
        names.iter().map(|name| find(name).with_context(|| format!("no kernel `{name}`: there are {}", known()))).collect::<Result<_>>()?;
    Ok(Some(Asked { kernels: if kernels.is_empty() { KERNELS.to_vec() } else { kernels }, words }))
}

/// The suite, built with LLVM inside and optimised: what starts in a fifth of the time matters where time is eight times as slow.
fn suite_binary() -> Result<PathBuf> {
    let mut build = shell::cargo();
    build.args(["test", "--release", "--no-default-features", "--features", "static", "--test", "suite", "--no-run"]);
    let messages = shell::output(build.args(["--message-format", "json"]))?;
    let mut executable = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_suite = message["target"]["name"] == "suite";
        message["executable"].as_str().filter(|_| is_suite).map(PathBuf::from)
    });
    executable.next_back().context("cargo built no suite")
}

fn run_on(kernel: Kernel, suite: &Path, words: &[String]) -> Result<Column> {
    let unpacked = kernels::get(kernel)?;
    let image = image::image(&unpacked)?;
    eprintln!("\nLinux {} in a virtual machine", unpacked.release);
    let directory = run::target_directory()?.join("vmtest").join(kernel.name);
    std::fs::create_dir_all(&directory)?;
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let command = format!("cd '{}' && RBTRACE_TEST_SLOW={SLOWER} '{}' {}", shell::root().display(), suite.display(), quoted.join(" "));
    let start = Instant::now();
    let mut column = Column::new(&unpacked.release);
    let boot = Boot { image: &image, command: &command, directory: &directory, limit: LIMIT };
    let ended = boot::run(&boot, |line| {
        println!("{line}");
        column.line(line);
    });
    column.seconds = start.elapsed().as_secs();
    if let Err(error) = ended {
        // The cases that were not reached are as good as failed.
        eprintln!("{error:#}");
        column.cases.insert("(the machine)".to_string(), Verdict::Failed);
    }
    if column.cases.is_empty() {
        bail!("no case ran on Linux {}", unpacked.release);
    }
    Ok(column)
}
