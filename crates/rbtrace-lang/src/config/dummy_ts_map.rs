//! `dummy_ts_map`: a clock for tests.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "dummy_ts_map",
    aliases: &[],
    opposites: &[],
    manual: "For tests of scripts: the scalar map of a 64-bit integer that `tseries()` takes for the clock, in nanoseconds since 1970.",
    default: "",
    parse: parse::text,
};
