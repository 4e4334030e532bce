//! What `fentry` and `fexit` have in common: targets, typed arguments, how they are attached.

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Sink};
use rbtrace_ir as ir;
use rbtrace_ir::{AttachPlan, Op, ProgramType, Role, TracedCode};
use rbtrace_types::facts::{BpfFunction, Prototype};
use rbtrace_types::{Arch, Facts, Feature, Field, Struct, Type};

use super::{function as functions, parameters};
use crate::compile::{LowerCx, Lowered, Place};
use crate::probes::{parts, rawtracepoint, registers};
use crate::row::{Absent, Listed, Planned, Target, TargetPart};
use crate::warnings;

/// Functions in which the kernel is when it runs a program: one that traces them meets itself.
const LOCKS: [&str; 4] = ["_raw_spin_lock", "_raw_spin_lock_irqsave", "_raw_spin_unlock_irqrestore", "queued_spin_lock_slowpath"];

/// How many parameters the kernel hands to a program.
const MOST_PARAMETERS: usize = 12;
/// How large one may be: as large as what two registers hold.
const MOST_BYTES: u32 = 2 * WORD;
/// What one holds.
const WORD: u32 = 8;

/// A function that BTF describes: module and name.
type Typed = (Arc<str>, Box<str>);

/// What stands in place of a module where BPF programs are meant.
const BPF: &str = "bpf";

/// The places of a target: always with a module, since types are the module's.
pub(super) fn expand(name: &str, facts: &dyn Facts, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    if let [of, rest @ ..] = target.parts
        && of.text == BPF
    {
        return programs(name, facts, target, rest, sink);
    }
    if parts::check_count(name, target, &[1, 2], sink).is_err() {
        return vec![];
    }
    let Some((module, function)) = wanted(target) else { return vec![] };
    if parts::check_given(name, "the name of a function", function, sink).is_err() {
        return vec![];
    }
    if !parts::is_pattern(function) && LOCKS.contains(&function.text.as_str()) {
        let message = format!("`{}` runs while BPF programs do; events that fire in one of ours are lost", function.text);
        sink.push(warnings::RECURSIVE_FUNCTION.at(target.span, message));
    }
    if parts::is_pattern(function) || module.is_some_and(parts::is_pattern) {
        let typed = facts.typed_functions();
        let found = matching(&typed, module, function).filter(|(of, name)| !is_refused(facts, of, name));
        return found.map(|(of, name)| vec![of.to_string(), name.to_string()]).collect();
    }
    let mut modules = facts.modules_with(&function.text);
    modules.retain(|of| module.is_none_or(|module| module.text == *of));
    if modules.len() > 1 {
        let list = modules.iter().map(|module| format!("`{module}`")).collect::<Vec<_>>().join(", ");
        let message = format!("ambiguous attach point: `{}` is in several modules: {list}", function.text);
        let refusal = Diagnostic::error(target.span, message).because("which one is not said");
        sink.push(refusal.hint(format!("write `{name}:{}:{}`", modules[0], function.text)));
        return vec![];
    }
    modules.into_iter().map(|module| vec![module, function.text.clone()]).collect()
}

/// The module that a target names, if any, and the function.
fn wanted<'a>(target: &Target<'a>) -> Option<(Option<&'a TargetPart>, &'a TargetPart)> {
    match target.parts {
        // `::` names no module.
        [module, function] => Some((Some(module).filter(|module| !module.text.is_empty()), function)),
        [function, ..] => Some((None, function)),
        [] => None,
    }
}

/// The functions that a pattern means, also those that no program can be for.
fn matching<'a>(typed: &'a [Typed], module: Option<&TargetPart>, function: &TargetPart) -> impl Iterator<Item = &'a Typed> {
    let is_meant = move |of: &str, name: &str| parts::matches(function, name) && module.is_none_or(|module| parts::matches(module, of));
    typed.iter().filter(move |(of, name)| is_meant(of, name))
}

/// Whether the kernel hands no program what a function is called with or returns. One that is named in full is left to it: its verifier says
/// why, and may have learned.
fn is_refused(facts: &dyn Facts, module: &str, function: &str) -> bool {
    let Some(Prototype { params, result }) = facts.prototype(Some(module), function) else { return false };
    let is_too_large = |ty: &Type| matches!(ty, Type::Struct(_)) && ty.size() > MOST_BYTES;
    // A parameter without a type stands for those of a function that takes any number.
    let is_odd = |ty: &Type| *ty == Type::Void || is_too_large(ty);
    let registers: u32 = params.fields.iter().map(|field| field.ty.size().div_ceil(WORD)).sum();
    matches!(result, Type::Struct(_))
        || params.fields.len() > MOST_PARAMETERS
        || params.fields.iter().any(|field| is_odd(&field.ty))
        || most_registers(facts).is_some_and(|most| registers > most)
}

/// How many registers parameters may take where none may be on the stack.
fn most_registers(facts: &dyn Facts) -> Option<u32> {
    match facts.arch() {
        Arch::X86_64 if facts.has(Feature::TrampolineStackParameters) => None,
        Arch::X86_64 => Some(6),
        // Linux 6.16 learned more, which few functions need.
        Arch::Aarch64 => Some(8),
    }
}

/// `bpf:[id:]function`: functions of BPF programs that are loaded.
fn programs(name: &str, facts: &dyn Facts, target: &Target, rest: &[TargetPart], sink: &mut Sink) -> Vec<Vec<String>> {
    let (id, function) = match rest {
        [id, function] => (Some(id), function),
        [function] => (None, function),
        [] | [_, _, ..] => {
            sink.push(parts::wrong_count(name, target, &[2, 3]));
            return vec![];
        }
    };
    let is_meant =
        |found: &BpfFunction| parts::matches(function, &found.name) && id.is_none_or(|id| parts::matches(id, &found.program.to_string()));
    let found = facts.bpf_functions().into_iter().filter(is_meant);
    found.map(|found| vec![BPF.to_string(), found.program.to_string(), found.name]).collect()
}

/// What is known of a function whose types are not, and of functions that a pattern leaves out.
pub(super) fn absent(facts: &dyn Facts, target: &Target) -> Option<Absent> {
    if target.parts.first().is_some_and(|part| part.text == BPF) {
        return None;
    }
    let (module, function) = wanted(target)?;
    if parts::is_pattern(function) || module.is_some_and(parts::is_pattern) {
        let typed = facts.typed_functions();
        let (_, refused) = matching(&typed, module, function).next()?;
        let why = "the kernel hands no program what these functions are called with or return".to_owned();
        return Some(Absent { why, hint: Some(format!("`kprobe:{refused}` can be traced")) });
    }
    let is_there = module.is_none() && facts.kernel_functions().iter().any(|known| *known.name == *function.text);
    if is_there {
        let hint = format!("`kprobe:{}` needs no types", function.text);
        return Some(Absent { why: "the kernel has it, but BTF does not say its types".to_owned(), hint: Some(hint) });
    }
    super::target::absent(facts, target)
}

/// The remedy for a name that means nothing: its module, or the nearest name.
pub(super) fn nearest(facts: &dyn Facts, target: &Target) -> Option<String> {
    let wanted = target.parts.last().filter(|part| !parts::is_pattern(part))?;
    if target.parts.first().is_some_and(|part| part.text == BPF) {
        let known = facts.bpf_functions();
        let near = rbtrace_diag::nearest(&wanted.text, known.iter().map(|function| &*function.name))?;
        return known.iter().find(|function| function.name == near).map(|function| format!("bpf:{}:{near}", function.program));
    }
    if let Some(module) = facts.modules_with(&wanted.text).first() {
        return Some(format!("{module}:{}", wanted.text));
    }
    let renamed = || functions::renamed(&wanted.text).into_iter().find(|name| !facts.modules_with(name).is_empty());
    let typed = facts.typed_functions();
    let near = || rbtrace_diag::nearest(&wanted.text, typed.iter().map(|(_, name)| &**name)).map(str::to_string);
    renamed().or_else(near)
}

/// `-l`: every function whose types are known.
pub(super) fn list(name: &str, facts: &dyn Facts, pattern: &[&str], details: impl Fn(&str, &str) -> Vec<String>) -> Vec<Listed> {
    if let [BPF, rest @ ..] = pattern {
        let (id, function) = if let [id, function, ..] = rest { (Some(id), Some(function)) } else { (None, rest.first()) };
        let is_meant = |found: &BpfFunction| parts::is_listed(function, &found.name) && parts::is_listed(id, &found.program.to_string());
        let meant = facts.bpf_functions().into_iter().filter(is_meant);
        return meant.map(|found| Listed { name: format!("{name}:{BPF}:{}:{}", found.program, found.name), details: vec![] }).collect();
    }
    let (module, function) = match pattern {
        [module, function, ..] => (Some(module), Some(function)),
        _ => (None, pattern.first()),
    };
    let typed = facts.typed_functions();
    let meant = typed.iter().filter(|(of, known)| parts::is_listed(module, of) && parts::is_listed(function, known));
    meant.map(|(of, known)| Listed { name: format!("{name}:{of}:{known}"), details: details(of, known) }).collect()
}

/// The parameters by name.
pub(super) fn args(facts: &dyn Facts, place: &Place) -> Option<Arc<Struct>> {
    let [module, function] = place.parts.as_slice() else { return None };
    parameters::in_slots(facts, Some(module), function)
}

/// The function that a place is about.
pub(super) fn function(_: &dyn Facts, place: &Place) -> Option<String> {
    place.parts.last().cloned()
}

/// What it returns, if a slot has room for that.
pub(super) fn result(facts: &dyn Facts, place: &Place) -> Option<Type> {
    let [module, function] = place.parts.as_slice() else { return None };
    facts.prototype(Some(module), function).map(|prototype| prototype.result).filter(Type::is_scalar)
}

/// The kernel puts it behind the parameters.
pub(super) fn read_result(cx: &mut dyn LowerCx, _: &Planned) -> ir::Value {
    let place = cx.place().clone();
    let prototype = match place.parts.as_slice() {
        [module, function] => cx.facts().prototype(Some(module), function),
        _ => None,
    };
    let Prototype { params, result } = prototype.expect("`result` found it, too");
    let raw = cx.ir().value(Op::LoadCtx { bytes: 8, signed: false, offset: params.size });
    registers::narrowed(cx.ir(), raw, &result)
}

/// A parameter is a word of the context.
pub(super) fn arg(cx: &mut dyn LowerCx, _: &Planned, field: &Field) -> Lowered {
    Lowered::Int(rawtracepoint::word(cx.ir(), field))
}

/// The kernel runs programs of one function in the reverse order of their attaching.
pub(super) fn plan(place: &Place, returns: bool) -> Result<Planned, Diagnostic> {
    let (function, module) = place.parts.split_last().expect("a place has module and function");
    let of = match module {
        [_, id] => TracedCode::Program(id.parse().expect("`programs` has put a number there")),
        _ => TracedCode::Module(module.first().cloned().unwrap_or_default()),
    };
    let plan = AttachPlan::Trampoline { of, function: function.clone(), returns };
    Ok(Planned { program_type: ProgramType::Trampoline, role: Role::Traced, plan: Some(plan), reverse: true })
}

/// The lines of `-lv`.
pub(super) fn details(facts: &dyn Facts, verbose: bool, with_result: bool) -> impl Fn(&str, &str) -> Vec<String> {
    move |module, name| if verbose { parameters::texts(facts, Some(module), name, with_result) } else { vec![] }
}
