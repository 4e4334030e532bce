//! `unstable_tseries`: whether time series are allowed.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "unstable_tseries",
    aliases: &[],
    opposites: &[],
    manual: "Whether `tseries()` may be used: `enable`, `warn` or `error`.",
    default: "warn",
    parse: parse::unstable,
};
