//! The list of functions: one line each, alphabetical.

use crate::row::Builtin;

/// Every row.
pub static ALL: &[&Builtin] = &[];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Builtin> {
    ALL.iter().copied().find(|row| row.name == name || row.aliases.contains(&name))
}
