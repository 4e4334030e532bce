//! `watchpoint`: memory at an address is read, written or executed. The processor compares, in a few registers made for that.

use rbtrace_diag::{Diagnostic, Reported, Sink, nearest};
use rbtrace_ir::{AttachPlan, Manifest, ProgramType, Role, Watched};
use rbtrace_types::binary::Naming;
use rbtrace_types::{Arch, Facts};

use super::{parts, registers, untraced, uprobe};
use crate::compile::Place;
use crate::row::{PidFilter, Planned, Preparation, ProbeType, Target, TargetPart};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "watchpoint",
    aliases: &["w", "aw", "asyncwatchpoint"],
    signature: "watchpoint:address:length:mode, watchpoint:function+argN:length:mode",
    manual: "Runs when memory is read (`r`), written (`w`) or executed (`x`): 1, 2, 4 or 8 bytes at an address. Modes may stand together, as far as
the processor can tell them: x86-64 has `w`, `rw` and `x`, aarch64 also `r`. The address is a multiple of the length; on aarch64 it is
enough that the bytes lie within eight aligned ones.

With `-p` or `-c` the address is one of that process, and all its threads are watched; else it is one of the kernel, on every CPU. Processors
have few such registers, x86-64 has four.

`function+argN` watches what a function of the program of `-p` or `-c` is handed: the address in its argument, from the call on, and each other
address that it is called with later, once. The process stops for a moment whenever the function has a new one, so that nothing is missed but what the function's first instruction does. A
second process, `rbtrace-guard`, lets it go on should rbtrace be killed in that moment.

```
watchpoint:0x10000000:8:w { printf(\"%s\\n\", ustack); }
watchpoint:connect_to+arg0:4:w { printf(\"%s\\n\", ustack); }
```",
    class: "watchpoint",
    pid_filter: PidFilter::AtAttach,
    follows_child: true,
    expand,
    plan,
    prepare,
    ..untraced::BASE
};

/// `enum` of `uapi/linux/hw_breakpoint.h`: `HW_BREAKPOINT_R`, `_W`, `_X`.
const ACCESS: [(char, u32); 3] = [('r', 1), ('w', 2), ('x', 4)];

/// What a processor can tell apart.
fn modes(arch: Arch) -> &'static [u32] {
    match arch {
        Arch::X86_64 => &[2, 3, 4],
        Arch::Aarch64 => &[1, 2, 3, 4],
    }
}

fn expand(facts: &dyn Facts, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    if parts::check_count(ROW.name, target, &[3], sink).is_err() {
        return vec![];
    }
    let read = memory(facts, &target.parts[0], sink).and_then(|memory| {
        let length = length(&target.parts[1], sink)?;
        mode(&target.parts[2], facts.arch(), sink)?;
        Ok(vec![memory, length.to_string(), target.parts[2].text.clone()])
    });
    read.into_iter().collect()
}

fn refuse<T>(part: &TargetPart, message: String, why: &str, hint: &str, sink: &mut Sink) -> Result<T, Reported> {
    Err(sink.push(Diagnostic::error(part.span, message).because(why.to_owned()).hint(hint.to_owned())))
}

/// What the first part of a place says.
fn memory(facts: &dyn Facts, part: &TargetPart, sink: &mut Sink) -> Result<String, Reported> {
    match argument_of(&part.text) {
        Some((function, index)) => argument(facts, part, function, index, sink).map(|()| part.text.clone()),
        None => address(part, sink).map(|address| format!("{address:#x}")),
    }
}

/// `function+argN`
fn argument_of(text: &str) -> Option<(&str, u32)> {
    let (function, argument) = text.rsplit_once("+arg").filter(|(function, _)| !function.is_empty())?;
    argument.parse().ok().map(|index| (function, index))
}

/// Checks that the traced program has the function, and the processor such an argument.
fn argument(facts: &dyn Facts, part: &TargetPart, function: &str, index: u32, sink: &mut Sink) -> Result<(), Reported> {
    let Some(program) = facts.traced_program() else {
        let message = format!("watchpoint {} needs a process", part.text);
        return refuse(part, message, "a function's argument is an address of a process", "name it with `-p`, or start it with `-c`", sink);
    };
    let most = registers::argument_count(facts.arch());
    if index >= most {
        let message = format!("arg{index} is not a valid argument of a watchpoint");
        return refuse(part, message, "it is not in a register", &format!("{} has `arg0` to `arg{}`", facts.arch().name(), most - 1), sink);
    }
    match facts.function(&program, Naming::Symbol, function) {
        Ok(found) if !found.is_empty() => Ok(()),
        Ok(_) => {
            let all = facts.functions(&program, Naming::Symbol).unwrap_or_default();
            let near = nearest(function, all.iter().map(|function| function.name.as_str()));
            let hint = near.map_or("`nm` lists its functions".to_owned(), |name| format!("did you mean `{name}`?"));
            refuse(part, format!("{program} has no function `{function}`"), "the program itself is meant, not its libraries", &hint, sink)
        }
        Err(why) => refuse(part, format!("the functions of {program} are not known"), &why, "an address can be watched", sink),
    }
}

fn address(part: &TargetPart, sink: &mut Sink) -> Result<u64, Reported> {
    let Some(address) = parts::number(&part.text) else {
        let hint = "it is a number like `0x10000000`, or what a function is handed: `function+arg0`";
        return refuse(part, format!("Invalid watchpoint address: {}", part.text), "not a number", hint, sink);
    };
    if address == 0 {
        return refuse(
            part,
            "Invalid watchpoint address: 0".to_owned(),
            "nothing is kept there",
            "the address of a variable is meant",
            sink,
        );
    }
    Ok(address)
}

fn length(part: &TargetPart, sink: &mut Sink) -> Result<u64, Reported> {
    match parts::number(&part.text) {
        Some(length @ (1 | 2 | 4 | 8)) => Ok(length),
        Some(_) | None => {
            let message = format!("Invalid watchpoint length: {}", part.text);
            refuse(part, message, "no processor watches so many bytes", "it is 1, 2, 4 or 8", sink)
        }
    }
}

/// The bits of a mode.
fn mode(part: &TargetPart, arch: Arch, sink: &mut Sink) -> Result<u32, Reported> {
    let Some(bits) = bits(&part.text) else {
        let message = format!("Invalid watchpoint mode: {}", part.text);
        return refuse(part, message, "not a mode", "it is made of `r`, `w` and `x`, each once", sink);
    };
    if !modes(arch).contains(&bits) {
        let known = modes(arch).iter().map(|bits| format!("`{}`", letters(*bits))).collect::<Vec<_>>().join(", ");
        let message = format!("watchpoint mode {} is not supported on {}", part.text, arch.name());
        return refuse(part, message, "the processor cannot tell it apart", &format!("it can watch for {known}"), sink);
    }
    Ok(bits)
}

fn bits(text: &str) -> Option<u32> {
    let mut bits = 0;
    for letter in text.chars() {
        let (_, bit) = ACCESS.iter().find(|(known, _)| *known == letter).filter(|(_, bit)| bits & bit == 0)?;
        bits |= bit;
    }
    (bits != 0).then_some(bits)
}

fn letters(bits: u32) -> String {
    ACCESS.iter().filter(|(_, bit)| bits & bit != 0).map(|(letter, _)| *letter).collect()
}

fn plan(_: &dyn Facts, place: &Place, _: bool, pid: Option<u32>) -> Result<Planned, Diagnostic> {
    let [address, length, mode] = place.parts.as_slice() else { unreachable!("expand writes three parts") };
    let length = parts::number(length).unwrap_or_default();
    let address = match argument_of(address) {
        Some(_) => Watched::Left(map(place)),
        None => Watched::At(parts::number(address).unwrap_or_default()),
    };
    let access = bits(mode).unwrap_or_default();
    // For code the kernel wants the size of a word, whatever the length of the instruction.
    let length = if access == 4 { 8 } else { length };
    let plan = AttachPlan::Breakpoint { address, length, access, pid };
    Ok(Planned { program_type: ProgramType::PerfEvent, role: Role::Traced, plan: Some(plan), reverse: false })
}

/// Where the addresses of a place are left: the header of a probe stands at one place only.
fn map(place: &Place) -> String {
    format!("{}{}_{}", Manifest::WATCHED_MAPS, place.span.source.0, place.span.start)
}

/// The breakpoint at the function that is handed the address.
fn prepare(facts: &dyn Facts, place: &Place) -> Option<Result<Preparation, Diagnostic>> {
    let (function, argument) = argument_of(place.parts.first()?)?;
    let parts = vec![facts.traced_program()?, function.to_owned()];
    let before =
        Place { probe_type: &uprobe::ROW, parts, alias: Some(place.name()), span: place.span, walks_kernel: false, is_alone: true };
    // Of any process that runs the program: which one it is, the program in the kernel asks.
    let planned = (uprobe::ROW.plan)(facts, &before, false, None);
    Some(planned.map(|planned| Preparation { place: before, planned, argument, map: map(place) }))
}
