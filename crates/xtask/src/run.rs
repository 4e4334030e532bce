//! `xtask run`: the binary that is shipped, built and started.
//!
//! It carries LLVM inside: an idle start takes a third of what the shared library costs in relocations. Never with
//! `+crt-static`, which crashes in LLVM's constructors.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result};

use crate::{setup, shell};

/// The command everybody types first.
pub const DEMO: &str = "tracepoint:raw_syscalls:sys_enter < @[comm] = count(); >";

const DEMO_SECONDS: &str = "5";

/// Sets up, builds and runs.
pub fn run(args: &[String]) -> Result<ExitCode> {
    setup::setup(setup::BUILD)?;
    let binary = release_binary()?;
    let args = args.strip_prefix(&["--".to_string()]).unwrap_or(args);
    if args.is_empty() {
        return demonstrate(binary);
    }
    // Replaces this process, so that ^C and the exit code are rbtrace's own.
    let error = shell::as_root(&binary).args(args).exec();
    Err(error).with_context(|| format!("starting {}", binary.display()))
}

/// Builds the release binary and says where it is.
pub fn release_binary() -> Result<PathBuf> {
    let mut build = shell::cargo();
    build.args(["rustc", "--release", "--package", "rbtrace", "--bin", "rbtrace"]);
    build.args(["--no-default-features", "--features", "static", "--"]);
    // RELR packs the relative relocations of LLVM's tables; less to read at start.
    build.args(["-C", "link-arg=-Wl,-z,pack-relative-relocs"]);
    // Why not the linker that rustc brings? GNU's puts the 384 functions that run before main side by side, so that a start touches
    // an eighth fewer pages: half a millisecond and 3 MB.
    build.args(["-C", "link-arg=-fuse-ld=bfd"]);
    shell::call(&mut build)?;
    Ok(target_directory()?.join("release/rbtrace"))
}

/// Where cargo puts what it builds.
pub fn target_directory() -> Result<PathBuf> {
    let text = shell::output(shell::cargo().args(["metadata", "--format-version=1", "--no-deps", "--offline"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text).context("reading `cargo metadata`")?;
    Ok(metadata["target_directory"].as_str().context("`cargo metadata` names no target directory")?.into())
}

/// Counts this machine's system calls for a few seconds, then presses ^C.
fn demonstrate(binary: PathBuf) -> Result<ExitCode> {
    eprintln!("\n$ rbtrace -e '{DEMO}'      (^C after {DEMO_SECONDS} seconds)\n");
    // coreutils' timeout sends the signal: below sudo it has the right to, we have not.
    let mut command = shell::as_root("timeout");
    command.args(["--preserve-status", "--signal=INT", DEMO_SECONDS]).arg(binary).args(["-e", DEMO]);
    let status = command.status().context("starting the demonstration")?;
    Ok(exit_code(status))
}

/// A child's status as our own: 128 + n after a signal, as shells say it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// A command that runs the development build of rbtrace's tests as root, where we are not.
pub fn test_runner(cargo: &mut Command) {
    if !shell::is_root() && shell::exists("sudo") {
        let target = format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", std::env::consts::ARCH.to_uppercase());
        cargo.env(target, "sudo --preserve-env --");
    }
}
