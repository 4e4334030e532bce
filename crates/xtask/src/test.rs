//! `xtask test`: everything a change has to pass, in the order of what is cheapest to find out.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::tally::Tally;
use crate::vm::{self, Verdict};
use crate::{advisories, licences, run, setup, shell};

/// Runs all steps; the last line says what became of the tests.
pub fn test() -> Result<ExitCode> {
    setup::setup(setup::BUILD)?;
    shell::call(shell::cargo().args(["fmt", "--all", "--check"]))?;
    licences::check()?;
    let mut tally = Tally::default();
    if !advisories::check()? {
        tally.skip("advisories", "no database");
    }
    shell::call(shell::cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    let mut tests = shell::cargo();
    tests.args(["test", "--workspace", "--no-fail-fast"]);
    let succeeded = count(&mut tests, &mut tally)?;
    // A workspace of its own: its properties, on the cases; the fuzzer is for other days.
    let mut properties = shell::cargo();
    properties.args(["test", "--manifest-path", "fuzz/Cargo.toml", "--no-default-features", "--target-dir"]).arg(run::target_directory()?);
    let succeeded = count(&mut properties, &mut tally)? && succeeded;
    stand_in(&mut tally);
    Ok(verdict(&tally, succeeded))
}

/// Runs tests, shows their output and counts them; whether all is well.
fn count(command: &mut Command, tally: &mut Tally) -> Result<bool> {
    run::test_runner(command);
    if std::io::stderr().is_terminal() {
        command.args(["--color", "always"]);
    }
    shell::say(command);
    let mut child = command.stdout(Stdio::piped()).spawn().context("starting cargo test")?;
    let output = child.stdout.take().expect("stdout is piped");
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("reading the output of cargo test")?;
        let line = String::from_utf8_lossy(&line);
        tally.line(&line);
        println!("{line}");
    }
    Ok(child.wait().context("waiting for cargo test")?.success())
}

/// What this kernel cannot do, another one shows: cases that were skipped for the kernel's sake are run in a virtual machine.
fn stand_in(tally: &mut Tally) {
    let lacking: Vec<&str> = tally.skips.iter().filter(|(_, why)| vm::is_facility(why)).map(|(name, _)| name.as_str()).collect();
    match vm::stand_in(&lacking) {
        Ok(column) => {
            tally.report.add(&column.release, &column.report);
            for (name, verdict) in column.cases {
                match verdict {
                    Verdict::Passed => tally.made_up_for(&name, true),
                    Verdict::Failed => tally.made_up_for(&name, false),
                    Verdict::Skipped(why) => eprintln!("skipped in the virtual machine, too: {name}: {why}"),
                }
            }
        }
        Err(why) => {
            eprintln!(
                "\nvmtest: NOT RUN: no virtual machine can be had for {} cases that this kernel cannot run: {why:#}\n",
                lacking.len()
            );
            tally.skip("vmtest", "no virtual machine");
        }
    }
}

/// Prints once more what failed, then the closing line, and turns it into an exit code.
fn verdict(tally: &Tally, succeeded: bool) -> ExitCode {
    let list = shell::root().join("tests/allowed_skips.txt");
    let unexpected = tally.unexpected(&std::fs::read_to_string(list).unwrap_or_default());
    if !unexpected.is_empty() {
        eprintln!("skipped, and not in tests/allowed_skips.txt: {}", unexpected.join(", "));
    }
    if !succeeded && tally.failed == 0 {
        eprintln!("cargo test failed before a test did");
    }
    tally.report.lines().iter().for_each(|line| println!("{line}"));
    println!("{}", tally.summary());
    let good = succeeded && tally.failed == 0 && tally.passed > 0 && unexpected.is_empty();
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
