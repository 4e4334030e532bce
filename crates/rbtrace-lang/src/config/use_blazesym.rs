//! `use_blazesym`: accepted, without effect here.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "use_blazesym",
    aliases: &[],
    opposites: &[],
    manual: "Accepted for old scripts: there is one symboliser.",
    default: "true",
    parse: parse::boolean,
};
