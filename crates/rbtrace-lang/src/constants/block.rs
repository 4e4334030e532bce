//! Requests to block devices: `include/linux/blk_types.h` of Linux 6.18. Kernels with BTF say themselves what their numbers are.

/// Operations.
pub(super) static OPERATIONS: &[(&str, i64)] = &[
    ("REQ_OP_READ", 0),
    ("REQ_OP_WRITE", 1),
    ("REQ_OP_FLUSH", 2),
    ("REQ_OP_DISCARD", 3),
    ("REQ_OP_SECURE_ERASE", 5),
    ("REQ_OP_WRITE_ZEROES", 9),
    ("REQ_OP_BITS", 8),
    ("REQ_OP_MASK", 255),
];

/// Flags, where the kernel's `enum req_flag_bits` is not known.
pub(super) static FLAGS: &[(&str, i64)] = &[
    ("REQ_FAILFAST_DEV", 0x100),
    ("REQ_FAILFAST_TRANSPORT", 0x200),
    ("REQ_FAILFAST_DRIVER", 0x400),
    ("REQ_SYNC", 0x800),
    ("REQ_META", 0x1000),
    ("REQ_PRIO", 0x2000),
    ("REQ_NOMERGE", 0x4000),
    ("REQ_IDLE", 0x8000),
    ("REQ_INTEGRITY", 0x0001_0000),
    ("REQ_FUA", 0x0002_0000),
    ("REQ_PREFLUSH", 0x0004_0000),
    ("REQ_RAHEAD", 0x0008_0000),
    ("REQ_BACKGROUND", 0x0010_0000),
    ("REQ_NOWAIT", 0x0020_0000),
];

/// The bit that a flag is: the kernel counts bits in an enum, and its headers make flags of them.
pub(super) fn bit_of(flag: &str) -> Option<String> {
    flag.starts_with("REQ_").then(|| format!("__{flag}"))
}
