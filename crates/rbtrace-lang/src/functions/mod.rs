//! The list of functions: one line each, alphabetical.

mod errorf;
mod exit;
mod print;
mod printf;
mod str;
mod warnf;

mod read;

use crate::row::Builtin;

/// Every row.
pub static ALL: &[&Builtin] = &[&errorf::ROW, &exit::ROW, &print::ROW, &printf::ROW, &str::ROW, &warnf::ROW];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Builtin> {
    ALL.iter().copied().find(|row| row.name == name || row.aliases.contains(&name))
}
