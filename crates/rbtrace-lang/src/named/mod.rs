//! The list of named value types.

use crate::row::NamedType;

/// Every row.
pub static ALL: &[&NamedType] = &[];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static NamedType> {
    ALL.iter().copied().find(|row| row.name == name)
}
