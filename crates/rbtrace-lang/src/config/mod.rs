//! The list of configuration keys, alphabetical.

use crate::row::ConfigKey;

/// Every row.
pub static ALL: &[&ConfigKey] = &[];

/// The row of a name (lower case, without prefix).
pub fn by_name(name: &str) -> Option<&'static ConfigKey> {
    ALL.iter().copied().find(|row| row.name == name || row.aliases.contains(&name))
}
