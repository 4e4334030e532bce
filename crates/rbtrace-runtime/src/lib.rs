//! Object + manifest → loaded → attached → records → output. Knows libbpf; knows no syntax, no sema, no LLVM.

use std::path::PathBuf;
use std::process::Child;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people (SPEC §9.3).
    #[default]
    Text,
    /// One object per line (SPEC §9.10).
    Json,
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

/// What the command line decides about a run.
#[derive(Debug, Default)]
pub struct Options {
    /// `-f`
    pub format: Format,
    /// `-B`
    pub buffering: Buffering,
    /// `-o`
    pub output: Option<PathBuf>,
    /// `-q`
    pub quiet: bool,
    /// `-v`
    pub verbose: bool,
    /// `--no-warnings`
    pub no_warnings: bool,
    /// `--dry-run`: load, attach, leave.
    pub dry_run: bool,
    /// Print `__BPFTRACE_NOTIFY_PROBES_ATTACHED` once attached.
    pub notify_attached: bool,
    /// `-p`: the run ends when this process does.
    pub pid: Option<u32>,
    /// `-c`: a stopped child; it is let go once everything is attached, and the run ends when it does.
    pub child: Option<Child>,
    /// `-d verifier`, `-d libbpf`
    pub debug_verifier: bool,
    /// See above.
    pub debug_libbpf: bool,
}
