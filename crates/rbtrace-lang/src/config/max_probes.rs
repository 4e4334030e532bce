//! `max_probes`: how many attach points a script may have.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "max_probes",
    aliases: &[],
    opposites: &[],
    manual: "How many attach points a script may have after wildcards are expanded. Of functions that one link serves,
one in 128 counts: those of a `kprobe` (from Linux 5.18), and those of one binary of a `uprobe` or `uretprobe` (from 6.6). Those of a `kretprobe`
count all: kernels have died of `kretprobe:*`.",
    default: "1024",
    parse: parse::positive,
};
