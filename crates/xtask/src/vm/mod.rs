//! `xtask vmtest`: the cases on other kernels, each in a virtual machine, and a table of what became of them.
//!
//! Knows its command line, and which cases `xtask test` wants from here. The files beside this one know how a kernel is fetched, made
//! bootable and booted, and what the suite prints.

mod boot;
mod image;
mod kernels;
mod suite;
mod table;

use std::process::ExitCode;

use anyhow::{Context, Result};

use self::kernels::{KERNELS, Kernel};
use self::suite::Suite;
pub use self::table::{Column, Verdict, is_facility};
use crate::setup;

const USAGE: &str = "\
cargo xtask vmtest [KERNEL…] [--only WORD…]

  KERNEL        5.10, 6.1, 6.12, 7.2; all of them unless said
  --only WORD…  cases whose names hold one of the words; all that a kernel has a say in unless said
";

/// What a kernel has no say in (`errors`, `sema`) passes everywhere or nowhere, so it is left to the machine at hand.
const KERNEL_CASES: [&str; 3] = ["cli/", "list/", "run/"];

/// The kernel that stands in for one that lacks something: new enough for all ways of attaching, and from a stable Debian.
const STAND_IN: &str = "6.12";

/// Begins the names of those that it runs where nothing is lacking: two kernels show more than one.
const PROBES_OF_KERNELS: [&str; 2] = ["run/kprobe", "run/fentry"];

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
    // Optimised, with LLVM inside: an emulated processor starts it in a third of the time, and there are hundreds of starts.
    let suite = Suite::build(&["--release", "--no-default-features", "--features", "static", "--test", "suite"])?;
    let words: Vec<&str> = asked.words.iter().map(String::as_str).collect();
    let columns = suite.run_on(&asked.kernels, &words);
    print!("{}", table::render(&columns));
    let good = columns.iter().all(Column::is_good);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the cases that this kernel cannot run on [`STAND_IN`]. `Err`: there can be no virtual machine here.
pub fn stand_in(lacking: &[&str]) -> Result<Column> {
    let kernel = find(STAND_IN)?;
    setup::apt(setup::VM)?;
    kernels::get(kernel)?;
    // What `cargo test --workspace` has just built, debug information and all: a few dozen cases do not pay for a second build.
    let suite = Suite::build(&["--workspace"])?;
    let exactly = std::iter::once("--exact").chain(lacking.iter().copied());
    let args: Vec<&str> = if lacking.is_empty() { PROBES_OF_KERNELS.to_vec() } else { exactly.collect() };
    let mut columns = suite.run_on(&[kernel], &args);
    columns.pop().context("one kernel gives one column")
}

fn parse(args: &[String]) -> Result<Option<Asked>> {
    let (names, words) = match args.iter().position(|arg| arg == "--only") {
        Some(at) => (&args[..at], args[at + 1..].to_vec()),
        None => (args, KERNEL_CASES.map(str::to_string).to_vec()),
    };
    if names.iter().any(|name| name == "--help" || name == "-h") {
        return Ok(None);
    }
    let kernels: Vec<Kernel> = names.iter().map(|name| find(name)).collect::<Result<_>>()?;
    Ok(Some(Asked { kernels: if kernels.is_empty() { KERNELS.to_vec() } else { kernels }, words }))
}

fn find(name: &str) -> Result<Kernel> {
    let known = || KERNELS.map(|kernel| kernel.name).join(", ");
    KERNELS.into_iter().find(|kernel| kernel.name == name).with_context(|| format!("no kernel `{name}`: there are {}", known()))
}
