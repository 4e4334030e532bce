//! `missing_probes`: what an attach point means that does not exist.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "missing_probes",
    aliases: &[],
    opposites: &[],
    manual: "What an attach point means that does not exist here: `error`, `warn` or `ignore`.",
    default: "error",
    parse,
};

fn parse(text: &str) -> Result<String, String> {
    parse::one_of(&["error", "warn", "ignore"], text)
}
