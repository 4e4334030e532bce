//! The floor: BPF programs written by hand, compiled when the bench starts, and their loader.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::shell;

/// The compiled floor.
pub struct Floor {
    loader: PathBuf,
    object: PathBuf,
}

impl Floor {
    /// Compiles it for a workload's process.
    pub fn compile(scratch: &Path, pid: u32) -> Result<Floor> {
        let floor = Floor { loader: scratch.join("floor"), object: scratch.join("floor.bpf.o") };
        let source = shell::root().join("crates/xtask/bench");
        let mut clang = Command::new("clang-19");
        clang.args(["-O2", "-g", "-target", "bpf", "-mcpu=v3"]).arg(format!("-DPID={pid}"));
        // The BPF target has no architecture of its own whose headers clang would find.
        clang.arg(format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH));
        shell::call(clang.arg("-c").arg(source.join("floor.bpf.c")).arg("-o").arg(&floor.object))?;
        shell::call(Command::new("gcc").arg("-O2").arg(source.join("floor.c")).arg("-o").arg(&floor.loader).arg("-lbpf"))?;
        Ok(floor)
    }

    /// A command that attaches a program and waits for ^C.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(&self.loader);
        command.arg(&self.object).arg(program);
        command
    }

    /// A command that attaches a program and leaves at once.
    pub fn once(&self, program: &str) -> Command {
        let mut command = self.command(program);
        command.arg("once");
        command
    }
}
