//! `max_map_keys`: how many keys a map has room for.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "max_map_keys",
    aliases: &["map_keys_max"],
    opposites: &[],
    manual: "How many keys a map has room for, where its declaration does not say. What does not fit is counted and reported.",
    default: "4096",
    parse: parse::positive,
};
