//! The integer rules (SPEC §3.2-3.4): literal types, promotion, results of operators. Knows no expression.

use crate::ty::Int;

/// An integer type as inference sees it: a literal has not chosen its sign yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flexible {
    /// The type if nothing else decides.
    pub int: Int,
    /// A non-negative literal: takes the sign of the other side.
    pub flexible: bool,
}

/// The smallest signed type a literal fits; above `i64::MAX` it is `uint64`.
pub fn of_literal(value: i128) -> Flexible {
    let fits = |bytes: u32| value >= -(1i128 << (bytes * 8 - 1)) && value < 1i128 << (bytes * 8 - 1);
    let bytes = [1u8, 2, 4, 8].into_iter().find(|&bytes| fits(u32::from(bytes)));
    match bytes {
        Some(bytes) => Flexible { int: Int { bytes, signed: true }, flexible: value >= 0 },
        None => Flexible { int: Int { bytes: 8, signed: false }, flexible: false },
    }
}

/// The common type of two integers that meet in a variable, a key or a branch; `true` when both are 64 bits wide and
/// of different sign, which deserves a warning.
pub fn promote(a: Flexible, b: Flexible) -> (Flexible, bool) {
    let bytes = a.int.bytes.max(b.int.bytes);
    let with = |signed, flexible| Flexible { int: Int { bytes, signed }, flexible };
    if a.int.signed == b.int.signed {
        return (with(a.int.signed, a.flexible && b.flexible), false);
    }
    match (a.flexible, b.flexible) {
        (true, _) => (with(b.int.signed, false), false),
        (_, true) => (with(a.int.signed, false), false),
        (false, false) => {
            let (signed, unsigned) = if a.int.signed { (a.int, b.int) } else { (b.int, a.int) };
            let bytes = if signed.bytes > unsigned.bytes { signed.bytes } else { (bytes * 2).min(8) };
            let clash = unsigned.bytes == 8;
            (Flexible { int: Int { bytes, signed: true }, flexible: false }, clash)
        }
    }
}

/// The type of `a op b` for arithmetic and bit operators: 64 bits, signed if either side is. Subtraction is always signed.
pub fn arithmetic(a: Flexible, b: Flexible, subtraction: bool) -> Int {
    let (signed_a, signed_b) = match (a.flexible, b.flexible) {
        (true, false) => (b.int.signed, b.int.signed),
        (false, true) => (a.int.signed, a.int.signed),
        (true, true) | (false, false) => (a.int.signed, b.int.signed),
    };
    Int { bytes: 8, signed: subtraction || signed_a || signed_b }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(bytes: u8, signed: bool) -> Flexible {
        Flexible { int: Int { bytes, signed }, flexible: false }
    }

    #[test]
    fn literals_are_small_and_flexible() {
        assert_eq!(of_literal(0), Flexible { int: Int { bytes: 1, signed: true }, flexible: true });
        assert_eq!(of_literal(200).int, Int { bytes: 2, signed: true });
        assert_eq!(of_literal(-1), fixed(1, true));
        assert_eq!(of_literal(u64::MAX.into()), fixed(8, false));
    }

    #[test]
    fn mixed_signs_widen() {
        assert_eq!(promote(fixed(4, false), fixed(4, true)), (fixed(8, true), false));
        assert_eq!(promote(fixed(1, false), fixed(4, true)), (fixed(4, true), false));
        assert_eq!(promote(fixed(8, false), fixed(8, true)), (fixed(8, true), true));
        assert_eq!(promote(of_literal(1), fixed(8, false)), (fixed(8, false), false));
    }
}
