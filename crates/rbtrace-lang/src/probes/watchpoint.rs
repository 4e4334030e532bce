//! `watchpoint`: memory at an address is read, written or executed. The processor compares, in a few registers made for that.

use rbtrace_diag::{Diagnostic, Reported, Sink};
use rbtrace_ir::{AttachPlan, ProgramType, Role};
use rbtrace_types::{Arch, Facts};

use super::{parts, untraced};
use crate::compile::Place;
use crate::row::{PidFilter, Planned, ProbeType, Target, TargetPart};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "watchpoint",
    aliases: &["w", "aw", "asyncwatchpoint"],
    signature: "watchpoint:address:length:mode",
    manual: "Runs when memory is read (`r`), written (`w`) or executed (`x`): 1, 2, 4 or 8 bytes at an address. Modes may stand together, as far as
the processor can tell them: x86-64 has `w`, `rw` and `x`, aarch64 also `r`.

With `-p` or `-c` the address is one of that process, and all its threads are watched; else it is one of the kernel, on every CPU. Processors
have few such registers, x86-64 has four.

```
watchpoint:0x10000000:8:w { printf(\"%s\\n\", ustack); }
```",
    class: "watchpoint",
    pid_filter: PidFilter::AtAttach,
    follows_child: true,
    expand,
    plan,
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
    let read = address(&target.parts[0], sink).and_then(|address| {
        let length = length(&target.parts[1], sink)?;
        mode(&target.parts[2], facts.arch(), sink)?;
        Ok(vec![format!("{address:#x}"), length.to_string(), target.parts[2].text.clone()])
    });
    read.into_iter().collect()
}

fn refuse<T>(part: &TargetPart, message: String, why: &str, hint: &str, sink: &mut Sink) -> Result<T, Reported> {
    Err(sink.push(Diagnostic::error(part.span, message).because(why.to_owned()).hint(hint.to_owned())))
}

fn address(part: &TargetPart, sink: &mut Sink) -> Result<u64, Reported> {
    let Some(address) = number(&part.text) else {
        let hint = "it is a number like `0x10000000`; `watchpoint:function+arg0` is no part of the language any more";
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
    match number(&part.text) {
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

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn plan(_: &dyn Facts, place: &Place, _: bool, pid: Option<u32>) -> Result<Planned, Diagnostic> {
    let [address, length, mode] = place.parts.as_slice() else { unreachable!("expand writes three parts") };
    let (address, length) = (number(address).unwrap_or_default(), number(length).unwrap_or_default());
    let access = bits(mode).unwrap_or_default();
    // For code the kernel wants the size of a word, whatever the length of the instruction.
    let length = if access == 4 { 8 } else { length };
    let plan = AttachPlan::Breakpoint { address, length, access, pid };
    Ok(Planned { program_type: ProgramType::PerfEvent, role: Role::Traced, plan: Some(plan), reverse: false })
}
