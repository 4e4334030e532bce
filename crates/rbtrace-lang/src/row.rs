//! The shapes of the rows: what each kind of feature has to say about itself.

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Sink, Span};
use rbtrace_ir as ir;
use rbtrace_types::{Aggregate, Enum, Facts, Field, Space, Struct, Type};

use crate::compile::{Call, Constant, LowerCx, Lowered, Place, TypeCx};
use crate::run::{RunCx, RunError, World};
use crate::value::Value;

/// A builtin function or variable. A variable is a function without arguments; both may be written `f` or `f()` then.
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// Other spellings, accepted silently or with a warning by `type_of`.
    pub aliases: &'static [&'static str],
    /// How many of its kind there are, counted in their names (`arg0`, `arg1`); 0: it has its name alone.
    pub numbered: u32,
    /// For people: `printf(fmt, args…)`.
    pub signature: &'static str,
    /// Its page in the manual (markdown): first line is the summary; has an example in a code block.
    pub manual: &'static str,
    /// Fewest and most arguments; checked before `type_of`.
    pub args: (usize, usize),
    /// Probe types it works in; checked before `type_of`.
    pub allowed: Allowed,
    /// Needs `--unsafe`.
    pub is_unsafe: bool,
    /// Arguments from which on a call wants a program of a typed kind (see [`ProbeType::plan`]), where there is a choice.
    pub typed_from: usize,
    /// Whether its value is what the kernel's stack is where the event happens (see [`Place::walks_kernel`]).
    pub walks_kernel: bool,
    /// Whether its value is another one at each place of a probe of that type, so that a program has to know where it is.
    pub asks_place: fn(&ProbeType) -> bool,
    /// Has an effect, so a discarded value is no mistake.
    pub has_effect: bool,
    /// Control never goes on behind a call.
    pub leaves: bool,
    /// Checks the arguments and says the type of the value.
    pub type_of: fn(&mut dyn TypeCx, &Call) -> Type,
    /// The string constant that the call is, where it is one (`str($1)`).
    pub literal: Option<Literal>,
    /// The value that the call has at compile time, where it has one; its arguments were typed.
    pub constant: Option<Known>,
    /// Appends its operations.
    pub lower: fn(&mut dyn LowerCx, &Call) -> Lowered,
    /// Evaluates straight into memory of the value's type, which saves a copy where a key is put together.
    pub lower_into: Option<LowerInto>,
    /// Reads a field of what its value points to, where that is not plain memory or can be had without a helper.
    pub field: Option<ReadField>,
    /// Handles its record in user space.
    pub handle: Option<Handle>,
    /// Can do that work in the kernel where nobody reads records (see [`ProbeType::unread`]).
    pub works_unread: bool,
}

impl Builtin {
    /// What most rows have in common: no arguments, allowed everywhere, no value, no effect.
    pub const BASE: Builtin = Builtin {
        name: "",
        aliases: &[],
        numbered: 0,
        signature: "",
        manual: "",
        args: (0, 0),
        allowed: Allowed::Any,
        is_unsafe: false,
        typed_from: usize::MAX,
        walks_kernel: false,
        asks_place: |_| false,
        has_effect: false,
        leaves: false,
        type_of: |_, _| Type::Void,
        literal: None,
        constant: None,
        lower: |_, _| Lowered::Void,
        lower_into: None,
        field: None,
        handle: None,
        works_unread: false,
    };
}

/// See [`Builtin::literal`].
pub type Literal = fn(&mut dyn TypeCx, &Call) -> Option<Vec<u8>>;

/// See [`Builtin::constant`].
pub type Known = fn(&mut dyn TypeCx, &Call) -> Option<Constant>;

/// See [`Builtin::lower_into`].
pub type LowerInto = fn(&mut dyn LowerCx, &Call, to: ir::Value);

/// See [`Builtin::field`].
pub type ReadField = fn(&mut dyn LowerCx, &Call, &Field) -> Option<Lowered>;

/// See [`Builtin::handle`].
pub type Handle = fn(&mut dyn RunCx, &ir::EventDecl, &[Value]) -> Result<(), RunError>;

/// Probe types in which something may be used.
#[derive(Clone, Copy, Debug)]
pub enum Allowed {
    /// In all.
    Any,
    /// In those (canonical names).
    Only(&'static [&'static str]),
}

/// An aggregation: `@m = count()`. The state of one CPU is an array of u64 words; all zeros is the empty state.
pub struct Aggregation {
    /// Its name.
    pub name: &'static str,
    /// For people.
    pub signature: &'static str,
    /// Its page in the manual.
    pub manual: &'static str,
    /// Fewest and most arguments.
    pub args: (usize, usize),
    /// Checks the arguments and says the type of the state; `None`: something was reported.
    pub type_of: fn(&mut dyn TypeCx, &Call) -> Option<Aggregate>,
    /// Evaluates the arguments that change from event to event, before the state is looked up.
    pub prepare: fn(&mut dyn LowerCx, &Call) -> Vec<ir::Value>,
    /// Adds one value to the state at an address; `prepared` is what `prepare` gave.
    pub update: fn(&mut ir::Builder, &Aggregate, prepared: &[ir::Value], state: ir::Value),
    /// How it is read inside the kernel; `None`: it cannot be.
    pub read: Option<Read>,
    /// Folds the state of one more CPU into `total`.
    pub merge: fn(&Aggregate, total: &mut [u64], cpu: &[u64]),
    /// Whether a merged state holds anything.
    pub is_set: fn(&Aggregate, total: &[u64]) -> bool,
    /// The value that is printed.
    pub show: fn(&Aggregate, total: &[u64], &Showing<'_>) -> Value,
    /// Sort key when a map is printed (SPEC §9.3).
    pub order: fn(&Aggregate, total: &[u64]) -> i128,
    /// `type` of its JSON line: `map`, `hist`, `stats`, ….
    pub json_type: &'static str,
    /// Whether values of several keys add up to one of the same kind: those of a function's callers to that of the function.
    pub adds_up: bool,
    /// Only printable as a whole map, never by key (hist, lhist).
    pub whole_only: bool,
}

/// How the state of an aggregation is shown.
pub struct Showing<'a> {
    /// Its numbers are divided by it; ≥ 1.
    pub div: u64,
    /// The largest [`Aggregation::order`] of all entries of the map.
    pub largest: i128,
    /// Resolves times.
    pub world: &'a dyn World,
}

/// Reading an aggregation in the kernel: fold over the CPUs' states, then finish.
pub struct Read {
    /// Initial values of the accumulators.
    pub init: fn(&Aggregate) -> Vec<i64>,
    /// Folds one CPU's state at an address into the accumulators (scalar slots).
    pub fold: fn(&mut ir::Builder, &Aggregate, accumulators: &[ir::SlotId], state: ir::Value),
    /// The integer read.
    pub finish: fn(&mut ir::Builder, &Aggregate, accumulators: &[ir::SlotId]) -> ir::Value,
}

/// How `-p` narrows a probe type (SPEC §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PidFilter {
    /// Not at all.
    None,
    /// A test of `pid` before the predicate.
    Injected,
    /// The kernel does it: the plan carries the pid.
    AtAttach,
}

/// What the user asked of a probe type: its target and the run's options.
pub struct Target<'a> {
    /// Text after the probe type, split at unquoted colons, positional parameters already replaced.
    pub parts: &'a [TargetPart],
    /// The whole attach point.
    pub span: Span,
    /// The process given by `-p`.
    pub pid: Option<u32>,
    /// `--unsafe`
    pub is_unsafe: bool,
    /// Nothing is said where nothing is found.
    pub ignores_absence: bool,
}

/// One part of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetPart {
    /// The text, quotes removed.
    pub text: String,
    /// Byte ranges of `text` in which wildcards are literal are not kept: a part is either quoted or not.
    pub quoted: bool,
    /// Where.
    pub span: Span,
}

/// How one place is attached.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The kind of BPF program.
    pub program_type: ir::ProgramType,
    /// When it runs.
    pub role: ir::Role,
    /// Where it goes; `None` for roles other than `Traced`.
    pub plan: Option<ir::AttachPlan>,
    /// Whether it is attached in reverse order of the script.
    pub reverse: bool,
}

/// Another program, without which a place is not known before the script runs.
#[derive(Debug)]
pub struct Preparation {
    /// Where it is attached.
    pub place: Place,
    /// How.
    pub planned: Planned,
    /// The argument there whose value is left.
    pub argument: u32,
    /// The map it is left in.
    pub map: String,
}

/// Several places of one probe that one program can serve: it reads a selector and takes the body of that place.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    /// Places with equal keys share a program.
    pub key: String,
    /// The value of the selector that means this place. `None`: each place gets a number, which its plan hands to the kernel as a cookie;
    /// only places of the same probe share a program then. Where the kernel has no cookies, they share one that asks for no place.
    pub selector: Option<u64>,
}

/// Why a target matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// What is known.
    pub why: String,
    /// What can be done, where the nearest name is none.
    pub hint: Option<String>,
}

/// Why a place has no `args`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoArgs {
    /// What is wrong.
    pub message: String,
    /// Why.
    pub why: String,
    /// What can be done.
    pub hint: Option<String>,
}

/// An argument that no program can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// Why.
    pub why: String,
}

/// A line of `-l`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Attachable text.
    pub name: String,
    /// With `-v`: one line per argument, `type name`.
    pub details: Vec<String>,
}

/// See [`ProbeType::plan`].
pub type Plan = fn(&dyn Facts, &Place, uses_args: bool, pid: Option<u32>) -> Result<Planned, Diagnostic>;

/// See [`ProbeType::program_constant`]: the enum, and the value of the constant.
pub type EnumWith = fn(&dyn Facts, &Place, name: &str) -> Option<(Arc<Enum>, i64)>;

/// A probe type.
pub struct ProbeType {
    /// Canonical name.
    pub name: &'static str,
    /// Short forms and old names. Matched with case first, then without (SPEC §1.10).
    pub aliases: &'static [&'static str],
    /// For people: `tracepoint:category:event`.
    pub signature: &'static str,
    /// Its page in the manual.
    pub manual: &'static str,
    /// What `probetype` says.
    pub class: &'static str,
    /// Default address space of untagged pointers.
    pub space: Space,
    /// What `-p` does.
    pub pid_filter: PidFilter,
    /// Whether `-c` narrows it as `-p` does: to the child.
    pub follows_child: bool,
    /// Whether a provider wildcard may choose it when nothing else is said (SPEC §7.2).
    pub in_wildcards: bool,
    /// What places have in common that one link of the kernel serves, however many they are: they count less against `max_probes`.
    pub link: fn(&dyn Facts, &Place) -> Option<String>,
    /// The places a target means, wildcards resolved, in listing order. Mistakes are pushed to the sink. A target that matches nothing
    /// gives an empty list and pushes nothing: the caller knows what `missing_probes` says; `nearest` words the remedy.
    pub expand: fn(&dyn Facts, &Target, &mut Sink) -> Vec<Vec<String>>,
    /// Remedy for a target that matches nothing: the nearest existing name.
    pub nearest: fn(&dyn Facts, &Target) -> Option<String>,
    /// Why a target matches nothing, where there is more to say than that nothing has this name.
    pub absent: fn(&dyn Facts, &Target) -> Option<Absent>,
    /// What exists and matches a listing pattern (parts after the probe type).
    pub list: fn(&dyn Facts, parts: &[&str], verbose: bool) -> Vec<Listed>,
    /// Why [`ProbeType::args`] has no answer.
    pub without_args: &'static str,
    /// The same of one place, where there is more to say.
    pub no_args: fn(&dyn Facts, &Place) -> Option<NoArgs>,
    /// The struct behind `args`; `None`: the probe has none.
    pub args: fn(&dyn Facts, &Place) -> Option<Arc<Struct>>,
    /// Arguments that [`ProbeType::args`] leaves out because no program can read them, each with the reason.
    pub unreadable_args: fn(&dyn Facts, &Place) -> Vec<Unreadable>,
    /// A type of the program that a place is in, by its C name.
    pub program_type: fn(&dyn Facts, &Place, name: &str) -> Option<Type>,
    /// An enum of that program that has a constant of a name.
    pub program_constant: EnumWith,
    /// How a place is attached. `uses_args`: whether the body reads `args` or the context, or calls what only programs of a typed kind may.
    pub plan: Plan,
    /// The program that goes before it, where there is one.
    pub prepare: fn(&dyn Facts, &Place) -> Option<Result<Preparation, Diagnostic>>,
    /// Whether several places of one probe can share a program.
    pub shared: fn(&dyn Facts, &Place) -> Option<Shared>,
    /// One program for a plan of this type and for one of another, at the ends of the same functions; `None`: they need two.
    pub session: fn(&dyn Facts, &Planned, &Planned) -> Option<Planned>,
    /// Whether such a program is at an end.
    pub at_end: fn(&mut dyn LowerCx) -> ir::Value,
    /// Reads the selector of a shared program (see [`Shared`]); leaves the probe itself where no place can be meant.
    pub select: fn(&mut dyn LowerCx, &Planned) -> ir::Value,
    /// The C name of the struct behind `ctx`; `None`: scripts do not look at it.
    pub context: fn(&dyn Facts, &Place) -> Option<String>,
    /// Evaluates `ctx.field`.
    pub context_field: fn(&mut dyn LowerCx, &Field) -> Lowered,
    /// What its programs do before anything else. `emits`: whether they have events.
    pub enter: fn(&mut dyn LowerCx, emits: bool),
    /// Whether nobody reads events of the place: it goes on when we are gone.
    pub unread: fn(&Place) -> bool,
    /// Whether numbered arguments (`arg0`) are known to be signed, or not to be.
    pub has_signed_arguments: bool,
    /// How many of them a place has; `None`: it has none at all.
    pub arguments: fn(&dyn Facts, &Place) -> Option<u32>,
    /// Why one of those cannot be read, where it cannot.
    pub unreadable: fn(&dyn Facts, &Place, u32) -> Option<String>,
    /// Evaluates one of them.
    pub argument: fn(&mut dyn LowerCx, &Planned, u32) -> ir::Value,
    /// Whether a place is the first instruction of a function and the kernel leaves out of stacks there who called it, because it goes by
    /// frames, and the function has not made its own yet.
    pub hides_caller: fn(&dyn Facts, &Place) -> bool,
    /// The type of what a place's function returned; `None`: nothing is returned there.
    pub result: fn(&dyn Facts, &Place) -> Option<Type>,
    /// Evaluates it.
    pub read_result: fn(&mut dyn LowerCx, &Planned) -> ir::Value,
    /// The function that a place is in, as people write it.
    pub function: fn(&dyn Facts, &Place) -> Option<String>,
    /// Evaluates `args.field`.
    pub arg: fn(&mut dyn LowerCx, &Planned, &Field) -> Lowered,
}

impl PartialEq for ProbeType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for ProbeType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A type whose text user space makes (`Type::Named`).
pub struct NamedType {
    /// As in `Named::name`.
    pub name: &'static str,
    /// What a script calls it in a declaration, old spellings too.
    pub written: &'static [&'static str],
    /// The type that a declaration means; `None`: a script cannot declare it.
    pub ty: Option<fn() -> Type>,
    /// Whether it is one number of 64 bits, which a script can cast to it: `(username_t)1000`.
    pub is_number: bool,
    /// Its text.
    pub show: fn(&dyn crate::run::World, bytes: &[u8]) -> Result<Value, RunError>,
}

/// A configuration key (SPEC §8.4).
pub struct ConfigKey {
    /// Lower case, without prefix.
    pub name: &'static str,
    /// Old names, which give a warning.
    pub aliases: &'static [&'static str],
    /// Old names of a switch that meant the opposite; they give the same warning.
    pub opposites: &'static [&'static str],
    /// Its manual text.
    pub manual: &'static str,
    /// Default, as text.
    pub default: &'static str,
    /// Checks a text and gives its canonical form, or says what is accepted.
    pub parse: fn(&str) -> Result<String, String>,
}

impl ConfigKey {
    /// The canonical form of a value that was written under one of the key's names.
    pub fn read(&self, name: &str, text: &str) -> Result<String, String> {
        let value = (self.parse)(text)?;
        Ok(match (self.opposites.contains(&name), value.as_str()) {
            (true, "true") => "false".into(),
            (true, "false") => "true".into(),
            (_, _) => value,
        })
    }
}
