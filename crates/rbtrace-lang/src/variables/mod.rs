//! The list of variables: one line each, alphabetical.

mod arg0;
mod cgroup;
mod comm;
mod config;
mod cpid;
mod cpu;
mod ctx;
mod curtask;
mod elapsed;
mod func;
mod gid;
mod has_cpid;
mod jiffies;
mod leader_comm;
mod leader_tid;
mod ncpus;
pub mod nsecs;
mod numaid;
mod pcomm;
mod pid;
mod ppid;
mod probe;
mod probetype;
mod rand;
mod retval;
mod sarg0;
mod tid;
mod uid;
mod usermode;
mod username;

mod task_fields;
pub mod task_ids;

use crate::row::Builtin;

/// Every row.
pub static ALL: &[&Builtin] = &[
    &arg0::ROW,
    &cgroup::ROW,
    &comm::ROW,
    &config::ROW,
    &cpid::ROW,
    &cpu::ROW,
    &ctx::ROW,
    &curtask::ROW,
    &elapsed::ROW,
    &func::ROW,
    &gid::ROW,
    &has_cpid::ROW,
    &jiffies::ROW,
    &leader_comm::ROW,
    &leader_tid::ROW,
    &ncpus::ROW,
    &nsecs::ROW,
    &numaid::ROW,
    &pcomm::ROW,
    &pid::ROW,
    &ppid::ROW,
    &probe::ROW,
    &probetype::ROW,
    &rand::ROW,
    &retval::ROW,
    &sarg0::ROW,
    &tid::ROW,
    &uid::ROW,
    &usermode::ROW,
    &username::ROW,
];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Builtin> {
    ALL.iter().copied().find(|row| row.name == name || row.aliases.contains(&name) || is_of_kind(row, name))
}

/// Whether a name differs from a row's only in its number: `arg7`.
fn is_of_kind(row: &Builtin, name: &str) -> bool {
    let digits = name.strip_prefix(row.name.trim_end_matches(|c: char| c.is_ascii_digit()));
    // Nobody writes `arg07`.
    let number = digits.and_then(|digits| digits.parse::<u32>().ok().filter(|number| number.to_string() == digits));
    number.is_some_and(|number| number < row.numbered)
}
