//! `unstable_typeinfo`: whether type information at compile time is allowed.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "unstable_typeinfo",
    aliases: &[],
    opposites: &[],
    manual: "Whether `typeinfo` may be used: `enable`, `warn` or `error`.",
    default: "error",
    parse: parse::unstable,
};
