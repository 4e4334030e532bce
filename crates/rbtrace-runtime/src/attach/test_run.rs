//! Programs that run when we say so: at the start, at the end, on a signal.

use std::os::fd::AsFd;

use anyhow::{Context, Result};
use rbtrace_ir::Role;

use crate::load::Loaded;
use crate::sys::bpf;

/// Runs every program of a role once, in the order of the script; says how many attach points they are.
pub fn run(loaded: &Loaded<'_>, role: Role) -> Result<usize> {
    let mut probes = 0;
    for program in loaded.programs.iter().filter(|program| program.decl.role == role) {
        bpf::test_run(program.fd.as_fd()).with_context(|| format!("running `{}`", program.decl.probes.join(", ")))?;
        probes += program.decl.probes.len();
    }
    Ok(probes)
}
