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
        let (mut offsets, mut end, mut align) = (Vec::new(), 0, 1);
        for ty in elements {
            end = align_up(end, ty.align());
            align = align.max(ty.align());
            offsets.push(end);
            end += ty.size();
        }
        Layout { offsets, size: align_up(end, align), align }
    }
}

impl Type {
    /// Bytes of a value in memory.
    pub fn size(&self) -> u32 {
        match self {
            Type::Void => 0,
            Type::Bool => 1,
            Type::Int(Int { bytes, .. }) => u32::from(*bytes),
            Type::String(size) => *size,
            Type::Buffer(size) => size + 4,
            Type::Pointer(..) | Type::Enum(_) => 8,
            Type::Array(of, len) => of.size().saturating_mul(*len),
            Type::Struct(s) => s.size,
            Type::Tuple(items) => Layout::of(items).size,
            Type::Record(items) => Layout::of(items.iter().map(|(_, ty)| ty)).size,
            Type::Named(named) => named.size,
            Type::Aggregate(a) => a.size,
        }
    }

    /// Alignment of a value in memory. Byte strings align to 1, buffers to their length field, C structs to 8 (theirs is not kept).
    pub fn align(&self) -> u32 {
        match self {
            Type::Void | Type::Bool | Type::String(_) => 1,
            Type::Buffer(_) => 4,
            Type::Int(Int { bytes, .. }) => u32::from(*bytes),
            Type::Pointer(..) | Type::Enum(_) | Type::Aggregate(_) => 8,
            Type::Array(of, _) => of.align(),
            Type::Struct(_) => 8,
            Type::Tuple(items) => Layout::of(items).align,
            Type::Record(items) => Layout::of(items.iter().map(|(_, ty)| ty)).align,
            Type::Named(named) => named.align,
        }
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
}
