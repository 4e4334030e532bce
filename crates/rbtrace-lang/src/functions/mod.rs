//! The list of functions: one line each, alphabetical.

mod buf;
mod cat;
mod clear;
mod delete;
mod errorf;
mod exit;
mod fail;
pub mod getopt;
mod has_key;
mod is_literal;
mod join;
mod len;
mod print;
mod printf;
mod str;
mod strcontains;
mod strftime;
mod strlen;
mod strncmp;
mod system;
mod time;
mod warnf;
mod zero;

mod maps;
mod read;

use crate::row::Builtin;

/// Every row.
pub static ALL: &[&Builtin] = &[
    &buf::ROW,
    &cat::ROW,
    &clear::ROW,
    &delete::ROW,
    &errorf::ROW,
    &exit::ROW,
    &fail::ROW,
    &getopt::ROW,
    &has_key::ROW,
    &is_literal::ROW,
    &join::ROW,
    &len::ROW,
    &print::ROW,
    &printf::ROW,
    &str::ROW,
    &strcontains::ROW,
    &strftime::ROW,
    &strlen::ROW,
    &strncmp::ROW,
    &system::ROW,
    &time::ROW,
    &warnf::ROW,
    &zero::ROW,
];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Builtin> {
    ALL.iter().copied().find(|row| row.name == name || row.aliases.contains(&name))
}
