//! `print_maps_on_exit`: whether maps are printed at the end.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "print_maps_on_exit",
    aliases: &[],
    opposites: &[],
    manual: "Whether maps that hold anything are printed at the end.",
    default: "true",
    parse: parse::boolean,
};
