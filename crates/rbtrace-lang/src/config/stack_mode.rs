//! `stack_mode`: how stacks are printed.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "stack_mode",
    aliases: &[],
    opposites: &[],
    manual: "How stacks are printed where the call does not say: `bpftrace`, `perf`, `raw` or `build_id`.",
    default: DEFAULT,
    parse,
};

const DEFAULT: &str = "bpftrace";

fn parse(text: &str) -> Result<String, String> {
    parse::one_of(&[DEFAULT, "perf", "raw", "build_id"], text)
}
