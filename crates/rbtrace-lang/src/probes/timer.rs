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
        let refusal = Diagnostic::error(unit.span, format!("{} is not an accepted unit of time", unit.text));
        let units = UNITS.map(|(known, _)| format!("`{known}`")).join(", ");
        return Err(sink.push(refusal.because("expected a unit").hint(format!("the units are {units}"))));
    };
    let number = match read_number(&rate.text) {
        Ok(number) => number,
        Err(Malformed::Negative) => 0,
        Err(Malformed::Other(why)) => {
            let refusal = Diagnostic::error(rate.span, format!("Invalid rate of {name} probe: {why}: {}", rate.text));
            return Err(sink.push(refusal.because("expected a positive integer")));
        }
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
    let (number, suffix) = part.text.split_at(digits);
    // `1e3` is a number, not a unit.
    let (number, suffix) = if suffix.starts_with('e') { (part.text.as_str(), "") } else { (number, suffix) };
    let scale = match suffix {
        "" | "ns" => Some(1),
        _ => UNITS.iter().find(|(known, _)| *known == suffix).and_then(|(_, ns)| *ns).or(longer_unit(suffix)),
    };
    let ns = match (read_number(number), scale) {
        (Ok(number), Some(scale)) => number.saturating_mul(scale),
        (number, _) => {
            let why = if number.is_ok() { "invalid trailing bytes" } else { "invalid integer" };
            let refusal = Diagnostic::error(part.span, format!("Invalid rate of {name} probe: {why}: {}", part.text));
            let refusal = refusal.because("neither a duration nor nanoseconds");
            return Err(sink.push(refusal.hint(format!("write a duration, `{name}:10ms`, or a unit and a number, `{name}:ms:10`"))));
        }
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

/// Why a text is no number.
enum Malformed {
    Negative,
    Other(&'static str),
}

/// An integer as the language writes it: decimal with `_`, `0x…`, `1e6`.
fn read_number(text: &str) -> Result<u64, Malformed> {
    let invalid = || Malformed::Other("invalid integer");
    if let Some(rest) = text.strip_prefix('-') {
        return Err(if rest.bytes().all(|b| b.is_ascii_digit()) { Malformed::Negative } else { invalid() });
    }
    let clean: String = text.chars().filter(|&c| c != '_').collect();
    if let Some(hex) = clean.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).map_err(|_| invalid());
    }
    let (mantissa, exponent) = clean.split_once('e').unwrap_or((&clean, "0"));
    if !mantissa.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(invalid());
    }
    let trailing = |_| Malformed::Other("invalid trailing bytes");
    let (mantissa, exponent): (u64, u32) = (mantissa.parse().map_err(trailing)?, exponent.parse().map_err(trailing)?);
    10u64.checked_pow(exponent).and_then(|scale| mantissa.checked_mul(scale)).ok_or_else(invalid)
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
