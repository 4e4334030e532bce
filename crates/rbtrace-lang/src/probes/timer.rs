//! Targets that say how often: `unit:n`, or a duration. Knows no name of a row.

use rbtrace_diag::{Diagnostic, Reported, Sink};
use rbtrace_ir as ir;
use rbtrace_ir::{AttachPlan, CpuSet, Sample};

use super::parts;
use crate::compile::Place;
use crate::row::{Listed, Planned, Target, TargetPart};

/// Units a script may write, and the nanoseconds of one; none for a frequency.
const UNITS: [(&str, Option<u64>); 4] = [("hz", None), ("ms", Some(1_000_000)), ("s", Some(1_000_000_000)), ("us", Some(1_000))];
/// What a duration that is no whole number of microseconds is shown in; scripts write `1500ns` instead.
const FINE_UNIT: &str = "ns";
/// A shorter period would trace nothing but itself.
const SHORTEST_NS: u64 = 1000;

/// `perf_event_attr.type` and `.config` of the CPU clock (`uapi/linux/perf_event.h`): `PERF_TYPE_SOFTWARE`, `PERF_COUNT_SW_CPU_CLOCK`.
const CPU_CLOCK: (u32, u64) = (1, 0);

/// The one place of a target.
pub(super) fn expand(name: &str, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    let read = parts::check_count(name, target, &[1, 2], sink).and_then(|()| match target.parts {
        [duration] => read_duration(name, duration, sink),
        parts => read_rate(name, &parts[0], &parts[1], sink),
    });
    read.into_iter().collect()
}

/// `unit:n`
fn read_rate(name: &str, unit: &TargetPart, rate: &TargetPart, sink: &mut Sink) -> Result<Vec<String>, Reported> {
    let Some((_, ns)) = UNITS.iter().find(|(known, _)| *known == unit.text) else {
        let message = match unit.text.as_str() {
            "" => format!("{name} probe must have unit of time"),
            other => format!("{other} is not an accepted unit of time"),
        };
        let refusal = Diagnostic::error(unit.span, message);
        let units = UNITS.map(|(known, _)| format!("`{known}`")).join(", ");
        return Err(sink.push(refusal.because("expected a unit").hint(format!("the units are {units}"))));
    };
    let is_negative = rbtrace_syntax::integer(&rate.text).is_some_and(|number| number < 0);
    let Some(number) = parts::number(&rate.text).or(is_negative.then_some(0)) else {
        let message = format!("Invalid rate of {name} probe: {}: {}", parts::flaw(&rate.text), rate.text);
        return Err(sink.push(Diagnostic::error(rate.span, message).because("expected a positive integer")));
    };
    if number == 0 {
        let refusal = Diagnostic::error(rate.span, format!("{name} frequency should be a positive integer"));
        return Err(sink.push(refusal.because("it would never fire")));
    }
    if number.checked_mul(ns.unwrap_or(1)).is_none() {
        let refusal = Diagnostic::error(rate.span, format!("{name} period is too long"));
        return Err(sink.push(refusal.because("the kernel counts nanoseconds in 64 bits")));
    }
    Ok(vec![unit.text.clone(), number.to_string()])
}

/// `10ms`, or bare nanoseconds; shown in microseconds, as upstream does.
fn read_duration(name: &str, part: &TargetPart, sink: &mut Sink) -> Result<Vec<String>, Reported> {
    let digits = part.text.len() - part.text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_').len();
    let (count, suffix) = part.text.split_at(digits);
    let scale = UNITS.iter().find(|(known, _)| *known == suffix).and_then(|(_, ns)| *ns).or(longer_unit(suffix));
    let whole = part.text.strip_suffix(FINE_UNIT).unwrap_or(&part.text);
    let ns = parts::number(whole).or_else(|| Some(parts::number(count)?.saturating_mul(scale?)));
    let Some(ns) = ns else {
        let message = format!("Invalid rate of {name} probe: {}: {}", parts::flaw(&part.text), part.text);
        let refusal = Diagnostic::error(part.span, message).because("neither a duration nor nanoseconds");
        return Err(sink.push(refusal.hint(format!("write a duration, `{name}:10ms`, or a unit and a number, `{name}:ms:10`"))));
    };
    if ns < SHORTEST_NS {
        let message = format!("Invalid rate of {name} probe. Minimum is 1000 or 1us. Found: {ns} nanoseconds");
        return Err(sink.push(Diagnostic::error(part.span, message).because("a number without a unit means nanoseconds")));
    }
    let (unit, shown) = if ns % 1000 == 0 { ("us", ns / 1000) } else { (FINE_UNIT, ns) };
    Ok(vec![unit.to_string(), shown.to_string()])
}

/// Units of the language's durations (SPEC §1.7) that are too long for `unit:n`.
fn longer_unit(suffix: &str) -> Option<u64> {
    let seconds: u64 = match suffix {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    Some(seconds * 1_000_000_000)
}

/// The units, as attachable text.
pub(super) fn list(name: &str, pattern: &[&str]) -> Vec<Listed> {
    let units = UNITS.iter().filter(|(unit, _)| parts::is_listed(pattern.first(), unit) && parts::is_listed(pattern.get(1), ""));
    units.map(|(unit, _)| Listed { name: format!("{name}:{unit}:"), details: vec![] }).collect()
}

/// A CPU clock that fires as often as the place says.
pub(super) fn plan(place: &Place, cpus: CpuSet, pid: Option<u32>) -> Result<Planned, Diagnostic> {
    let [unit, number] = &place.parts[..] else { unreachable!("expand gives two parts") };
    let number: u64 = number.parse().expect("expand writes a number");
    let ns = UNITS.iter().find(|(known, _)| known == unit).map_or(Some(1), |(_, ns)| *ns);
    let sample = match ns {
        Some(ns) => Sample::Period(number * ns),
        None => Sample::Frequency(number),
    };
    let (kind, config) = CPU_CLOCK;
    let plan = AttachPlan::PerfEvent { kind, config, sample, cpus, pid };
    Ok(Planned { program_type: ir::ProgramType::PerfEvent, role: ir::Role::Traced, plan: Some(plan), reverse: false })
}
