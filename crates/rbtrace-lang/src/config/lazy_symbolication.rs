//! `lazy_symbolication`: when addresses get their names.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "lazy_symbolication",
    aliases: &[],
    opposites: &[],
    manual: "Whether addresses get their names when they are printed rather than when they are recorded.",
    default: "true",
    parse: parse::boolean,
};
