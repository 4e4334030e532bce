//! Sizes, alignments and offsets (SPEC §3.11).

use crate::ty::{Int, Type};

/// Rounds `offset` up to a multiple of `align`, which is a power of two.
pub fn align_up(offset: u32, align: u32) -> u32 {
    offset.next_multiple_of(align)
}

/// Where the elements of a tuple or record are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Byte offset of each element.
    pub offsets: Vec<u32>,
    /// Bytes of the whole, padding included.
    pub size: u32,
    /// Its alignment.
    pub align: u32,
}

impl Layout {
    /// Elements in order of declaration with natural alignment; the total is padded to the largest alignment.
    pub fn of<'a>(elements: impl IntoIterator<Item = &'a Type>) -> Layout {
        let (mut offsets, mut end, mut align) = (Vec::new(), 0u32, 1);
        for ty in elements {
            let (size, its_align) = ty.room();
            end = align_up(end, its_align);
            align = align.max(its_align);
            offsets.push(end);
            // A script may ask for more than there is; what is too large for a slot is refused later.
            end = end.saturating_add(size).min(MOST);
        }
        Layout { offsets, size: align_up(end, align), align }
    }
}

/// More than any slot holds, and aligned for everything.
const MOST: u32 = !0xfff;

impl Type {
    /// Bytes of a value in memory.
    pub fn size(&self) -> u32 {
        self.room().0
    }

    /// Alignment of a value in memory. Byte strings align to 1, buffers to their length field, C structs to 8 (theirs is not kept).
    pub fn align(&self) -> u32 {
        self.room().1
    }

    /// Size and alignment, found together: apart, every level of a nested tuple would be walked three times for each walk of the one above.
    fn room(&self) -> (u32, u32) {
        match self {
            Type::Void => (0, 1),
            Type::Bool => (1, 1),
            Type::Int(Int { bytes, .. }) => (u32::from(*bytes), u32::from(*bytes)),
            Type::String(size) => (*size, 1),
            Type::Buffer(size) => (size.saturating_add(4).min(MOST), 4),
            Type::Pointer(..) | Type::Enum(_) => (8, 8),
            Type::Array(of, len) => {
                let (size, align) = of.room();
                (size.saturating_mul(*len).min(MOST), align)
            }
            Type::Struct(s) => (s.size, 8),
            Type::Tuple(items) => Layout::of(items).room(),
            Type::Record(items) => Layout::of(items.iter().map(|(_, ty)| ty)).room(),
            Type::Named(named) => (named.size, named.align),
            Type::Aggregate(a) => (a.size, 8),
        }
    }
}

impl Layout {
    fn room(&self) -> (u32, u32) {
        (self.size, self.align)
    }
}

#[cfg(test)]
mod tests {
    use crate::ty::Type;

    #[test]
    fn tuple_layout_is_natural() {
        let (byte, long) = (Type::int(1, true), Type::I64);
        assert_eq!(Type::Tuple(vec![byte.clone(), long.clone(), byte, long]).size(), 32);
        assert_eq!(Type::Tuple(vec![Type::U32, Type::String(16)]).size(), 20);
    }
    #[test]
    fn a_deep_tuple_is_measured_once() {
        let deep = (0..60).fold(Type::I64, |inner, _| Type::Tuple(vec![Type::int(1, true), inner]));
        assert_eq!((deep.size(), deep.align()), (488, 8));
    }

    #[test]
    fn what_is_too_large_does_not_wrap_around() {
        let large = Type::Tuple(vec![Type::String(1_000_000_000); 9]);
        assert!(large.size() > 4_000_000_000 && Type::Array(std::sync::Arc::new(large), 9).size() > 4_000_000_000);
    }
}
