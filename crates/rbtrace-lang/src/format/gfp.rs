//! Flags of the kernel's allocators (`gfp_t`) → their names, as the kernel's own messages write them (`include/trace/events/mmflags.h`).
//!
//! The bits are those of Linux 6.10 and later with memory tagging, where nearly all have their oldest number; which ones a kernel lacks
//! depends on its configuration.

/// Names of masks: combinations first, larger ones before smaller, so that a known one is said by its own name; then bit by bit.
const NAMES: &[(u64, &str)] = &[
    (0x21c_24ca, "GFP_TRANSHUGE"),
    (0x21c_20ca, "GFP_TRANSHUGE_LIGHT"),
    (0x210_0cca, "GFP_HIGHUSER_MOVABLE"),
    (0x10_0cc2, "GFP_HIGHUSER"),
    (0x10_0cc0, "GFP_USER"),
    (0x40_0cc0, "GFP_KERNEL_ACCOUNT"),
    (0xcc0, "GFP_KERNEL"),
    (0xc40, "GFP_NOFS"),
    (0x820, "GFP_ATOMIC"),
    (0xc00, "GFP_NOIO"),
    (0x2800, "GFP_NOWAIT"),
    (0x1, "GFP_DMA"),
    (0x2, "__GFP_HIGHMEM"),
    (0x4, "GFP_DMA32"),
    (0x20, "__GFP_HIGH"),
    (0x40, "__GFP_IO"),
    (0x80, "__GFP_FS"),
    (0x100, "__GFP_ZERO"),
    (0x400, "__GFP_DIRECT_RECLAIM"),
    (0x800, "__GFP_KSWAPD_RECLAIM"),
    (0x1000, "__GFP_WRITE"),
    (0x2000, "__GFP_NOWARN"),
    (0x4000, "__GFP_RETRY_MAYFAIL"),
    (0x8000, "__GFP_NOFAIL"),
    (0x1_0000, "__GFP_NORETRY"),
    (0x2_0000, "__GFP_MEMALLOC"),
    (0x4_0000, "__GFP_COMP"),
    (0x8_0000, "__GFP_NOMEMALLOC"),
    (0x10_0000, "__GFP_HARDWALL"),
    (0x20_0000, "__GFP_THISNODE"),
    (0x40_0000, "__GFP_ACCOUNT"),
    (0x80_0000, "__GFP_ZEROTAGS"),
    (0x100_0000, "__GFP_SKIP_ZERO"),
    (0x200_0000, "__GFP_SKIP_KASAN"),
    (0x400_0000, "__GFP_NO_OBJ_EXT"),
];

/// Appends the names of the flags in `flags`, joined by `|`; what has no name follows as a number.
pub(super) fn write(flags: u64, out: &mut Vec<u8>) {
    let mut left = flags;
    let mut parts: Vec<String> = Vec::new();
    for &(mask, name) in NAMES {
        if left & mask == mask {
            left &= !mask;
            parts.push(name.to_owned());
        }
    }
    match (left, parts.is_empty()) {
        (0, true) => parts.push("0".to_owned()),
        (0, false) => {}
        (left, _) => parts.push(format!("{left:#x}")),
    }
    out.extend_from_slice(parts.join("|").as_bytes());
}

#[cfg(test)]
mod tests {
    fn check(flags: u64, expected: &str) {
        let mut out = Vec::new();
        super::write(flags, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{flags:#x}");
    }

    #[test]
    fn combinations_come_before_single_flags() {
        check(0, "0");
        check(0xcc0, "GFP_KERNEL");
        check(0xdc0, "GFP_KERNEL|__GFP_ZERO");
        check(0xc80, "GFP_NOIO|__GFP_FS");
        check(0x40_0cc0, "GFP_KERNEL_ACCOUNT");
        check(0x2820, "GFP_ATOMIC|__GFP_NOWARN");
        check(0x21c_24ca, "GFP_TRANSHUGE");
        check(0x1000_0001, "GFP_DMA|0x10000000");
    }
}
