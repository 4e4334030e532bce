//! `user_symbols`: whether addresses of processes get names.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "user_symbols",
    aliases: &[],
    opposites: &["no_user_symbols"],
    manual: "Whether addresses of processes are shown with the names of their functions. Without, `ustack` and `usym` show numbers, and nobody \
             reads the symbols of large programs.",
    default: "true",
    parse: parse::boolean,
};
