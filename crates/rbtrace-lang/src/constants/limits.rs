//! Limits of C's types and of names: `include/linux/limits.h`, `include/uapi/linux/limits.h` of Linux 6.18. Names that BTF has are
//! not here.

/// By name.
pub(super) static ALL: &[(&str, i64)] = &[
    ("CHAR_BIT", 8),
    ("INT_MAX", 0x7fff_ffff),
    ("INT_MIN", -0x8000_0000),
    ("LONG_MAX", i64::MAX),
    ("LONG_MIN", i64::MIN),
    ("NAME_MAX", 255),
    ("NULL", 0),
    ("PATH_MAX", 4096),
    ("S16_MAX", 0x7fff),
    ("S32_MAX", 0x7fff_ffff),
    ("S64_MAX", i64::MAX),
    ("S8_MAX", 0x7f),
    ("U16_MAX", 0xffff),
    ("U32_MAX", 0xffff_ffff),
    ("U8_MAX", 255),
    ("UINT_MAX", 0xffff_ffff),
];
