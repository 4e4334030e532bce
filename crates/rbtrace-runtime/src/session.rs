//! A run as its records see it: maps, world, output. Handles one record after the other; knows neither the ring nor the kernel's programs.

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};

use anyhow::Result;
use rbtrace_host::Host;
use rbtrace_ir::{EventDecl, Manifest, MapId};
use rbtrace_lang::Value;
use rbtrace_lang::run::{Message, Report, RunCx, RunError, World, code};
use rbtrace_lang::warnings::{self, Warning};

use crate::Options;
use crate::captures::Captures;
use crate::maps::table::{Cut, Table};
use crate::maps::{Map, Maps};
use crate::output::stream::Sink;
use crate::output::{self, Manner, Output, Shown, Stream, has_stack};
use crate::ring::Flow;
use crate::ring::decode::{self, Event};
use crate::world::Machine;

/// What happens to records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// They are handled until one ends the run.
    Running,
    /// They came too late.
    Discarding,
    /// They are handled to the last: those of `end` probes.
    Ending,
}

/// See the module.
pub struct Session<'m> {
    /// Maps of the script.
    pub maps: Maps<'m>,
    /// Where output goes.
    pub sink: Sink,
    /// In which words.
    pub output: Box<dyn Output>,
    /// What happens to the next record.
    pub phase: Phase,
    /// Bytes of records seen.
    pub seen: u64,
    /// Records that came too late to be handled.
    pub dropped: u64,
    /// The last record took long: others want to be looked at before the next one.
    slow: bool,
    /// Exit status that the script asked for.
    pub exit_code: Option<i32>,
    /// How many errors the script reported.
    pub errors: u64,
    manifest: &'m Manifest,
    events: Vec<Event<'m>>,
    /// Names and times.
    pub world: Machine<'m>,
    captures: Captures,
    /// Reused from record to record.
    values: Vec<Value>,
}

impl<'m> Session<'m> {
    /// A session in which nothing has happened yet.
    pub fn new(manifest: &'m Manifest, host: &'m Host, maps: Maps<'m>, options: &Options) -> Result<Self> {
        let world = Machine::new(host, manifest, maps.stack_tables()?, options.verbose);
        let undrawn = !manifest.config.held_back.includes(warnings::NOT_DRAWN.code);
        let manner = Manner { color: options.color, codes: options.verbose, undrawn };
        Ok(Self {
            maps,
            sink: Sink::open(options.output.as_deref(), options.buffering)?,
            output: output::of(options.format, manner),
            phase: Phase::Running,
            seen: 0,
            dropped: 0,
            slow: false,
            exit_code: None,
            errors: 0,
            manifest,
            events: decode::events(manifest)?,
            world,
            captures: Captures::default(),
            values: Vec::new(),
        })
    }

    /// Handles a record.
    pub fn record(&mut self, bytes: &[u8]) -> Flow {
        self.seen += bytes.len() as u64;
        if self.phase == Phase::Discarding {
            self.dropped += 1;
            return Flow::Continue;
        }
        self.handle(bytes);
        self.sink.after_record();
        let slow = std::mem::take(&mut self.slow);
        match self.phase {
            Phase::Running if self.is_over() || slow => Flow::Stop,
            Phase::Running | Phase::Discarding | Phase::Ending => Flow::Continue,
        }
    }

    /// Says something about the run, in the words and on the stream of the format.
    pub fn say(&mut self, words: impl FnOnce(&dyn Output, &mut Vec<u8>) -> Stream) {
        let mut line = Vec::new();
        let stream = words(self.output.as_ref(), &mut line);
        self.sink.say(stream, &line);
    }

    /// Warns of something about the run as a whole, if such warnings are wanted.
    pub fn warn(&mut self, warning: &Warning, text: &str) {
        if !self.manifest.config.held_back.includes(warning.code) {
            self.say(|output, line| output.complain(Some(warning.code), text, line));
        }
    }

    /// Whether the script, or the end of its reader, ended the run.
    pub fn is_over(&self) -> bool {
        self.exit_code.is_some() || self.sink.is_broken()
    }

    /// Prints every map that holds data, sorted by name.
    pub fn print_maps(&mut self) -> Result<()> {
        let Self { maps, sink, output, world, .. } = self;
        for map in maps.by_name() {
            let table = map.table()?;
            if table.is_set() {
                print_table(map, &table, Cut::default(), output.as_ref(), world, sink)?;
                sink.after_record();
            }
        }
        Ok(())
    }

    fn handle(&mut self, bytes: &[u8]) {
        let (number, payload) = match decode::split(bytes) {
            Ok(parts) => parts,
            Err(error) => return self.internal(&format!("a record of {} bytes cannot be read: {error}", bytes.len())),
        };
        let Some(event) = self.events.get(number) else {
            return self.internal(&format!("a record of an unknown event {number}"));
        };
        let (decl, handle) = (event.decl, event.handle);
        let mut values = std::mem::take(&mut self.values);
        let handled = event.decode(payload, &self.world, &mut values).and_then(|()| handle(self, decl, &values));
        self.values = values;
        if let Err(error) = handled {
            self.report(Report::RuntimeError, decl, &error.to_string());
        }
    }

    /// Says that rbtrace itself made a mistake.
    fn internal(&mut self, text: &str) {
        self.say(|output, line| output.complain(None, &format!("{text}; this is a bug in rbtrace"), line));
    }

    fn map(&mut self, id: MapId) -> Result<&mut Map<'m>, RunError> {
        self.maps.get_mut(id).ok_or_else(|| RunError::Failed(format!("no map has the number {}", id.0)))
    }
}

fn print_table(
    map: &Map<'_>,
    table: &Table<'_>,
    cut: Cut,
    output: &dyn Output,
    world: &dyn World,
    sink: &mut Sink,
) -> Result<(), RunError> {
    let (title, key, json_type) = (map.title(), &table.decl().key, table.json_type());
    let (keyed, stacks) = (key.is_some(), key.as_ref().is_some_and(has_stack));
    let shown = Shown { title, keyed, stacks, adds_up: table.adds_up(), json_type, rows: &mut table.rows(cut, world) };
    let mut done = Ok(());
    sink.put(|out| {
        output.map(shown, out).unwrap_or_else(|error| {
            done = Err(error);
            Stream::Out
        })
    });
    done
}

fn failed(error: anyhow::Error) -> RunError {
    RunError::Failed(format!("{error:#}"))
}

impl RunCx for Session<'_> {
    fn world(&self) -> &dyn World {
        &self.world
    }

    fn print(&mut self, kind: Message, text: &[u8]) {
        let Self { sink, output, .. } = self;
        sink.put(|out| output.message(kind, text, out));
    }

    fn print_value(&mut self, value: &Value) {
        let Self { sink, output, .. } = self;
        sink.put(|out| output.value(value, out));
    }

    fn print_map(&mut self, map: MapId, top: u64, div: u64) -> Result<(), RunError> {
        let Self { maps, sink, output, world, .. } = self;
        let map = maps.get(map).ok_or(RunError::Truncated)?;
        let table = map.table().map_err(failed)?;
        print_table(map, &table, Cut { top, div }, output.as_ref(), world, sink)
    }

    fn clear_map(&mut self, map: MapId) -> Result<(), RunError> {
        self.map(map)?.clear().map_err(failed)
    }

    fn zero_map(&mut self, map: MapId) -> Result<(), RunError> {
        self.map(map)?.zero().map_err(failed)
    }

    fn report(&mut self, kind: Report<'_>, event: &EventDecl, text: &str) {
        self.errors += u64::from(kind == Report::Errorf);
        if !code(kind, event).is_some_and(|code| self.manifest.config.held_back.includes(code)) {
            self.say(|output, line| output.report(kind, event, text, line));
        }
    }

    fn exit(&mut self, code: i32) {
        self.exit_code = Some(code);
    }

    fn read_file(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let mut content = Vec::new();
        let file = File::open(path).map_err(|error| error_text(&error))?;
        file.take(self.manifest.config.max_cat_bytes).read_to_end(&mut content).map_err(|error| error_text(&error))?;
        Ok(content)
    }

    fn write_packet(&mut self, path: &str, epoch_ns: i64, bytes: &[u8], original: u32) -> Result<(), String> {
        self.captures.write(path, epoch_ns, bytes, original).map_err(|error| error_text(&error))
    }

    fn shell(&mut self, command: &str) -> Result<Vec<u8>, String> {
        // What the script has printed so far comes before what the command says on its own stderr.
        self.sink.after_drain();
        self.slow = true;
        let run = Command::new("sh").arg("-c").arg(command).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        Ok(run.map_err(|error| format!("failed to run `{command}`: {}", error_text(&error)))?.stdout)
    }
}

/// `No such file or directory`, without Rust's `(os error 2)`.
fn error_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
