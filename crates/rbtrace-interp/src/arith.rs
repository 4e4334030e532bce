//! Arithmetic as BPF does it: wrapping, shifts modulo 64, division by zero gives 0 and modulo by zero the dividend.

use rbtrace_ir::{Bin, Cmp};

/// Keeps the low bytes and extends them to 64 bits.
pub fn extend(value: i64, bytes: u8, signed: bool) -> i64 {
    let unused = 64 - 8 * u32::from(bytes);
    let high = value.wrapping_shl(unused);
    if signed { high.wrapping_shr(unused) } else { (high as u64).wrapping_shr(unused) as i64 }
}

pub fn bin(op: Bin, a: i64, b: i64) -> i64 {
    let (ua, ub, shift) = (a as u64, b as u64, b as u32);
    match op {
        Bin::Add => a.wrapping_add(b),
        Bin::Sub => a.wrapping_sub(b),
        Bin::Mul => a.wrapping_mul(b),
        Bin::UDiv => ua.checked_div(ub).unwrap_or(0) as i64,
        Bin::URem => ua.checked_rem(ub).unwrap_or(ua) as i64,
        Bin::SDiv => {
            if b == 0 {
                0
            } else {
                a.wrapping_div(b)
            }
        }
        Bin::SRem => {
            if b == 0 {
                a
            } else {
                a.wrapping_rem(b)
            }
        }
        Bin::And => a & b,
        Bin::Or => a | b,
        Bin::Xor => a ^ b,
        Bin::Shl => a.wrapping_shl(shift),
        Bin::LShr => ua.wrapping_shr(shift) as i64,
        Bin::AShr => a.wrapping_shr(shift),
    }
}

pub fn cmp(op: Cmp, a: i64, b: i64) -> bool {
    let (ua, ub) = (a as u64, b as u64);
    match op {
        Cmp::Eq => a == b,
        Cmp::Ne => a != b,
        Cmp::ULt => ua < ub,
        Cmp::ULe => ua <= ub,
        Cmp::UGt => ua > ub,
        Cmp::UGe => ua >= ub,
        Cmp::SLt => a < b,
        Cmp::SLe => a <= b,
        Cmp::SGt => a > b,
        Cmp::SGe => a >= b,
    }
}
