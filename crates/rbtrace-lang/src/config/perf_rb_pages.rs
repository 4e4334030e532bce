//! `perf_rb_pages`: the size of the ring buffer.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "perf_rb_pages",
    aliases: &[],
    opposites: &[],
    manual: "Pages of the buffer between kernel and rbtrace; rounded up to a power of two. 0 fits it to the memory of the machine; 262144 is \
             the most.",
    default: "0",
    parse: |text| {
        let pages = parse::unsigned(text)?;
        let fits = pages.parse().is_ok_and(|pages: u64| pages <= MOST);
        if fits { Ok(pages) } else { Err(format!("integers from 0 to {MOST}")) }
    },
};

/// A buffer of 1 GiB with pages of 4 KiB. The kernel has memory for all of it at once.
const MOST: u64 = 1 << 18;
