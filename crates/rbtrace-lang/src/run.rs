//! What a record's handler sees of the running session. Implemented by rbtrace-runtime.

use std::borrow::Cow;
use std::rc::Rc;

use rbtrace_ir::{EventDecl, MapId};
pub use rbtrace_types::symbol::{Inlined, SourceLine, Symbol};

use crate::functions::strerror;
use crate::value::Value;
use crate::warnings;

/// What went wrong while a record was decoded or handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// The record is shorter than its declaration says.
    Truncated,
    /// A handler could not do its work: what and why, for stderr.
    Failed(String),
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truncated => f.write_str("a record ended early"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for RunError {}

/// Kinds of text a script prints; they differ only in JSON (SPEC §9.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the function")]
pub enum Message {
    Printf,
    Time,
    Cat,
    Join,
    Syscall,
}

/// Kinds of reports on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report<'a> {
    /// `errorf`
    Errorf,
    /// `warnf`
    Warnf,
    /// What went wrong in a probe (SPEC §9.13).
    RuntimeError,
    /// The same, because a helper of the kernel failed.
    HelperError {
        /// Its name without `bpf_`.
        helper: &'a str,
        /// What it returned, where that is known.
        retcode: Option<i64>,
    },
    /// What upstream says without a place.
    FileError,
}

/// Handler name of the events that say what went wrong in a probe (SPEC §9.13). Their first text is the message; empty: what the error's
/// number means. A second text names the helper that failed; what it returned is the record's value then.
pub const RUNTIME_ERROR: &str = "runtime_error";

/// Handler name of the events that only wake: what they are about is in a map.
pub const WAKE: &str = "wake";

/// Handles [`RUNTIME_ERROR`] events.
pub fn report_runtime_error(cx: &mut dyn RunCx, event: &EventDecl, args: &[Value]) -> Result<(), RunError> {
    let retcode = match args.first() {
        Some(Value::Int(retcode)) => Some(*retcode),
        Some(_) | None => None,
    };
    let (report, text) = failure(event, retcode);
    cx.report(report, event, &text);
    Ok(())
}

/// The class of warnings that a report belongs to, if it is a warning.
pub fn code<'e>(report: Report<'_>, event: &'e EventDecl) -> Option<&'e str> {
    let own = (!event.code.is_empty()).then_some(event.code.as_str());
    match report {
        Report::Errorf | Report::FileError => None,
        Report::Warnf => Some(own.unwrap_or(warnings::WARNF.code)),
        // An event that belongs to no class is one that should have been printed.
        Report::RuntimeError | Report::HelperError { .. } => Some(own.unwrap_or(warnings::FAILED_RECORD.code)),
    }
}

/// What a [`RUNTIME_ERROR`] event says.
pub fn failure(event: &EventDecl, retcode: Option<i64>) -> (Report<'_>, Cow<'_, str>) {
    let text = |at: usize| event.texts.get(at).map(|text| String::from_utf8_lossy(text));
    let message = text(0).filter(|message| !message.is_empty());
    let meaning = || retcode.map_or("failed", |code| strerror::meaning(code.unsigned_abs()));
    let helper = event.texts.get(1).and_then(|name| str::from_utf8(name).ok());
    let report = helper.map_or(Report::RuntimeError, |helper| Report::HelperError { helper, retcode });
    (report, message.unwrap_or_else(|| meaning().into()))
}

/// The world that named values and times are resolved in. One that does not answer a question knows nothing of it; the boot clock began with the
/// epoch.
pub trait World {
    /// Name of a user.
    fn user_name(&self, uid: u32) -> Option<String> {
        let _ = uid;
        None
    }
    /// The symbol at an address of the kernel.
    fn kernel_symbol(&self, address: u64) -> Option<Rc<Symbol>> {
        let _ = address;
        None
    }
    /// The symbol at an address of a process.
    fn user_symbol(&self, pid: u32, address: u64) -> Option<Rc<Symbol>> {
        let _ = (pid, address);
        None
    }
    /// Whether it is known what code a process has in memory.
    fn knows(&self, pid: u32) -> bool {
        let _ = pid;
        false
    }
    /// A process may be gone when its stacks are shown: what code it has in memory is looked at now.
    fn meet(&self, pid: u32) {
        let _ = pid;
    }
    /// The unwind table of a process is wanted, or what it has of it does not suffice any more.
    fn unwind(&self, pid: u32) {
        let _ = pid;
    }
    /// A frame pointer of a process led to an address, or it was there itself: its callers may be missing if its binary keeps none.
    fn walked(&self, pid: u32, address: u64) {
        let _ = (pid, address);
    }
    /// The entry that the stack table of that number (see [`crate::compile::LowerCx::stack_table`]) keeps under a hash.
    fn stack_entry(&self, table: u32, id: u64) -> Option<Vec<u8>> {
        let _ = (table, id);
        None
    }
    /// Name of the hierarchy and path of every cgroup that has an id.
    fn cgroup_paths(&self, id: u64) -> Vec<(String, String)> {
        let _ = id;
        Vec::new()
    }
    /// C `strftime` in the local time zone of nanoseconds since the epoch, with `%f` as 6-digit microseconds, `%k` as 9-digit nanoseconds and
    /// `%l` as 3-digit milliseconds.
    fn strftime(&self, format: &str, epoch_ns: i64) -> String {
        let _ = (format, epoch_ns);
        String::new()
    }
    /// Nanoseconds since the epoch of a time on the boot clock.
    fn boot_to_epoch(&self, boot_ns: u64) -> i64 {
        boot_ns as i64
    }
    /// Nanoseconds since the epoch of a time on the TAI clock.
    fn tai_to_epoch(&self, tai_ns: u64) -> i64 {
        tai_ns as i64
    }
    /// Nanoseconds since the epoch now.
    fn now(&self) -> i64 {
        0
    }
    /// A text of [`rbtrace_ir::Manifest::texts`].
    fn text(&self, number: u64) -> Option<&str> {
        let _ = number;
        None
    }
    /// Appended to strings that did not fit.
    fn trailer(&self) -> &str {
        ".."
    }
}

/// A world of which nothing is known: what tests of other things need.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl World for Nowhere {}

/// What a handler may do.
pub trait RunCx {
    /// Resolves names and times.
    fn world(&self) -> &dyn World;
    /// Prints a script's text to the output; text mode ends what `join` and `system` print with a newline.
    fn print(&mut self, kind: Message, text: &[u8]);
    /// Prints a value and a newline.
    fn print_value(&mut self, value: &Value);
    /// Prints a whole map. `top` 0: all; `div` ≥ 1.
    fn print_map(&mut self, map: MapId, top: u64, div: u64) -> Result<(), RunError>;
    /// Removes all entries of a map.
    fn clear_map(&mut self, map: MapId) -> Result<(), RunError>;
    /// Sets all values of a map to zero; keys stay.
    fn zero_map(&mut self, map: MapId) -> Result<(), RunError>;
    /// Says something about the script on stderr, with the place of the event's call.
    fn report(&mut self, kind: Report<'_>, event: &EventDecl, text: &str);
    /// Ends the run after this record.
    fn exit(&mut self, code: i32);
    /// The first bytes of a file; the error is the system's word for it (`No such file or directory`).
    fn read_file(&mut self, path: &str) -> Result<Vec<u8>, String>;
    /// Appends a packet (from its IP header on) to a capture file, which is made anew by the run's first packet; `original` is how long it was.
    fn write_packet(&mut self, path: &str, epoch_ns: i64, bytes: &[u8], original: u32) -> Result<(), String>;
    /// Standard output of a shell command; the text output adds a newline when it prints it (`Message::Syscall`).
    fn shell(&mut self, command: &str) -> Result<Vec<u8>, String>;
}
