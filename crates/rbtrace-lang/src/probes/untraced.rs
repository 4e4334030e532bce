//! What rows have in common that have no `args`, or no target in the kernel. Knows no name of a row.

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Sink};
use rbtrace_ir as ir;
use rbtrace_types::{Facts, Field, Space, Struct};

use super::{context, parts};
use crate::compile::{LowerCx, Lowered, Place};
use crate::row::{Listed, PidFilter, Planned, ProbeType, Shared, Target};

/// What a row says that has no `args`, shares no program and is listed nowhere.
pub(super) const BASE: ProbeType = ProbeType {
    name: "",
    aliases: &[],
    signature: "",
    manual: "",
    class: "",
    space: Space::None,
    pid_filter: PidFilter::None,
    follows_child: false,
    in_wildcards: false,
    link: |_, _| None,
    expand: |_, _, _| Vec::new(),
    nearest: no_remedy,
    absent: |_, _| None,
    list: not_listed,
    without_args: "this probe has no arguments",
    no_args: |_, _| None,
    args: no_args,
    unreadable_args: |_, _| Vec::new(),
    program_type: |_, _, _| None,
    program_constant: |_, _, _| None,
    plan: |_, _, _, _| Err(Diagnostic::general("this probe type cannot be attached")),
    prepare: |_, _| None,
    shared: not_shared,
    session: |_, _, _| None,
    at_end: |_| unreachable!("asked only of types with sessions"),
    select: no_selector,
    context: |_, _| None,
    context_field: context::field,
    enter: |_, _| {},
    unread: |_| false,
    has_signed_arguments: false,
    arguments: |_, _| None,
    unreadable: |_, _, _| None,
    argument: |_, _, _| unreachable!("asked only of probe types that have some"),
    hides_caller: |_, _| false,
    result: |_, _| None,
    read_result: |_, _| unreachable!("asked only of probe types that have some"),
    function: |_, _| None,
    arg: no_arg,
};

/// One place without parts. `name:*` is tolerated (SPEC §7.1).
pub(super) fn alone(name: &str, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    match target.parts {
        [] => vec![vec![]],
        [only] if only.text == "*" => vec![vec![]],
        _ => match parts::check_count(name, target, &[0], sink) {
            Ok(()) => vec![vec![]],
            Err(_) => vec![],
        },
    }
}

/// One place that is nothing but a name.
pub(super) fn named(name: &str, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    match parts::check_count(name, target, &[1], sink) {
        Ok(()) => vec![vec![target.parts[0].text.clone()]],
        Err(_) => vec![],
    }
}

/// A program that the runtime starts itself.
pub(super) fn plan(role: ir::Role) -> Result<Planned, Diagnostic> {
    Ok(Planned { program_type: ir::ProgramType::RawTracepoint, role, plan: None, reverse: false })
}

/// No `args`.
fn no_args(_: &dyn Facts, _: &Place) -> Option<Arc<Struct>> {
    None
}

/// Reads no field: there is none.
fn no_arg(_: &mut dyn LowerCx, _: &Planned, _: &Field) -> Lowered {
    unreachable!("a probe type without `args` has no fields")
}

/// Programs are never shared.
fn not_shared(_: &dyn Facts, _: &Place) -> Option<Shared> {
    None
}

/// Asked only of shared programs.
fn no_selector(_: &mut dyn LowerCx, _: &Planned) -> ir::Value {
    unreachable!("a program that is not shared has no selector")
}

/// Listed nowhere.
fn not_listed(_: &dyn Facts, _: &[&str], _: bool) -> Vec<Listed> {
    Vec::new()
}

/// A wrong target is refused where it is read, so that no remedy is left to say.
fn no_remedy(_: &dyn Facts, _: &Target) -> Option<String> {
    None
}
