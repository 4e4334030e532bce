//! What a run says, and in which words: a trait with one implementation per format. Knows values and titles; asks no kernel.

mod json;
mod stacks;
pub mod stream;
mod text;
mod trial;
mod utc;

use std::time::Duration;

use rbtrace_ir::EventDecl;
use rbtrace_lang::Value;
use rbtrace_lang::run::{Message, Report, RunError};

pub use crate::output::json::Json;
pub use crate::output::stacks::{Stacks, has_stack};
pub use crate::output::text::Text;

use crate::Format;
use crate::maps::table::Row;

/// A map to be printed.
pub struct Shown<'a> {
    /// `@name`
    pub title: String,
    /// Whether rows have keys.
    pub keyed: bool,
    /// Whether stacks are among the keys.
    pub stacks: bool,
    /// Whether values of several rows add up to one of the same kind.
    pub adds_up: bool,
    /// `type` of its JSON line.
    pub json_type: &'static str,
    /// The rows in order.
    pub rows: &'a mut dyn Iterator<Item = Result<Row, RunError>>,
}

/// What is told of tests and benchmarks.
#[derive(Clone, Copy, Debug)]
pub enum Trial<'a> {
    /// That many tests follow.
    Tests(usize),
    /// One begins.
    Test {
        /// Its name.
        name: &'a str,
    },
    /// It ended.
    Tested {
        /// Its name.
        name: &'a str,
        /// How long it took.
        duration: Duration,
        /// Whether all was well.
        passed: bool,
        /// What it printed and reported.
        output: &'a [u8],
    },
    /// All of them ended; these had failed.
    AllTested {
        /// How many there were.
        count: usize,
        /// Names of those that failed.
        failed: &'a [&'a str],
    },
    /// Benchmarks follow.
    Benches {
        /// The longest name has that many characters.
        widest: usize,
    },
    /// One was measured.
    Measured {
        /// Its name.
        name: &'a str,
        /// As before.
        widest: usize,
        /// Nanoseconds per run.
        average: u64,
        /// How often it ran.
        runs: u64,
    },
}

/// Which stream a line goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What the script prints.
    Out,
    /// What is said about it.
    Err,
}

/// A format. Methods append to `out` and say where the text belongs.
pub trait Output {
    /// A script's text.
    fn message(&self, kind: Message, text: &[u8], out: &mut Vec<u8>) -> Stream;
    /// A value on a line of its own.
    fn value(&self, value: &Value, out: &mut Vec<u8>) -> Stream;
    /// A whole map.
    fn map(&self, shown: Shown<'_>, out: &mut Vec<u8>) -> Result<Stream, RunError>;
    /// What separates the events from the maps at the end.
    fn before_maps(&self, out: &mut Vec<u8>);
    /// That many probes are attached.
    fn attached(&self, probes: usize, out: &mut Vec<u8>) -> Stream;
    /// That many events were lost since this was last said.
    fn lost(&self, events: u64, out: &mut Vec<u8>) -> Stream;
    /// Something about the script, with the place of the call that says it.
    fn report(&self, kind: Report<'_>, event: &EventDecl, text: &str, out: &mut Vec<u8>) -> Stream;
    /// The same happened at the same place that many times more.
    fn repeated(&self, kind: Report<'_>, event: &EventDecl, text: &str, times: u64, out: &mut Vec<u8>) -> Stream;
    /// How tests and benchmarks go.
    fn trial(&self, trial: Trial<'_>, out: &mut Vec<u8>);
    /// A warning about the run as a whole; without a code it is about rbtrace itself.
    fn complain(&self, code: Option<&str>, text: &str, out: &mut Vec<u8>) -> Stream;
    /// The end of the output, for formats that have one.
    fn end(&self, _: &mut Vec<u8>) {}
}

/// How a format speaks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// In colours.
    pub color: bool,
    /// With the codes of warnings, where they are no text for people.
    pub codes: bool,
    /// And says which maps cannot be drawn.
    pub undrawn: bool,
}

/// The format of a name.
pub fn of(format: Format, Manner { color, codes, undrawn }: Manner) -> Box<dyn Output> {
    match format {
        Format::Text => Box::new(Text { color }),
        Format::Json => Box::new(Json { codes }),
        Format::Folded => Box::new(Stacks::lines(Text { color }, undrawn)),
        Format::Flame => Box::new(Stacks::picture(Text { color }, undrawn)),
    }
}

/// An event at a place, as tests need it.
#[cfg(test)]
pub(crate) fn event(location: &str) -> EventDecl {
    let location = location.to_string();
    EventDecl { location, ..EventDecl::default() }
}
