//! `usdt`: a place that the authors of a program marked for tracers.
//!
//! A mark may be at several places, and each keeps its arguments elsewhere. All places of a mark share a program; where their arguments
//! differ, the cookie of each says how they are read, or on kernels without cookies how far into its page each place is.

mod arguments;
mod operand;
mod target;

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{AttachPlan, ProgramType, Role, UprobeFile, UprobePlace};
use rbtrace_types::binary::Marker;
use rbtrace_types::{Facts, Space};

use crate::compile::Place;
use crate::probes::{context, parts, untraced};
use crate::row::{Listed, PidFilter, Planned, ProbeType};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "usdt",
    aliases: &["U"],
    signature: "usdt:binary:[provider:]name",
    manual:
        "Runs when a process passes a place that its authors marked for tracers (USDT). Many programs and libraries have such marks: Python,
Ruby, PHP, PostgreSQL, the C library; `-l 'usdt:/path:*'` lists them, and with `-v` their places and arguments.

`arg0`, `arg1` and so on are the mark's arguments, widened as their sizes and signs say; floating-point numbers cannot be read. Binaries
are named as for `uprobe`; with `-p` the binary may be left out: `usdt:name`, `usdt::provider:name`. Wildcards are welcome everywhere. Programs
that ask whether anybody watches (a semaphore) are told so by the kernel.

```
usdt:libc:setjmp { @[comm] = count(); }
```",
    class: "usdt",
    space: Space::User,
    pid_filter: PidFilter::AtAttach,
    in_wildcards: true,
    expand: target::expand,
    nearest: target::nearest,
    absent: target::absent,
    list,
    without_args: "a mark's arguments have no names; they are `arg0`, `arg1` and so on",
    plan,
    context: |_, _| Some(context::REGISTERS.to_string()),
    has_signed_arguments: true,
    arguments: |facts, place| Some(arguments::count(facts, place)),
    unreadable: arguments::unreadable,
    argument: |cx, _, index| arguments::read(cx, index),
    ..untraced::BASE
};

/// The places of a mark.
fn places(facts: &dyn Facts, place: &Place) -> Vec<Marker> {
    let [binary, provider, name] = place.parts.as_slice() else { return Vec::new() };
    let all = facts.markers(binary).unwrap_or_default();
    all.iter().filter(|marker| marker.provider == *provider && marker.name == *name).cloned().collect()
}

fn plan(facts: &dyn Facts, place: &Place, _: bool, pid: Option<u32>) -> Result<Planned, Diagnostic> {
    let binary = &place.parts[0];
    let forms = arguments::forms(facts, place);
    if forms.len() > 1 && !arguments::can_tell(facts, place, &forms) {
        let refusal = Diagnostic::error(place.span, format!("`{}` keeps its arguments in {} different ways", place.name(), forms.len()));
        let why = "only kernels since 5.15 tell a program at which place it is, and two places here are equally far into their pages";
        return Err(refusal.because(why));
    }
    let at = |marker: &Marker| {
        let form = forms.iter().position(|form| form.is_of(marker)).expect("every place has its form") as u64;
        let offset = facts.code_offset(binary, marker.address)?;
        Some(UprobePlace { offset, cookie: form, ref_ctr_offset: marker.semaphore.unwrap_or(0) })
    };
    let places: Vec<UprobePlace> = places(facts, place).iter().filter_map(at).collect();
    if places.is_empty() {
        return Err(
            Diagnostic::error(place.span, format!("`{}` is not in the code of {binary}", place.name())).because("its note is broken")
        );
    }
    let files = vec![UprobeFile { path: facts.binary_path(binary), places }];
    // The kernel runs the last one attached first.
    Ok(Planned {
        program_type: ProgramType::Kprobe,
        role: Role::Traced,
        plan: Some(AttachPlan::Uprobe { files, returns: false, pid }),
        reverse: true,
    })
}

/// The marks of the binaries that a pattern means.
fn list(facts: &dyn Facts, pattern: &[&str], verbose: bool) -> Vec<Listed> {
    let (binary, provider, name) = match pattern {
        [binary] if binary.contains('/') => (*binary, "*", "*"),
        [name] => ("*", "*", *name),
        [binary, name] => (*binary, "*", *name),
        [binary, provider, name @ ..] => (*binary, *provider, name.first().copied().unwrap_or("*")),
        [] => ("*", "*", "*"),
    };
    let mut listed: Vec<Listed> = Vec::new();
    for binary in facts.binaries(if binary.is_empty() { "*" } else { binary }) {
        let all = facts.markers(&binary).unwrap_or_default();
        let is_meant =
            |marker: &&Marker| parts::is_listed(Some(&provider), &marker.provider) && parts::is_listed(Some(&name), &marker.name);
        for marker in all.iter().filter(is_meant) {
            let name = format!("{}:{binary}:{}:{}", ROW.name, marker.provider, marker.name);
            // Places of one mark are neighbours.
            if listed.last().is_none_or(|last| last.name != name) {
                listed.push(Listed { name, details: Vec::new() });
            }
            if let (true, Some(last)) = (verbose, listed.last_mut()) {
                last.details.extend(arguments::texts(facts.arch(), marker));
            }
        }
    }
    listed
}
