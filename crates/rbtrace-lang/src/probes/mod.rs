//! The list of probe types, alphabetical.

mod begin;
mod bench;
mod end;
pub mod hardware;
mod interval;
pub mod iter;
pub mod kernel;
mod own_signal;
pub mod profile;
pub mod rawtracepoint;
pub mod software;
mod test;
pub mod tracepoint;
pub mod uprobe;
pub mod uretprobe;
pub mod usdt;
pub mod watchpoint;

mod context;
mod cookie;
mod counted;
mod old_calls;
mod parts;
pub mod registers;
mod timer;
mod untraced;
pub mod user_code;
pub mod wildcard;

use rbtrace_types::Space;

use crate::row::ProbeType;

/// Every row.
pub static ALL: &[&ProbeType] = &[
    &begin::ROW,
    &bench::ROW,
    &end::ROW,
    &kernel::fentry::ROW,
    &kernel::fexit::ROW,
    &hardware::ROW,
    &interval::ROW,
    &iter::ROW,
    &kernel::kprobe::ROW,
    &kernel::kretprobe::ROW,
    &profile::ROW,
    &rawtracepoint::ROW,
    &own_signal::ROW,
    &software::ROW,
    &test::ROW,
    &tracepoint::ROW,
    &uprobe::ROW,
    &uretprobe::ROW,
    &usdt::ROW,
    &watchpoint::ROW,
];

/// The row of a name or alias: with its case first, then without (`BEGIN`, `Kprobe`; SPEC §1.10).
pub fn by_name(name: &str) -> Option<&'static ProbeType> {
    let exact = ALL.iter().copied().find(|row| row.name == name || row.aliases.contains(&name));
    exact.or_else(|| {
        ALL.iter()
            .copied()
            .find(|row| row.name.eq_ignore_ascii_case(name) || row.aliases.iter().any(|a| a.len() > 2 && a.eq_ignore_ascii_case(name)))
    })
}

/// The probe types that a pattern means: those that say so themselves, and of those that are about processes only where the rest of the attach
/// point is, too.
pub fn meant(pattern: &str, of_processes: bool) -> impl Iterator<Item = &'static ProbeType> {
    let rows = ALL.iter().copied().filter(|row| row.in_wildcards);
    rows.filter(move |row| (of_processes || row.space != Space::User) && wildcard::matches(pattern, row.name))
}

#[cfg(test)]
mod tests;
