//! Targets of kprobes: `[module:]function[+offset]`, or an address → places. Knows no kernel; asks `Facts`.

use rbtrace_diag::{Diagnostic, Reported, Sink};
use rbtrace_types::Facts;

use super::function;
use crate::probes::{old_calls, parts};
use crate::row::{Absent, Target, TargetPart};
use crate::warnings;

/// What the last part of a place says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// Bytes behind the start of a function.
    Function(String, u64),
    /// An address.
    Address(u64),
}

impl Spot {
    /// Reads the last part of a place.
    pub fn of(text: &str) -> Option<Spot> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return parts::number(text).map(Spot::Address);
        }
        match text.rsplit_once('+') {
            Some((name, offset)) => Some(Spot::Function(name.to_string(), parts::number(offset)?)),
            None => Some(Spot::Function(text.to_string(), 0)),
        }
    }

    fn text(&self) -> String {
        match self {
            Spot::Function(name, 0) => name.clone(),
            Spot::Function(name, offset) => format!("{name}+{offset}"),
            // In decimal, as upstream names it: scripts and tests look for that.
            Spot::Address(address) => address.to_string(),
        }
    }
}

/// The places of a target of the probe type `name`; `at_return` ones are about whole functions.
pub(super) fn expand(name: &str, at_return: bool, facts: &dyn Facts, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    if parts::check_count(name, target, &[1, 2], sink).is_err() {
        return vec![];
    }
    let (module, part) = match target.parts {
        // `::` names no module.
        [module, part] => (Some(module).filter(|module| !module.text.is_empty()), part),
        [part, ..] => (None, part),
        [] => return vec![],
    };
    if parts::check_given(name, "the name of a function", part, sink).is_err() {
        return vec![];
    }
    if let Some(module) = module.filter(|module| !parts::is_pattern(module) && !facts.has_module(&module.text)) {
        sink.push(function::not_loaded(name, module, target));
        return vec![];
    }
    if parts::is_pattern(part) || module.is_some_and(parts::is_pattern) {
        return matching(facts, module, part, target, sink);
    }
    let prefix = module.map(|module| module.text.clone());
    let found = spot(name, at_return, part, target, sink).and_then(|spot| match &spot {
        Spot::Address(_) => Ok(vec![spot.text()]),
        Spot::Function(function, offset) => named(name, facts, prefix.as_deref(), function, *offset, target, sink),
    });
    let place = |last: String| prefix.iter().cloned().chain([last]).collect();
    found.unwrap_or_default().into_iter().map(place).collect()
}

fn spot(name: &str, at_return: bool, part: &TargetPart, target: &Target, sink: &mut Sink) -> Result<Spot, Reported> {
    // In quotes it is a name, whatever it begins with; what was added to it is not a part of it.
    let whole = || part.quoted.then(|| Spot::Function(part.text.clone(), 0));
    let found = Spot::of(&part.text).filter(|spot| !part.quoted || matches!(spot, Spot::Function(..))).or_else(whole);
    let Some(spot) = found else {
        let refusal = Diagnostic::error(part.span, format!("Invalid offset or address: {}", part.text));
        return Err(
            sink.push(refusal.because("not a number").hint("write `function+16`, `function+0x10` or an address like `0xffffffff81000000`"))
        );
    };
    match spot {
        Spot::Function(_, offset) if at_return && offset > 0 => {
            let refusal = Diagnostic::error(part.span, format!("Offset not allowed for {name}"));
            Err(sink.push(refusal.because("a function returns as a whole").hint("leave the offset out")))
        }
        Spot::Address(_) if !target.is_unsafe => {
            let refusal = Diagnostic::error(part.span, format!("{name} probes on addresses are unsafe"));
            Err(sink.push(refusal.because("nothing says what is there").hint("name the function, or give `--unsafe`")))
        }
        spot @ (Spot::Function(..) | Spot::Address(_)) => Ok(spot),
    }
}

/// The functions that a name means: one, or the copies that the compiler has made of it.
fn named(
    name: &str,
    facts: &dyn Facts,
    module: Option<&str>,
    function: &str,
    offset: u64,
    target: &Target,
    sink: &mut Sink,
) -> Result<Vec<String>, Reported> {
    if !target.is_unsafe && facts.forbids_probes(function) {
        let refusal = Diagnostic::error(target.span, format!("the kernel forbids probes in `{function}`"));
        let refusal = refusal.because("a trap there would end in another one");
        return Err(sink.push(refusal.hint(format!("`{name}` a function that calls it, or that it calls"))));
    }
    if let Some(size) = (offset > 0 && !target.is_unsafe).then(|| facts.kernel_function_size(module, function)).flatten()
        && offset >= size
    {
        let message = format!("Offset outside the function bounds ('{function}' size is {size})");
        let refusal = Diagnostic::error(target.span, message).because("other code is there, or none");
        return Err(sink.push(refusal.hint("a smaller offset; `--unsafe` tries this one")));
    }
    let text = |function: &str| Spot::Function(function.to_string(), offset).text();
    let is_here = |of: &str| module.is_none_or(|module| module == of);
    if function::named(facts, module, function).iter().any(|found| is_here(&found.module)) {
        return Ok(vec![text(function)]);
    }
    let copies = function::copies(facts, module, function);
    if !copies.is_empty() {
        let list = copies.iter().map(|copy| format!("`{copy}`")).collect::<Vec<_>>().join(", ");
        let message = format!("`{function}` exists only as {list}, which the compiler made of it; attaching there");
        let warning = warnings::COMPILER_VARIANT.at(target.span, message).because("its arguments may differ");
        sink.push(warning);
        return Ok(copies.iter().map(|copy| text(copy)).collect());
    }
    if !target.is_unsafe && module.is_some() && !function::named(facts, None, function).is_empty() {
        // It can be traced, but is elsewhere: the remedy says where.
        return Ok(Vec::new());
    }
    // With `--unsafe` it is tried.
    if target.is_unsafe || !target.ignores_absence {
        sink.push(not_traceable(facts, function, target));
    }
    Ok(target.is_unsafe.then(|| text(function)).into_iter().collect())
}

fn not_traceable(facts: &dyn Facts, function: &str, target: &Target) -> Diagnostic {
    let message =
        format!("{function} is not traceable (either non-existing, inlined, or marked as \"notrace\"); attaching to it will likely fail");
    let warning = warnings::NOT_TRACEABLE.at(target.span, message);
    // Where the name is not taken, the error has the remedy.
    match target.is_unsafe.then(|| nearest(facts, target)).flatten() {
        Some(near) => warning.hint(format!("did you mean `{near}`?")),
        None => warning,
    }
}

/// The functions that a pattern means. Parts of functions are left out, and so are those by which every BPF program is run: a program
/// there would only meet itself.
fn matching(facts: &dyn Facts, module: Option<&TargetPart>, part: &TargetPart, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    let all = facts.kernel_functions();
    let is_meant = |of: &str, name: &str| parts::matches(part, name) && module.is_none_or(|module| parts::matches(module, of));
    let meant =
        all.iter().filter(|function| is_meant(&function.module, &function.name)).filter(|function| !function.name.contains(".part."));
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut left_out = false;
    for function in meant {
        if function.name.starts_with("rcu_") {
            left_out = true;
            continue;
        }
        let of = module.map(|_| function.module.to_string());
        found.push(of.into_iter().chain([function.name.to_string()]).collect());
    }
    found.sort_unstable();
    found.dedup();
    if found.is_empty() && left_out {
        let refusal = Diagnostic::error(target.span, "Probe has no valid attach points.").because("it means only functions of RCU");
        sink.push(refusal.hint("the kernel runs BPF programs by them; one that is named in full can be tried"));
    }
    found
}

/// What may have become of a function that people have read in the source.
pub(super) fn absent(_: &dyn Facts, target: &Target) -> Option<Absent> {
    let why = "the kernel has no such function, or the compiler has put it into its callers";
    target.parts.last().filter(|part| !parts::is_pattern(part)).map(|_| Absent { why: why.to_owned(), hint: None })
}

/// The remedy for a name that means nothing: the nearest function.
pub(super) fn nearest(facts: &dyn Facts, target: &Target) -> Option<String> {
    let wanted = &target.parts.last()?.text;
    let all = facts.kernel_functions();
    let elsewhere =
        || all.iter().find(|function| &*function.name == wanted).map(|function| format!("{}:{}", function.module, function.name));
    let is_known = |name: &String| all.binary_search_by(|function| (*function.name).cmp(name)).is_ok();
    let of_call = || old_calls::functions(wanted).into_iter().find(is_known);
    let renamed = || function::renamed(wanted).into_iter().find(is_known);
    let near = || rbtrace_diag::nearest(wanted, all.iter().map(|function| &*function.name)).map(str::to_string);
    if parts::is_pattern(target.parts.last()?) { None } else { elsewhere().or_else(of_call).or_else(renamed).or_else(near) }
}
