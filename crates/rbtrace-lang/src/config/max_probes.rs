//! `max_probes`: how many attach points a script may have.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "max_probes",
    aliases: &[],
    opposites: &[],
    manual: "How many attach points a script may have after wildcards are expanded.",
    default: "1024",
    parse: parse::positive,
};
