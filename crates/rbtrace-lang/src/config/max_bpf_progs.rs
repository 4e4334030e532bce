//! `max_bpf_progs`: how many BPF programs a script may become.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "max_bpf_progs",
    aliases: &[],
    opposites: &[],
    manual: "How many BPF programs a script may become. A wildcard can need one for every match.",
    default: "1024",
    parse: parse::positive,
};
