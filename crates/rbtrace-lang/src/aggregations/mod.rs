//! The list of aggregations: one line each, alphabetical.

use crate::row::Aggregation;

/// Every row.
pub static ALL: &[&Aggregation] = &[];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Aggregation> {
    ALL.iter().copied().find(|row| row.name == name)
}
