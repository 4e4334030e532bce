//! `log_size`: how much of the verifier's log is kept.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "log_size",
    aliases: &[],
    opposites: &[],
    manual: "Bytes kept of what the kernel's verifier says.",
    default: "1000000",
    parse: parse::positive,
};
