//! `cpp_demangle`: whether C++ names are shown as written.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "cpp_demangle",
    aliases: &[],
    opposites: &["no_cpp_demangle"],
    manual: "Whether C++ names are shown as they were written.",
    default: "true",
    parse: parse::boolean,
};
