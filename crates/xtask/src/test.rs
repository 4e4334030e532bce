//! `xtask test`: everything a change has to pass, in the order of what is cheapest to find out.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::tally::Tally;
use crate::{advisories, licences, run, setup, shell};

/// Runs all steps; the last line says what became of the tests.
pub fn test() -> Result<ExitCode> {
    setup::setup(setup::BUILD)?;
    shell::call(shell::cargo().args(["fmt", "--all", "--check"]))?;
    licences::check()?;
    advisories::check()?;
    shell::call(shell::cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    let (tally, succeeded) = cargo_test()?;
    Ok(verdict(&tally, succeeded))
}

/// Runs all tests, shows their output and counts them.
fn cargo_test() -> Result<(Tally, bool)> {
    let mut command = shell::cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    run::test_runner(&mut command);
    if std::io::stderr().is_terminal() {
        command.args(["--color", "always"]);
    }
    shell::say(&command);
    let mut child = command.stdout(Stdio::piped()).spawn().context("starting cargo test")?;
    let output = child.stdout.take().expect("stdout is piped");
    let mut tally = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("reading the output of cargo test")?;
        let line = String::from_utf8_lossy(&line);
        tally.line(&line);
        println!("{line}");
    }
    let status = child.wait().context("waiting for cargo test")?;
    Ok((tally, status.success()))
}

/// Prints the closing line and turns it into an exit code.
fn verdict(tally: &Tally, succeeded: bool) -> ExitCode {
    let list = shell::root().join("tests/allowed_skips.txt");
    let unexpected = tally.unexpected(&std::fs::read_to_string(list).unwrap_or_default());
    if !unexpected.is_empty() {
        eprintln!("skipped, and not in tests/allowed_skips.txt: {}", unexpected.join(", "));
    }
    if !succeeded && tally.failed == 0 {
        eprintln!("cargo test failed before a test did");
    }
    println!("{}", tally.summary());
    let good = succeeded && tally.failed == 0 && tally.passed > 0 && unexpected.is_empty();
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
