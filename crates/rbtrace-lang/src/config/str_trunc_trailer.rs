//! `str_trunc_trailer`: what is printed behind a cut string.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "str_trunc_trailer",
    aliases: &[],
    opposites: &[],
    manual: "Printed behind a string that did not fit. Empty: nothing.",
    default: "..",
    parse: parse::text,
};
