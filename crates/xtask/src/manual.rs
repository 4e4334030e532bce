//! Texts that are made from the code: the language manual, and what the cases expect. Tests compare them; here they are
//! written anew.

use anyhow::Result;

use crate::{run, shell};

/// The language manual, from the tables.
pub fn manual() -> Result<()> {
    update("manual")
}

/// The expectations of the cases, from what is printed now; to be read before it is committed.
pub fn bless() -> Result<()> {
    update("suite")
}

fn update(test: &str) -> Result<()> {
    let mut command = shell::cargo();
    command.args(["test", "--package", "rbtrace", "--test", test]).env("UPDATE_EXPECT", "1");
    run::test_runner(&mut command);
    shell::call(&mut command)?;
    shell::call(std::process::Command::new("git").current_dir(shell::root()).args(["status", "--short"]))
}
