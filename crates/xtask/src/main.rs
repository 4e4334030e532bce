//! Developer commands: `cargo xtask COMMAND`. Builds on a bare machine; what the other crates need is installed from here.

mod advisories;
mod bench;
mod generate;
mod licences;
mod manual;
mod report;
mod run;
mod setup;
mod shell;
mod tally;
mod test;
mod vm;

use std::process::ExitCode;

use anyhow::Result;

const USAGE: &str = "\
cargo xtask COMMAND

  setup             install what building and testing need
  run [-- ARGS]     build the release binary and run it; without ARGS, a demonstration of five seconds
  test              everything a change has to pass
  vmtest [KERNEL…]  the cases on other kernels, in virtual machines (`vmtest --help`)
  bench [OPTIONS]   time and memory beside a peer and a hand-written floor (`bench --help`)
  generate N [--seed S]  load N generated scripts into this kernel and compare them with the interpreter
  manual            write the language manual anew from the tables
  bless             accept what the cases print now
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match command(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(args: &[String]) -> Result<ExitCode> {
    let rest = args.get(1..).unwrap_or_default();
    match args.first().map(String::as_str) {
        Some("setup") => setup::setup(setup::BUILD),
        Some("run") => return run::run(rest),
        Some("test") => return test::test(),
        Some("vmtest") => return vm::command(rest),
        Some("bench") => return bench::command(rest),
        Some("generate") => return generate::generate(rest),
        Some("manual") => manual::manual(),
        Some("bless") => manual::bless(),
        Some("help" | "-h" | "--help") => {
            print!("{USAGE}");
            return Ok(ExitCode::SUCCESS);
        }
        Some(_) | None => {
            eprint!("{USAGE}");
            return Ok(ExitCode::from(2));
        }
    }?;
    Ok(ExitCode::SUCCESS)
}
