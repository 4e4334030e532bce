//! `license`: what the program declares to the kernel.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "license",
    aliases: &[],
    opposites: &[],
    manual:
        "The licence the program declares to the kernel: `GPL`, `GPL v2`, `GPL and additional rights`, `Dual BSD/GPL`, `Dual MIT/GPL` or
`Dual MPL/GPL`. Most helpers of the kernel are for these only.",
    default: "GPL",
    parse,
};

fn parse(text: &str) -> Result<String, String> {
    parse::one_of(&["Dual MIT/GPL", "Dual BSD/GPL", "Dual MPL/GPL", "GPL and additional rights", "GPL v2", "GPL"], text)
}
