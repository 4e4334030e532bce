//! `tracepoint`: a place in the kernel that its authors marked, with a record of what happens there.
//!
//! Three ways to attach, the cheapest that gives what the body asks for (DESIGN §4): a raw tracepoint where `args` is not used; the two raw
//! tracepoints that all syscalls share, for syscalls; a perf event for the rest.

mod fields;
mod record;
mod syscalls;

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Sink, nearest};
use rbtrace_ir::{AttachPlan, ProgramType, Role};
use rbtrace_types::format::FormatField;
use rbtrace_types::{DataLoc, Facts, Field, Space, Struct};

use super::{old_calls, parts, untraced};
use crate::compile::{LowerCx, Lowered, Place};
use crate::row::{Listed, PidFilter, Planned, ProbeType, Shared, Target};
use syscalls::{Source, Syscall};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "tracepoint",
    aliases: &["t"],
    signature: "tracepoint:category:event",
    manual: "Runs when the kernel passes a tracepoint: a place its authors marked and keep stable.

`args` is the tracepoint's record; `-lv` lists its fields. Wildcards are welcome in both parts, and `tracepoint:*sched*` means
`tracepoint:*:*sched*`. The `syscalls` tracepoints have the arguments of every system call on entry and its result on exit; calls of 32-bit
tasks are left out.

```
tracepoint:syscalls:sys_enter_openat { printf(\"%s %s\\n\", comm, str(args.filename)); }
```",
    class: "tracepoint",
    space: Space::Kernel,
    pid_filter: PidFilter::Injected,
    in_wildcards: true,
    expand,
    nearest: remedy,
    list,
    args,
    plan,
    shared,
    select: |cx, planned| syscalls::select(cx, planned),
    arg,
    ..untraced::BASE
};

fn expand(facts: &dyn Facts, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    match target.parts {
        [event] if parts::is_pattern(event) => matching(facts, |_, name| parts::matches(event, name)),
        [category, event] if category.text.is_empty() || event.text.is_empty() => {
            sink.push(Diagnostic::error(target.span, format!("{} probe must have a target", ROW.name)).because("a part of it is empty"));
            vec![]
        }
        [category, event] if parts::is_pattern(category) || parts::is_pattern(event) => {
            matching(facts, |in_category, name| parts::matches(category, in_category) && parts::matches(event, name))
        }
        // The list of all tracepoints is long; one that is named is asked for itself.
        [category, event] => {
            let exists = facts.tracepoint(&category.text, &event.text).is_some();
            exists.then(|| vec![category.text.clone(), event.text.clone()]).into_iter().collect()
        }
        _ => {
            let mut refusal = parts::wrong_count(ROW.name, target, &[2]);
            if let Some(name) = lone_event(facts, target) {
                refusal = refusal.hint(format!("did you mean `{}:{name}`?", ROW.name));
            }
            sink.push(refusal);
            vec![]
        }
    }
}

fn matching(facts: &dyn Facts, is_meant: impl Fn(&str, &str) -> bool) -> Vec<Vec<String>> {
    let all = facts.tracepoints();
    let split = all.iter().filter_map(|name| name.split_once(':'));
    split.filter(|(category, event)| is_meant(category, event)).map(|(category, event)| vec![category.into(), event.into()]).collect()
}

/// `category:event` of a target that is only an event.
fn lone_event(facts: &dyn Facts, target: &Target) -> Option<String> {
    let [event] = target.parts else { return None };
    facts.tracepoints().iter().find(|name| name.split_once(':').is_some_and(|(_, known)| known == event.text)).cloned()
}

/// The nearest event of the category; else the event in the nearest category, or in another one.
fn remedy(facts: &dyn Facts, target: &Target) -> Option<String> {
    let [category, event] = target.parts else { return None };
    let all = facts.tracepoints();
    let split = || all.iter().filter_map(|name| name.split_once(':'));
    let in_category = || split().filter(|(known, _)| *known == category.text).map(|(_, event)| event);
    if let Some(name) = old_calls::event(&event.text).filter(|name| in_category().any(|known| known == name)) {
        return Some(name);
    }
    if let Some(name) = nearest(&event.text, in_category()) {
        return Some(name.to_string());
    }
    if let Some((known, event)) = split().find(|(_, known)| *known == event.text) {
        return Some(format!("{known}:{event}"));
    }
    let wanted = format!("{}:{}", category.text, event.text);
    nearest(&wanted, all.iter().map(String::as_str)).map(str::to_string)
}

fn list(facts: &dyn Facts, pattern: &[&str], verbose: bool) -> Vec<Listed> {
    let (category, event) = match pattern {
        [category, event, ..] => (Some(category), Some(event)),
        _ => (None, pattern.first()),
    };
    let meant = matching(facts, |in_category, name| parts::is_listed(category, in_category) && parts::is_listed(event, name));
    let details = |place: &[String]| {
        // Asking reads a file: not for names alone.
        let format = verbose.then(|| facts.tracepoint(&place[0], &place[1])).flatten();
        format.iter().flat_map(|format| &format.fields).filter(|field| !field.common).map(declaration).collect()
    };
    meant.iter().map(|place| Listed { name: format!("{}:{}", ROW.name, place.join(":")), details: details(place) }).collect()
}

/// A field as the format file declares it.
fn declaration(field: &FormatField) -> String {
    let (base, lengths) = field.c_type.split_at(field.c_type.find('[').unwrap_or(field.c_type.len()));
    match field.data_loc {
        Some(DataLoc::Absolute) => format!("__data_loc {} {}", field.c_type, field.name),
        Some(DataLoc::Relative) => format!("__rel_loc {} {}", field.c_type, field.name),
        None => format!("{base} {}{lengths}", field.name),
    }
}

fn args(facts: &dyn Facts, place: &Place) -> Option<Arc<Struct>> {
    let format = facts.tracepoint(&place.parts[0], &place.parts[1])?;
    let fields = match Syscall::of(facts, place) {
        Some(syscall) => syscalls::fields(&syscall, place, &format, facts),
        None => fields::fields(&format, facts),
    };
    let size = format.fields.iter().map(|field| field.offset + field.size).max().unwrap_or(0);
    Some(Arc::new(Struct { name: format!("struct {}:{}_args", ROW.name, place.parts.join(":")), fields, size }))
}

fn plan(facts: &dyn Facts, place: &Place, uses_args: bool, _: Option<u32>) -> Result<Planned, Diagnostic> {
    let (category, event) = (&place.parts[0], &place.parts[1]);
    let (program_type, plan) = if let Some(syscall) = Syscall::of(facts, place) {
        syscalls::plan(facts, &syscall, place, uses_args)
    } else if !uses_args && !place.walks_kernel && facts.has_raw_tracepoint(event) {
        // Events may be named differently from their tracepoint; those, and all events of a kernel without BTF, keep their perf event.
        (ProgramType::RawTracepoint, AttachPlan::RawTracepoint { event: event.clone(), typed: false })
    } else {
        (ProgramType::Tracepoint, AttachPlan::Tracepoint { category: category.clone(), event: event.clone() })
    };
    Ok(Planned { program_type, role: Role::Traced, plan: Some(plan), reverse: false })
}

fn shared(facts: &dyn Facts, place: &Place) -> Option<Shared> {
    let syscall = Syscall::of(facts, place).filter(|syscall| syscall.source(place) != Source::Record)?;
    Some(Shared { key: syscall.moment.event().into(), selector: Some(syscall.number?.into()) })
}

fn arg(cx: &mut dyn LowerCx, planned: &Planned, field: &Field) -> Lowered {
    let place = cx.place().clone();
    match Syscall::of(cx.facts(), &place) {
        Some(syscall) if syscall.source(&place) == Source::Registers => syscalls::arg(cx, planned, &syscall, field),
        Some(_) | None => record::arg(cx, field),
    }
}
