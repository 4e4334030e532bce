//! `cache_user_symbols`: whether symbols of user programs are kept between uses.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "cache_user_symbols",
    aliases: &[],
    opposites: &[],
    manual: "Whether symbols of user programs are cached: `PER_PID`, `PER_PROGRAM` or `NONE`.

The default is `PER_PROGRAM` where a program always lies at the same addresses (no ASLR, or a command given by `-c`), else `PER_PID`.",
    default: DEFAULT,
    parse,
};

/// Chosen when the first stack is printed.
const DEFAULT: &str = "auto";

fn parse(text: &str) -> Result<String, String> {
    match text {
        "1" => Ok(DEFAULT.into()),
        "0" => Ok("NONE".into()),
        other => parse::one_of(&[DEFAULT, "PER_PID", "PER_PROGRAM", "NONE"], other),
    }
}
