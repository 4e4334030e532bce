//! One script, all the way: compiled, loaded, run by the kernel and by the interpreter, and what both left behind compared.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rbtrace_codegen::{Isa, Target};
use rbtrace_diag::Sources;
use rbtrace_interp::Machine;
use rbtrace_ir::{LossKind, MapId, Program, ProgramType, Storage};
use rbtrace_types::{Facts, Feature, Layout, Type};
use rustix::time::{ClockId, clock_gettime};

use crate::dice::Dice;
use crate::front::{self, Given, Older};
use crate::kernel::{self, Outcome};
use crate::signatures;
use crate::tree::Tree;
use crate::world::{Here, Unknown, readable};

/// What became of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The compiler refused it: not our subject.
    IllTyped(Vec<String>),
    /// Its loops are walked, as on kernels that cannot repeat a function, and are more than the verifier walks: a run says so of such a kernel.
    TooLong,
    /// It was accepted by the kernel, and did the same as in the interpreter; or why that could not be asked.
    Loaded(Result<(), Why>),
    Bad(Failure),
}

/// Why a script that was loaded is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// One of its programs cannot be run for a test.
    Untestable,
    /// It asks for a time or a random number, or acts on the system.
    Unrepeatable,
    /// It asks for something that the interpreter does not know.
    Unsure(Unknown),
    /// The interpreter has no such thing.
    Limits,
    /// The ring buffer overflowed: the interpreter's has no end.
    Lost,
}

/// What must not happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The kernel's words.
    Refused(String),
    /// Some stage gave up.
    Panicked(String),
    /// What differs.
    Differs(String),
    /// The interpreter found an access that no program may make.
    Faulty(String),
    /// How long it took.
    Slow(Duration),
}

impl Failure {
    /// Whether another failure is of the same kind, as far as shrinking goes.
    pub fn is_like(&self, other: &Failure) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// What this thread has worked so far. What others do on the machine is no fault of a script.
fn own_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// What the last panic said, and where.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// From here on panics are told with the script they are about, not by themselves.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|panic| *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string()));
}

pub fn last_panic() -> String {
    LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Faults that are the interpreter's own limits.
const LIMITS: [&str; 2] = ["runs forever", "the context has no address here"];

/// The machine, its age, and the context of one script.
pub struct Bench<'a> {
    machine: &'a dyn Facts,
    target: Target,
    lacks: Vec<Feature>,
    context: Vec<u64>,
}

impl<'a> Bench<'a> {
    /// What a seed chooses. A script that is compared has the older way to raw tracepoints, which alone can be run for a test.
    pub fn new(machine: &'a dyn Facts, seed: u64, repeatable: bool) -> Bench<'a> {
        let mut dice = Dice::new(!seed);
        let isa = *dice.pick(&[Isa::V2, Isa::V3, Isa::V4, Isa::V4]);
        let target = Target { isa, frugal: dice.percent(8), ..Target::default() };
        let mut lacks = Vec::new();
        if repeatable {
            lacks.push(Feature::TypedRawTracepoint);
        }
        if dice.percent(15) {
            lacks.extend(Feature::ALL.into_iter().filter(|_| dice.percent(40)));
        }
        let word = *dice.pick(&[0, 1, 7, u64::MAX, 0x8000_0000, 0x7fff_ffff_ffff_ffff]);
        Bench { machine, target, lacks, context: vec![readable(), word, dice.word()] }
    }

    /// Leaves out what the compiler does not accept, line by line, until the rest compiles.
    pub fn well_typed(&self, mut tree: Tree) -> Option<Tree> {
        let facts = Older { machine: self.machine, lacks: self.lacks.clone() };
        for _ in 0..40 {
            let compiled = catch_unwind(AssertUnwindSafe(|| front::compile(&tree.text(), &facts, &Given::default())));
            // A panic is found again by the trial.
            let Ok(Err(refused)) = compiled else { return Some(tree) };
            let mut paths: Vec<_> = refused.lines.iter().filter_map(|&line| tree.at_line(line)).collect();
            paths.sort();
            paths.dedup();
            paths.retain(|path| path.len() > 1 || tree.get(path).is_some_and(|node| node.kids.is_empty()));
            if paths.is_empty() {
                return None;
            }
            // The last first: the others keep their places.
            for path in paths.iter().rev() {
                tree = tree.replaced(path, Vec::new());
            }
        }
        None
    }

    /// Tries a script.
    pub fn try_script(&self, text: &str) -> Verdict {
        let start = own_time();
        let verdict = catch_unwind(AssertUnwindSafe(|| self.try_quietly(text)));
        let took = own_time().saturating_sub(start);
        match verdict {
            Ok(_) if took > Duration::from_secs(10) => Verdict::Bad(Failure::Slow(took)),
            Ok(verdict) => verdict,
            Err(_) => Verdict::Bad(Failure::Panicked(last_panic())),
        }
    }

    fn try_quietly(&self, text: &str) -> Verdict {
        let facts = Older { machine: self.machine, lacks: self.lacks.clone() };
        let mut sources = Sources::default();
        let program = match front::compile_with(text, &facts, &Given::default(), &mut sources) {
            Ok(program) => program,
            Err(refused) => return Verdict::IllTyped(refused.messages),
        };
        let loaded = match kernel::load(&program, self.target, Some(&sources)) {
            Ok(loaded) => loaded,
            // A run says so of a kernel that was built without it.
            Err(log) if log.contains("of this type cannot use helper") => return Verdict::IllTyped(vec![log]),
            Err(log) if self.lacks.contains(&Feature::Loop) && log.contains("BPF program is too large") => return Verdict::TooLong,
            Err(log) => return Verdict::Bad(Failure::Refused(log)),
        };
        let runs = |program_type| matches!(program_type, ProgramType::RawTracepoint);
        if !program.functions.iter().all(|function| runs(function.program_type)) {
            return Verdict::Loaded(Err(Why::Untestable));
        }
        if !signatures::repeatable(&program) {
            return Verdict::Loaded(Err(Why::Unrepeatable));
        }
        match self.interpret(&program) {
            Err(fault) if LIMITS.contains(&fault.as_str()) => Verdict::Loaded(Err(Why::Limits)),
            Err(fault) => Verdict::Bad(Failure::Faulty(fault)),
            Ok(Err(unknown)) => Verdict::Loaded(Err(Why::Unsure(unknown))),
            Ok(Ok(expected)) => {
                let real = kernel::run_loaded(&loaded, &program, &self.context);
                if lost(&program, &real) { Verdict::Loaded(Err(Why::Lost)) } else { compare(&program, real, expected) }
            }
        }
    }

    /// What it does here, or what it asked for that the interpreter cannot know.
    fn interpret(&self, program: &Program) -> Result<Result<Outcome, Unknown>, String> {
        let mut context: Vec<u8> = self.context.iter().flat_map(|word| word.to_le_bytes()).collect();
        context.resize(12 * 8, 0);
        let mut machine = Machine::new(program, Here::default());
        let mut returned = 0;
        for function in &program.functions {
            returned = machine.run(function, &context).map_err(|fault| fault.0)? as u32;
        }
        if let Some(unknown) = machine.world.unsure {
            return Ok(Err(unknown));
        }
        let maps: Vec<BTreeMap<_, _>> = (0..program.manifest.maps.len() as u32).map(|id| machine.entries(MapId(id))).collect();
        let events = machine.events.iter().map(|(event, payload)| (event.0, payload.clone())).collect();
        Ok(Ok(Outcome { returned, events, losses: machine.losses.clone(), maps }))
    }
}

/// Whether the ring buffer overflowed.
fn lost(program: &Program, outcome: &Outcome) -> bool {
    program.manifest.losses.iter().zip(&outcome.losses).any(|(loss, &count)| matches!(loss.kind, LossKind::Ring) && count > 0)
}

/// Gaps between the values of a record are nobody's business: whatever was in the buffer before.
fn without_gaps(program: &Program, outcome: &mut Outcome) {
    for (event, payload) in &mut outcome.events {
        let Some(declared) = program.manifest.events.get(*event as usize) else { continue };
        let layout = Layout::of(&declared.args);
        let mut end = 0;
        for (&offset, ty) in layout.offsets.iter().zip(&declared.args) {
            let gap = end..(offset as usize).min(payload.len());
            payload.get_mut(gap).into_iter().flatten().for_each(|byte| *byte = 0);
            end = (offset + ty.size()) as usize;
        }
        payload.get_mut(end..).into_iter().flatten().for_each(|byte| *byte = 0);
    }
}

/// In rows of strings (`join`) only what stands before a NUL was written, and rows that are not full have no more than that.
fn without_rest(program: &Program, real: &mut Outcome, expected: &mut Outcome) {
    const UNWRITTEN: u8 = 0xa5;
    for ((event, real), (_, expected)) in real.events.iter_mut().zip(&mut expected.events) {
        let Some(declared) = program.manifest.events.get(*event as usize) else { continue };
        for (&offset, ty) in Layout::of(&declared.args).offsets.iter().zip(&declared.args) {
            let Type::Array(of, count) = ty else { continue };
            let Type::String(size) = **of else { continue };
            for at in (0..*count).map(|index| (offset + index * size) as usize) {
                let slot = at..at + size as usize;
                let (Some(real), Some(expected)) = (real.get_mut(slot.clone()), expected.get_mut(slot)) else { continue };
                let written = expected.iter().position(|&byte| byte == 0 || byte == UNWRITTEN).unwrap_or(expected.len());
                real[written..].fill(0);
                expected[written..].fill(0);
            }
        }
    }
}

fn compare(program: &Program, mut real: Outcome, mut expected: Outcome) -> Verdict {
    without_rest(program, &mut real, &mut expected);
    without_gaps(program, &mut real);
    without_gaps(program, &mut expected);
    if real == expected {
        return Verdict::Loaded(Ok(()));
    }
    // The order in which the entries of a map are walked is the kernel's affair.
    real.events.sort();
    expected.events.sort();
    if real == expected {
        return Verdict::Loaded(Ok(()));
    }
    let mut said = String::new();
    for (at, (real, expected)) in real.maps.iter().zip(&expected.maps).enumerate() {
        let declared = &program.manifest.maps[at];
        let evicts = matches!(declared.storage, Storage::LruHash | Storage::LruPerCpuHash);
        if real != expected && !evicts {
            said.push_str(&format!("{} ({}): kernel {real:02x?}, interpreter {expected:02x?}\n", declared.name, declared.value));
        }
    }
    if real.events != expected.events {
        let only =
            |a: &Outcome, b: &Outcome| a.events.iter().filter(|event| !b.events.contains(event)).take(3).cloned().collect::<Vec<_>>();
        said.push_str(&format!("events: kernel {:02x?}, interpreter {:02x?}\n", only(&real, &expected), only(&expected, &real)));
    }
    if real.losses != expected.losses || real.returned != expected.returned {
        said.push_str(&format!("kernel returned {} losses {:?}, ", real.returned, real.losses));
        said.push_str(&format!("interpreter {} {:?}\n", expected.returned, expected.losses));
    }
    Verdict::Bad(Failure::Differs(said))
}
