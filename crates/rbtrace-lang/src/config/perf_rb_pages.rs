//! `perf_rb_pages`: the size of the ring buffer.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "perf_rb_pages",
    aliases: &[],
    opposites: &[],
    manual: "Pages of the buffer between kernel and rbtrace; rounded up to a power of two. 0 fits it to the memory of the machine.",
    default: "0",
    parse: parse::unsigned,
};
