//! Places in the code of processes: what the probe types on functions of programs and libraries have in common. Asks [`Facts`] about binaries.

mod abi;
pub(super) mod arguments;
mod expand;
mod line;
mod locals;
mod pieces;
mod target;
pub(super) mod types;

use rbtrace_diag::{Diagnostic, nearest};
use rbtrace_ir as ir;
use rbtrace_ir::{AttachPlan, ProgramType, Role, UprobeFile, UprobePlace};
use rbtrace_types::binary::Naming;
use rbtrace_types::{Arch, Facts, Feature};

use super::{cookie, parts, wildcard};
use crate::compile::{LowerCx, Place};
use crate::row::{Absent, Listed, Planned, Shared, Target, TargetPart};

pub(super) use expand::expand;
use target::{CPP, Code};

/// What a compiler calls its own copies of a function, whose arguments may differ from the source's.
const VARIANTS: [&str; 4] = [".isra.", ".constprop.", ".part.", ".lto_priv."];

/// Which of the probe types.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// Its name.
    pub name: &'static str,
    /// It is about the end of functions.
    pub returns: bool,
}

/// One link serves all places of a binary where the kernel has such links.
pub(super) fn link(facts: &dyn Facts, place: &Place) -> Option<String> {
    facts.has(Feature::UprobeMulti).then(|| place.parts[0].clone())
}

/// How a place is attached: at every address that its name means.
pub(super) fn plan(facts: &dyn Facts, place: &Place, returns: bool, pid: Option<u32>) -> Result<Planned, Diagnostic> {
    let binary = &place.parts[0];
    let mut offsets: Vec<u64> = breakpoints(facts, place).into_iter().filter_map(|address| facts.code_offset(binary, address)).collect();
    offsets.sort_unstable();
    offsets.dedup();
    if let (true, (_, Code::Address(address))) = (offsets.is_empty(), target::code_of(&place.parts)) {
        // A file without segments, which needed `--unsafe` to get here: its bytes are numbered from the start.
        offsets.push(address);
    }
    let places = offsets.into_iter().map(|offset| UprobePlace { offset, ..UprobePlace::default() }).collect();
    let files = vec![UprobeFile { path: facts.binary_path(binary), places }];
    let plan = AttachPlan::Uprobe { files, returns, pid };
    // The kernel runs the last one attached first.
    Ok(Planned { program_type: ProgramType::Kprobe, role: Role::Traced, plan: Some(plan), reverse: true })
}

/// Where a place's breakpoint is, as its binary numbers its memory; 0 if it is at several places, or at none that is known.
pub(crate) fn address(facts: &dyn Facts, place: &Place) -> u64 {
    match breakpoints(facts, place)[..] {
        [address] => address,
        _ => 0,
    }
}

fn addresses(facts: &dyn Facts, place: &Place) -> Vec<u64> {
    addresses_of(facts, &place.parts)
}

fn addresses_of(facts: &dyn Facts, parts: &[String]) -> Vec<u64> {
    let binary = &parts[0];
    let (naming, code) = target::code_of(parts);
    let (name, offset) = match code {
        Code::Address(address) => return vec![address],
        Code::Function { name, offset, .. } => (name, offset),
        Code::Pattern(_) | Code::Line(_) => return Vec::new(),
    };
    let functions = facts.function(binary, naming, name).unwrap_or_default();
    let of = |function: &rbtrace_types::binary::Function| match function.is_indirect {
        true => facts.implementations(binary, function),
        false => vec![function.address],
    };
    functions.iter().flat_map(of).map(|address| address + offset).collect()
}

/// Where the breakpoints are: a bit behind the beginning of a function where the kernel takes none on its first instruction.
fn breakpoints(facts: &dyn Facts, place: &Place) -> Vec<u64> {
    let all = addresses(facts, place);
    match target::code_of(&place.parts).1 {
        Code::Function { offset: 0, .. } => {
            all.into_iter().map(|address| facts.breakpoint(&place.parts[0], address).unwrap_or(address)).collect()
        }
        Code::Function { .. } | Code::Address(_) | Code::Pattern(_) | Code::Line(_) => all,
    }
}

/// Whether the breakpoint of a place is on the first instruction of a function, and the kernel does not look for its caller there: that of x86-64
/// does since Linux 6.11, where it recognises the instruction.
pub(super) fn hides_caller(facts: &dyn Facts, place: &Place) -> bool {
    let (binary, addresses) = (&place.parts[0], addresses(facts, place));
    let is_beginning = match target::code_of(&place.parts) {
        (_, Code::Function { offset, .. }) => offset == 0 && breakpoints(facts, place) == addresses,
        (naming, Code::Address(address)) => {
            facts.functions(binary, naming).is_ok_and(|all| all.iter().any(|function| function.address == address))
        }
        (_, Code::Pattern(_) | Code::Line(_)) => false,
    };
    let is_recognised = |address: &u64| facts.begins_recognisably(binary, *address);
    is_beginning
        && match facts.arch() {
            Arch::Aarch64 => true,
            Arch::X86_64 => !facts.has(Feature::WholeStacks) || !addresses.iter().any(is_recognised),
        }
}

/// Places of one probe share a program.
pub(super) fn shared(_: &dyn Facts, _: &Place) -> Option<Shared> {
    Some(Shared { key: "code".into(), selector: None })
}

/// The place's number.
pub(super) fn select(cx: &mut dyn LowerCx, _: &Planned) -> ir::Value {
    cookie::select(cx)
}

/// The function that a place is in, as linkers see it.
pub(super) fn function(facts: &dyn Facts, place: &Place) -> Option<String> {
    let (_, code) = target::code_of(&place.parts);
    match code {
        Code::Function { name, .. } => Some(name.to_owned()),
        // Code without a symbol has its address for a name.
        Code::Address(address) => Some(function_at(facts, &place.parts[0], address).unwrap_or(format!("{address:#x}"))),
        Code::Pattern(_) | Code::Line(_) => None,
    }
}

/// The function around an address.
fn function_at(facts: &dyn Facts, binary: &str, address: u64) -> Option<String> {
    let all = facts.functions(binary, Naming::Symbol).ok()?;
    let around = all.iter().find(|function| (function.address..function.address + function.size).contains(&address))?;
    Some(around.name.clone())
}

/// The nearest function of the binary; else the nearest one as its source names it.
pub(super) fn remedy(facts: &dyn Facts, target: &Target) -> Option<String> {
    let [binary, .., function] = target.parts else { return None };
    let [binary, ..] = &facts.binaries(&binary.text)[..] else { return None };
    let wanted = function.text.split('+').next().unwrap_or(&function.text);
    let near = |naming| {
        let all = facts.functions(binary, naming).ok()?;
        nearest(wanted, all.iter().map(|function| function.name.as_str())).map(str::to_owned)
    };
    near(Naming::Symbol).or_else(|| near(Naming::Demangled).map(|name| format!("{CPP}:\"{name}\"")))
}

/// Which file was looked into, and what it has.
pub(super) fn absent(facts: &dyn Facts, target: &Target) -> Option<Absent> {
    let [part, .., function] = target.parts else { return None };
    absent_from(facts, part, |binary| {
        let count = facts.functions(binary, Naming::Symbol)?.len();
        if !facts.is_stripped(binary) {
            return Ok(Absent { why: format!("{binary} has {count} functions, and none of this name"), hint: None });
        }
        let why =
            format!("{binary} is stripped of its symbols (functions that still have names: {count}), and no debug file with them is here");
        let hint = "install its debug symbols, name a server in DEBUGINFOD_URLS, or attach to an address: `uprobe:binary:0x1234`";
        let is_near = parts::is_pattern(function) || remedy(facts, target).is_some();
        Ok(Absent { why, hint: (!is_near).then(|| hint.to_owned()) })
    })
}

/// Why a binary has not what is looked for, if one is meant; of several nothing can be said. `missing`: what it lacks, or why it cannot be read.
pub(super) fn absent_from(facts: &dyn Facts, part: &TargetPart, missing: impl Fn(&str) -> Result<Absent, String>) -> Option<Absent> {
    match &facts.binaries(&part.text)[..] {
        [] if !parts::is_pattern(part) => Some(Absent { why: facts.why_no_binary(&part.text), hint: None }),
        [binary] => Some(missing(binary).unwrap_or_else(|why| Absent { why, hint: None })),
        [] | [_, _, ..] => None,
    }
}

/// The functions of the binaries that a listing pattern means; `details` gives the lines of one.
pub(super) fn list(facts: &dyn Facts, row: &str, pattern: &[&str], details: &dyn Fn(&[String]) -> Vec<String>) -> Vec<Listed> {
    let (binary, naming, function) = match pattern {
        [binary] if binary.contains('/') => (*binary, Naming::Symbol, "*"),
        [function] => ("*", Naming::Symbol, *function),
        [binary, function] => (*binary, Naming::Symbol, *function),
        [binary, _, function @ ..] => (*binary, Naming::Demangled, function.first().copied().unwrap_or("*")),
        [] => ("*", Naming::Symbol, "*"),
    };
    let function = if function.is_empty() { "*" } else { function.trim_matches('"') };
    let mut listed = Vec::new();
    let mut binaries = facts.binaries(binary);
    if !binary.contains('*') {
        binaries.truncate(1);
    }
    for binary in binaries {
        let Ok(all) = facts.functions(&binary, naming) else { continue };
        let mut names: Vec<&str> = all.iter().map(|function| function.name.as_str()).collect();
        names.dedup();
        let meant = names.into_iter().filter(|name| wildcard::matches(function, name) || is_called(naming, name, function));
        listed.extend(meant.map(|name| {
            let parts = target::parts_of(&binary, naming, name, 0);
            Listed { name: format!("{row}:{}", parts.join(":")), details: details(&parts) }
        }));
    }
    listed
}

/// Whether a name of the source is that of an overload: the name without its parameters.
fn is_called(naming: Naming, written: &str, name: &str) -> bool {
    naming == Naming::Demangled && written.strip_prefix(name).is_some_and(|rest| rest.starts_with('('))
}
