//! `rawtracepoint`: the arguments that the kernel hands to a tracepoint, as it hands them, typed by BTF.

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Sink, nearest};
use rbtrace_ir as ir;
use rbtrace_ir::{AttachPlan, Op, ProgramType, Role};
use rbtrace_types::facts::RawTracepoint;
use rbtrace_types::{Facts, Feature, Field, Int, Space, Struct, Type};

use super::{parts, registers, untraced};
use crate::compile::{LowerCx, Lowered, Place};
use crate::row::{Listed, PidFilter, Planned, ProbeType, Target};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "rawtracepoint",
    aliases: &["rt"],
    signature: "rawtracepoint:event or rawtracepoint:module:event",
    manual: "Runs when the kernel passes a tracepoint, with the arguments of the tracepoint itself instead of the record made of them.

`args` has what the kernel's function prototype says, often pointers to its own structs; `-lv` lists it. `module` is `vmlinux` for the
kernel itself. Wildcards are welcome in both. Needs a kernel with BTF.

```
rawtracepoint:sched_switch { @[args.preempt] = count(); }
```",
    class: "rawtracepoint",
    space: Space::Kernel,
    pid_filter: PidFilter::Injected,
    in_wildcards: true,
    expand,
    nearest: remedy,
    list,
    args,
    plan,
    arg,
    arguments: |facts, place| facts.raw_tracepoint(place.parts.last()?).map(|args| args.fields.len() as u32),
    argument: |cx, _, index| cx.ir().value(Op::LoadCtx { bytes: 8, signed: false, offset: 8 * index }),
    ..untraced::BASE
};

fn expand(facts: &dyn Facts, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    if parts::check_count(ROW.name, target, &[2, 1], sink).is_err() {
        return vec![];
    }
    let event = &target.parts[target.parts.len() - 1];
    if parts::check_given(ROW.name, "the name of an event", event, sink).is_err() {
        return vec![];
    }
    let is_meant = |raw: &&RawTracepoint| match target.parts {
        [event] => parts::matches(event, &raw.event),
        [module, event, ..] => parts::matches(module, &raw.module) && parts::matches(event, &raw.event),
        [] => false,
    };
    let known = facts.raw_tracepoints();
    known.iter().filter(is_meant).map(|raw| vec![raw.module.clone(), raw.event.clone()]).collect()
}

fn remedy(facts: &dyn Facts, target: &Target) -> Option<String> {
    let known = facts.raw_tracepoints();
    let wanted = &target.parts.last()?.text;
    // The right event in the wrong module.
    if let Some(raw) = known.iter().find(|raw| raw.event == *wanted) {
        return Some(format!("{}:{}", raw.module, raw.event));
    }
    nearest(wanted, known.iter().map(|raw| raw.event.as_str())).map(str::to_string)
}

fn list(facts: &dyn Facts, pattern: &[&str], verbose: bool) -> Vec<Listed> {
    let (module, event) = match pattern {
        [module, event, ..] => (Some(module), Some(event)),
        _ => (None, pattern.first()),
    };
    let known = facts.raw_tracepoints();
    let meant = known.iter().filter(|raw| parts::is_listed(module, &raw.module) && parts::is_listed(event, &raw.event));
    let details = |event: &str| {
        // Asking costs a look through the BTF: not for names alone.
        let fields = verbose.then(|| facts.raw_tracepoint(event)).flatten();
        fields.iter().flat_map(|s| &s.fields).map(|field| format!("{} {}", c_text(&field.ty), field.name)).collect()
    };
    let listed = |raw: &RawTracepoint| Listed { name: format!("{}:{}:{}", ROW.name, raw.module, raw.event), details: details(&raw.event) };
    meant.map(listed).collect()
}

/// A type as C says it.
fn c_text(ty: &Type) -> String {
    match ty {
        Type::Int(Int { bytes, signed }) => {
            let name = match bytes {
                1 => "char",
                2 => "short",
                4 => "int",
                _ => "long",
            };
            if *signed { name.to_string() } else { format!("unsigned {name}") }
        }
        Type::Pointer(to, _) => format!("{} *", c_text(to)),
        Type::Void | Type::Bool | Type::String(_) | Type::Buffer(_) | Type::Array(..) | Type::Struct(_) | Type::Enum(_) => ty.to_string(),
        Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => ty.to_string(),
    }
}

/// Arguments that do not fit a word are not passed on by the kernel.
fn args(facts: &dyn Facts, place: &Place) -> Option<Arc<Struct>> {
    let all = facts.raw_tracepoint(place.parts.last()?)?;
    if all.fields.iter().all(|field| field.ty.is_scalar()) {
        return Some(all);
    }
    let fields = all.fields.iter().filter(|field| field.ty.is_scalar()).cloned().collect();
    Some(Arc::new(Struct { name: all.name.clone(), fields, size: all.size }))
}

fn plan(facts: &dyn Facts, place: &Place, uses_args: bool, _: Option<u32>) -> Result<Planned, Diagnostic> {
    // The typed kind costs a look-up at load time, and gives arguments whose structs are plain loads.
    let typed = uses_args && facts.has(Feature::TypedRawTracepoint);
    let event = place.parts.last().cloned().unwrap_or_default();
    let program_type = if typed { ProgramType::TypedRawTracepoint } else { ProgramType::RawTracepoint };
    Ok(Planned { program_type, role: Role::Traced, plan: Some(AttachPlan::RawTracepoint { event, typed }), reverse: false })
}

fn arg(cx: &mut dyn LowerCx, _: &Planned, field: &Field) -> Lowered {
    Lowered::Int(word(cx.ir(), field))
}

/// A word of the context. The kernel extends narrow arguments with zeros, whatever their sign.
pub(super) fn word(b: &mut ir::Builder, field: &Field) -> ir::Value {
    let raw = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: field.offset });
    registers::narrowed(b, raw, &field.ty)
}
