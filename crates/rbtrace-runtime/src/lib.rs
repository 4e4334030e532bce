//! Object + manifest → loaded → attached → records → output. Knows libbpf; knows no syntax, no sema, no LLVM.
//!
//! In the order of a run: [`child`], [`load`], [`attach`], [`ring`], [`session`] with [`maps`], [`world`] and [`output`], [`losses`].
//! [`run()`] is the only way in.

// A new variant is to break every place that forgets it.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod child;
pub mod load;

mod attach;
mod captures;
mod kernel_functions;
mod libbpf_log;
mod losses;
mod maps;
mod notify;
mod output;
mod processes;
mod ring;
mod run;
mod session;
mod sys;
mod trials;
mod unwind;
pub mod verifier_log;
mod world;

use std::ffi::OsString;
use std::path::PathBuf;

pub use attach::trial::run as try_attach;
pub use child::{StoppedChild, spawn_stopped};
pub use kernel_functions::may_call;
pub use load::Rejected;
pub use run::run;
pub use sys::kernel_btf::functions_of_programs;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people (SPEC §9.3).
    #[default]
    Text,
    /// One object per line (SPEC §9.10).
    Json,
    /// Stacks as lines, for tools that draw flame graphs.
    Folded,
    /// Stacks as a flame graph.
    Flame,
}

/// Buffering of the output (`-B`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the option's values")]
pub enum Buffering {
    #[default]
    Line,
    Full,
    None,
}

/// What the compiler made of a script.
#[derive(Clone, Copy)]
pub struct Objects<'a> {
    /// The object.
    pub elf: &'a [u8],
    /// Makes another one of the same programs: slower, but easier on the kernel's verifier.
    pub plainer: &'a dyn Fn() -> Option<Vec<u8>>,
}

/// What the command line decides about a run.
#[derive(Debug, Default)]
pub struct Options {
    /// `-f`
    pub format: Format,
    /// `-B`
    pub buffering: Buffering,
    /// `-o`
    pub output: Option<PathBuf>,
    /// Colour errors and warnings on stderr.
    pub color: bool,
    /// `-q`
    pub quiet: bool,
    /// `-v`
    pub verbose: bool,
    /// `--dry-run`: load, attach, leave.
    pub dry_run: bool,
    /// Print `__BPFTRACE_NOTIFY_PROBES_ATTACHED` once attached.
    pub notify_attached: bool,
    /// Where the service manager wants to hear that we are ready and that we stop (`NOTIFY_SOCKET`).
    pub notify_socket: Option<OsString>,
    /// `-p`: the run ends when this process does.
    pub pid: Option<u32>,
    /// `-c`: a command that waits; it is let go once everything is attached, and the run ends when it does.
    pub child: Option<StoppedChild>,
    /// `--dwarf-pid`: of these processes only stacks are unwound; empty: of all.
    pub unwound: Vec<u32>,
    /// `-d verifier`, `-d libbpf`
    pub debug_verifier: bool,
    /// See above.
    pub debug_libbpf: bool,
}
