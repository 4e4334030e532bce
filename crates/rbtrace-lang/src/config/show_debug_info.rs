//! `show_debug_info`: whether stacks show source lines.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "show_debug_info",
    aliases: &[],
    opposites: &[],
    manual: "Whether stacks show source lines and inlined functions where debug information tells.",
    default: "true",
    parse: parse::boolean,
};
