//! `xtask generate`: well-typed scripts by the thousand, in the running kernel and in the interpreter. The harness is `tests/generate.rs`;
//! here it is only built and started, for the command builds on machines that have nothing yet.

use std::process::ExitCode;

use anyhow::Result;

use crate::{run, setup, shell};

/// Builds the harness and runs it with these arguments: `N`, `--seed S`, `--write DIRECTORY`.
pub fn generate(args: &[String]) -> Result<ExitCode> {
    setup::setup(setup::BUILD)?;
    let mut harness = shell::cargo();
    harness.args(["test", "--quiet", "--profile", "generate", "--package", "rbtrace", "--test", "generate", "--"]).args(args);
    run::test_runner(&mut harness);
    shell::say(&harness);
    Ok(if harness.status()?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
