//! The list of variables: one line each, alphabetical.

mod cgroup;
mod comm;
mod cpid;
mod cpu;
mod curtask;
mod elapsed;
mod gid;
mod has_cpid;
mod jiffies;
mod ncpus;
pub mod nsecs;
mod numaid;
mod pid;
mod probe;
mod probetype;
mod rand;
mod tid;
mod uid;
mod username;

pub mod task_ids;

use crate::row::Builtin;

/// Every row.
pub static ALL: &[&Builtin] = &[
    &cgroup::ROW,
    &comm::ROW,
    &cpid::ROW,
    &cpu::ROW,
    &curtask::ROW,
    &elapsed::ROW,
    &gid::ROW,
    &has_cpid::ROW,
    &jiffies::ROW,
    &ncpus::ROW,
    &nsecs::ROW,
    &numaid::ROW,
    &pid::ROW,
    &probe::ROW,
    &probetype::ROW,
    &rand::ROW,
    &tid::ROW,
    &uid::ROW,
    &username::ROW,
];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Builtin> {
    ALL.iter().copied().find(|row| row.name == name || row.aliases.contains(&name))
}
