//! `unstable_dw_ustack`: whether unwinding by debug information is allowed.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "unstable_dw_ustack",
    aliases: &[],
    opposites: &[],
    manual: "Whether user stacks may be unwound by debug information: `enable`, `warn` or `error`.",
    default: "warn",
    parse: parse::unstable,
};
