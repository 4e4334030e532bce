//! The list of named value types.

pub mod timestamp;
pub mod username;

use crate::row::NamedType;

/// Every row.
pub static ALL: &[&NamedType] = &[&timestamp::ROW, &username::ROW];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static NamedType> {
    ALL.iter().copied().find(|row| row.name == name)
}
