//! The order of keys (SPEC §9.3): integers by number, strings by bytes, tuples element by element, everything else as bytes.

use std::cmp::Ordering;

use rbtrace_ir::{Layout, Type};

/// How keys of one type compare; made once per table.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyOrder {
    /// A little-endian integer of that many bytes.
    Integer {
        /// 1, 2, 4 or 8.
        bytes: usize,
        /// Two's complement.
        signed: bool,
    },
    /// Bytes.
    Bytes(usize),
    /// One after the other, at these offsets.
    Elements(Vec<(usize, KeyOrder)>),
}

impl KeyOrder {
    /// The order of a type.
    pub fn of(ty: &Type) -> Self {
        match ty {
            Type::Int(int) => Self::Integer { bytes: usize::from(int.bytes), signed: int.signed },
            Type::Bool => Self::Integer { bytes: 1, signed: false },
            Type::Pointer(..) => Self::Integer { bytes: 8, signed: false },
            Type::Enum(_) => Self::Integer { bytes: 8, signed: true },
            Type::Tuple(items) => Self::elements(items.iter()),
            Type::Record(items) => Self::elements(items.iter().map(|(_, ty)| ty)),
            Type::Array(of, len) => {
                let step = of.size() as usize;
                Self::Elements((0..*len as usize).map(|i| (i * step, Self::of(of))).collect())
            }
            Type::Void | Type::String(_) | Type::Buffer(_) | Type::Struct(_) | Type::Named(_) | Type::Aggregate(_) => {
                Self::Bytes(ty.size() as usize)
            }
        }
    }

    fn elements<'a>(types: impl Iterator<Item = &'a Type> + Clone) -> Self {
        let layout = Layout::of(types.clone());
        Self::Elements(layout.offsets.iter().zip(types).map(|(&offset, ty)| (offset as usize, Self::of(ty))).collect())
    }

    /// The start of a key as a number that is in the same order; keys with equal starts still have to be compared.
    pub fn prefix(&self, key: &[u8]) -> u64 {
        match self {
            Self::Integer { bytes, signed } => (integer(key, *bytes, *signed) as u64) ^ (u64::from(*signed) << 63),
            Self::Bytes(size) => {
                let mut start = [0; 8];
                let key = cut(key, (*size).min(start.len()));
                start[..key.len()].copy_from_slice(key);
                u64::from_be_bytes(start)
            }
            Self::Elements(elements) => elements.first().map_or(0, |(offset, order)| order.prefix(from(key, *offset))),
        }
    }

    /// Compares two keys; what is missing of a short one counts as zero.
    pub fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Self::Integer { bytes, signed: true } => integer(a, *bytes, true).cmp(&integer(b, *bytes, true)),
            Self::Integer { bytes, signed: false } => (integer(a, *bytes, false) as u64).cmp(&(integer(b, *bytes, false) as u64)),
            Self::Bytes(size) => cut(a, *size).cmp(cut(b, *size)),
            Self::Elements(elements) => {
                let each = |(offset, order): &(usize, KeyOrder)| order.compare(from(a, *offset), from(b, *offset));
                elements.iter().map(each).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            }
        }
    }
}

fn integer(bytes: &[u8], width: usize, signed: bool) -> i64 {
    rbtrace_lang::value::read_int(bytes, width as u8, signed).unwrap_or(0)
}

fn cut(bytes: &[u8], size: usize) -> &[u8] {
    &bytes[..size.min(bytes.len())]
}

fn from(bytes: &[u8], offset: usize) -> &[u8] {
    bytes.get(offset..).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_compare_element_by_element() {
        let ty = Type::Tuple(vec![Type::I32, Type::String(4)]);
        let order = KeyOrder::of(&ty);
        let key = |number: i32, text: &[u8; 4]| [&number.to_ne_bytes()[..], text].concat();
        assert_eq!(order.compare(&key(-1, b"b\0\0\0"), &key(1, b"a\0\0\0")), Ordering::Less);
        assert_eq!(order.compare(&key(256, b"b\0\0\0"), &key(1, b"a\0\0\0")), Ordering::Greater);
        assert_eq!(order.compare(&key(1, b"ab\0\0"), &key(1, b"b\0\0\0")), Ordering::Less);
        for (a, b) in [(key(-1, b"b\0\0\0"), key(1, b"a\0\0\0")), (key(i32::MIN, b"zzzz"), key(i32::MAX, b"\0\0\0\0"))] {
            assert!(order.prefix(&a) < order.prefix(&b));
        }
        assert_eq!(order.compare(&[], &key(0, b"\0\0\0\0")), Ordering::Less, "a missing string is shorter than an empty one");
    }

    #[test]
    fn prefixes_never_contradict() {
        let order = KeyOrder::of(&Type::String(12));
        let keys: [&[u8; 12]; 4] = [b"\0\0\0\0\0\0\0\0\0\0\0\0", b"abcdefgh\0\0\0\0", b"abcdefghi\0\0\0", b"b\0\0\0\0\0\0\0\0\0\0\0"];
        for pair in keys.windows(2) {
            assert_eq!(order.compare(pair[0], pair[1]), Ordering::Less);
            assert!(order.prefix(pair[0]) <= order.prefix(pair[1]));
        }
    }

    #[test]
    fn unsigned_integers_have_no_sign() {
        let order = KeyOrder::of(&Type::U64);
        assert_eq!(order.compare(&u64::MAX.to_ne_bytes(), &1u64.to_ne_bytes()), Ordering::Greater);
    }
}
