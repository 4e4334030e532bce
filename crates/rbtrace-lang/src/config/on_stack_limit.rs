//! `on_stack_limit`: accepted, without effect here.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "on_stack_limit",
    aliases: &[],
    opposites: &[],
    manual: "Accepted for old scripts. Values never lie on the kernel's small stack here, so there is nothing to limit.",
    default: "32",
    parse: parse::unsigned,
};
