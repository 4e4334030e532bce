//! `max_strlen`: the longest string.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "max_strlen",
    aliases: &["strlen"],
    opposites: &[],
    manual: "The longest string, buffer or path in bytes, with its terminating zero.",
    default: "1024",
    parse: parse::positive,
};
