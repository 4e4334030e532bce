//! `no_cpp_demangle`: the old opposite of another key.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "no_cpp_demangle",
    aliases: &[],
    manual: "The opposite of `cpp_demangle`, which is its name of today.",
    default: "false",
    parse: parse::boolean,
};
