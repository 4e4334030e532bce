//! Which of a script's programs are wanted: runs, tests and benchmarks, `--probe-filter`; and what is said where none is left.

use rbtrace_diag::{Diagnostic, Sink};
use rbtrace_ir::Role;
use rbtrace_lang::Place;

use crate::Mode;
use crate::attach_points::Unit;
use crate::shared::Shared;

/// Whether a program is compiled in a mode.
pub(crate) fn wants(mode: Mode, role: Role) -> bool {
    match (role, mode) {
        (_, Mode::Everything) | (Role::Begin | Role::End, Mode::Run | Mode::Test | Mode::Bench) => true,
        (Role::Signal(_) | Role::Traced, Mode::Run) | (Role::Test, Mode::Test) | (Role::Bench, Mode::Bench) => true,
        (Role::Signal(_) | Role::Traced, Mode::Test | Mode::Bench) => false,
        (Role::Test, Mode::Run | Mode::Bench) | (Role::Bench, Mode::Run | Mode::Test) => false,
    }
}

/// `--probe-filter`: what belongs to no place in the kernel or a process always stays.
pub(crate) fn passes(place: &Place, role: Role, shared: &Shared) -> bool {
    let Some(filter) = &shared.options.probe_filter else { return true };
    match role {
        Role::Begin | Role::End | Role::Signal(_) => true,
        Role::Test | Role::Bench | Role::Traced => {
            let attached = Place { alias: None, ..place.clone() };
            filter.is_match(&place.name()) || filter.is_match(&attached.name())
        }
    }
}

/// Says that there is nothing to do in a mode, and that two tests have one name.
pub(crate) fn check(units: &[Unit<'_>], mode: Mode, sink: &mut Sink) {
    for (index, unit) in units.iter().enumerate() {
        let is_named = matches!(unit.planned.role, Role::Test | Role::Bench);
        let twin = units[..index].iter().find(|other| is_named && place(other).parts == place(unit).parts && same_kind(other, unit));
        if let Some(twin) = twin {
            let (place, first) = (place(unit), place(twin));
            let kind = place.probe_type.name.to_uppercase();
            let message = format!("\"{}\" was used as the name for more than one {kind} probe", place.parts.join(":"));
            let error = Diagnostic::error(place.span, message).because("results are told by their names");
            sink.push(error.label(first.span, "this is the other instance"));
        }
    }
    let has = |role: Role| units.iter().any(|unit| unit.planned.role == role);
    let is_idle = match mode {
        Mode::Run => !units.iter().any(|unit| wants(mode, unit.planned.role)),
        Mode::Test => !has(Role::Test),
        Mode::Bench => !has(Role::Bench),
        Mode::Everything => false,
    };
    if !is_idle || sink.has_errors() {
        return;
    }
    let message = match (mode, has(Role::Test), has(Role::Bench)) {
        (Mode::Run | Mode::Bench, true, _) => "No probes attached; use --test to run test probes.",
        (Mode::Run | Mode::Test, _, true) => "No probes attached; use --bench to run benchmark probes.",
        (Mode::Run, false, false) | (Mode::Everything, ..) => return,
        (Mode::Test, _, false) => "this script has no `test` probes",
        (Mode::Bench, false, _) => "this script has no `bench` probes",
    };
    sink.push(Diagnostic::general(message));
}

fn same_kind(a: &Unit<'_>, b: &Unit<'_>) -> bool {
    a.planned.role == b.planned.role
}

fn place<'u>(unit: &'u Unit<'_>) -> &'u Place {
    &unit.bodies[0].places[0].0
}
