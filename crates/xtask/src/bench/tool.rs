//! The tracers that are compared: rbtrace and peers that understand its language. Knows how older ones want to be spoken to.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// `args.x` is understood from bpftrace 0.20 on; before it was `args->x`.
const DOT_SINCE: (u32, u32) = (0, 20);

/// A tracer.
pub struct Tool {
    /// As the table calls it.
    pub name: String,
    /// Its executable.
    pub path: PathBuf,
    /// Whether it wants `args->x`.
    arrows: bool,
}

impl Tool {
    /// A command that runs a script.
    pub fn script(&self, text: &str) -> Command {
        let mut command = self.command();
        command.arg("-e").arg(self.dialect(text));
        command
    }

    /// The same with room for many keys, by its old and its new name. Not for all: larger maps cost at start.
    pub fn script_with_keys(&self, text: &str, keys: u64) -> Command {
        let mut command = self.script(text);
        command.env("BPFTRACE_MAX_MAP_KEYS", keys.to_string()).env("BPFTRACE_MAP_KEYS_MAX", keys.to_string());
        command
    }

    /// A command without arguments; it may attach to every system call there is.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env("BPFTRACE_MAX_PROBES", "4096").env("BPFTRACE_MAX_BPF_PROGS", "4096");
        command
    }

    /// The script in this tool's words.
    pub fn dialect(&self, text: &str) -> String {
        if self.arrows { text.replace("args.", "args->") } else { text.to_string() }
    }
}

/// rbtrace, then the peers from the oldest to the newest.
pub fn tools(rbtrace: PathBuf, peers: &[PathBuf]) -> Result<Vec<Tool>> {
    let mut found = Vec::new();
    for path in peers {
        let version = version(path)?;
        let name = format!("bpftrace {}.{}", version.0, version.1);
        found.push((version, Tool { name, path: path.clone(), arrows: version < DOT_SINCE }));
    }
    found.sort_by_key(|(version, _)| *version);
    if !rbtrace.is_file() {
        bail!("there is no {}", rbtrace.display());
    }
    let ours = Tool { name: "rbtrace".to_string(), path: rbtrace, arrows: false };
    Ok(std::iter::once(ours).chain(found.into_iter().map(|(_, tool)| tool)).collect())
}

/// From `bpftrace v0.27.1`.
fn version(path: &Path) -> Result<(u32, u32)> {
    let text = shell::output(Command::new(path).arg("--version"))?;
    let numbers = text.trim().rsplit(['v', ' ']).next().unwrap_or_default();
    let mut numbers = numbers.split(['.', '-']).map_while(|number| number.parse().ok());
    let version = numbers.next().zip(numbers.next());
    version.with_context(|| format!("{} says `{}` and no version", path.display(), text.trim()))
}
