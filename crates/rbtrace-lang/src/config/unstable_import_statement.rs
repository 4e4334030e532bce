//! `unstable_import_statement`: whether imports inside blocks are allowed.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "unstable_import_statement",
    aliases: &[],
    opposites: &[],
    manual: "Whether `import` may stand inside a block: `enable`, `warn` or `error`.",
    default: "error",
    parse: parse::unstable,
};
