//! `max_cat_bytes`: how much of a file is printed.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "max_cat_bytes",
    aliases: &["cat_bytes_max"],
    opposites: &[],
    manual: "How many bytes of a file `cat()` prints.",
    default: "10240",
    parse: parse::unsigned,
};
