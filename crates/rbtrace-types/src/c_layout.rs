//! Layout of C structs and unions on x86-64 and aarch64, whose rules are the same: natural alignment, bit-fields packed into units of their
//! type, `packed` and `aligned` as GCC means them.

use crate::layout::align_up;
use crate::ty::{Field, Int, Struct, Type};

/// Larger types are mistakes.
const MAX_SIZE: u32 = 1 << 28;

/// A member before it has a place.
#[derive(Clone, Debug)]
pub struct CMember {
    /// None for an anonymous struct, whose fields become the outer one's, and for padding bits.
    pub name: Option<String>,
    /// Its type.
    pub ty: Type,
    /// Bytes in C: for an enum not those of [`Type::size`].
    pub size: u32,
    /// Alignment in C.
    pub align: u32,
    /// Width of a bit-field.
    pub bits: Option<u32>,
    /// Whether it may lie anywhere.
    pub packed: bool,
}

/// A struct with places, and its alignment.
#[derive(Clone, Debug, PartialEq)]
pub struct Laid {
    /// The struct.
    pub of: Struct,
    /// Its alignment in C.
    pub align: u32,
}

/// Gives each member its place. `None`: larger than any type can sensibly be.
pub fn lay_out(name: String, is_union: bool, members: &[CMember], least_align: Option<u32>) -> Option<Laid> {
    let mut state = State { fields: Vec::new(), bit: 0, end: 0, align: least_align.unwrap_or(1) };
    for member in members {
        if is_union {
            state.bit = 0;
        }
        state.member(member)?;
    }
    let size = align_up(u32::try_from(state.end.div_ceil(8)).ok().filter(|size| *size <= MAX_SIZE)?, state.align);
    Some(Laid { of: Struct { name, fields: state.fields, size }, align: state.align })
}

struct State {
    fields: Vec<Field>,
    /// The next free bit.
    bit: u64,
    /// One past the last bit in use.
    end: u64,
    align: u32,
}

impl State {
    fn member(&mut self, member: &CMember) -> Option<()> {
        match member.bits {
            Some(width) => self.bit_field(member, width)?,
            None => self.plain(member)?,
        }
        self.end = self.end.max(self.bit);
        (self.end <= u64::from(MAX_SIZE) * 8).then_some(())
    }

    fn plain(&mut self, member: &CMember) -> Option<()> {
        let align = if member.packed { 1 } else { member.align };
        self.align = self.align.max(align);
        let offset = u32::try_from(self.bit.next_multiple_of(u64::from(align) * 8) / 8).ok()?;
        self.bit = (u64::from(offset) + u64::from(member.size)) * 8;
        match (&member.name, &member.ty) {
            (Some(name), ty) => {
                let narrow = matches!(ty, Type::Enum(_)) && member.size < 8;
                let bits = narrow.then(|| (0, member.size as u8 * 8));
                self.fields.push(Field { name: name.clone(), ty: ty.clone(), offset, bits, data_loc: None });
            }
            (None, Type::Struct(inner)) => {
                let moved = inner.fields.iter().map(|field| Field { offset: field.offset + offset, ..field.clone() });
                self.fields.extend(moved);
            }
            (None, _) => {}
        }
        Some(())
    }

    fn bit_field(&mut self, member: &CMember, width: u32) -> Option<()> {
        let unit = u64::from(member.size) * 8;
        if !matches!(member.size, 1 | 2 | 4 | 8) || u64::from(width) > unit {
            return None;
        }
        let last = (self.bit + u64::from(width)).saturating_sub(1);
        let crosses = self.bit / unit != last / unit;
        if width == 0 || (crosses && !member.packed) {
            self.bit = self.bit.next_multiple_of(unit);
        }
        if member.name.is_some() && !member.packed {
            self.align = self.align.max(member.align);
        }
        let crosses = width > 0 && self.bit / unit != (self.bit + u64::from(width) - 1) / unit;
        // One that crosses its unit is counted from the byte it begins in.
        let start = if crosses { self.bit / 8 } else { self.bit / unit * unit / 8 };
        let first = self.bit - start * 8;
        self.bit += u64::from(width);
        let Some(name) = member.name.clone().filter(|_| width > 0) else { return Some(()) };
        let bits = (u8::try_from(first).ok()?, width as u8);
        let offset = u32::try_from(start).ok()?;
        (first + u64::from(width) <= 64).then_some(())?;
        self.fields.push(Field { name, ty: member.ty.clone(), offset, bits: Some(bits), data_loc: None });
        Some(())
    }
}

impl Field {
    /// For a bit-field or narrow enum: the bytes at `offset` that hold its bits, as many as one load can take.
    pub fn storage_bytes(&self) -> u8 {
        let (first, width) = self.bits.unwrap_or((0, 64));
        (u32::from(first) + u32::from(width)).div_ceil(8).next_power_of_two().min(8) as u8
    }

    /// Bytes from `offset` that belong to it.
    pub fn bytes(&self) -> u32 {
        match self.bits {
            Some(_) => u32::from(self.storage_bytes()),
            None => self.ty.size(),
        }
    }
}

/// The alignment that C gives a type. That of a struct laid out elsewhere follows from its fields and its size.
pub fn c_align(ty: &Type) -> u32 {
    match ty {
        Type::Void | Type::Bool | Type::String(_) | Type::Buffer(_) => 1,
        Type::Int(Int { bytes, .. }) => u32::from(*bytes),
        Type::Enum(_) => 4,
        Type::Pointer(..) | Type::Aggregate(_) => 8,
        Type::Array(of, _) => c_align(of),
        Type::Named(named) => named.align,
        Type::Tuple(_) | Type::Record(_) => ty.align(),
        Type::Struct(s) => {
            let largest = s.fields.iter().map(|field| c_align(&field.ty)).max().unwrap_or(1);
            // A packed one does not fill a multiple of its largest field.
            if s.size == 0 { largest } else { largest.min(1 << s.size.trailing_zeros()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(name: &str, bytes: u8) -> CMember {
        member(name, Type::int(bytes, true))
    }

    fn member(name: &str, ty: Type) -> CMember {
        let name = (!name.is_empty()).then(|| name.to_owned());
        CMember { name, size: ty.size(), align: c_align(&ty), ty, bits: None, packed: false }
    }

    fn bits(name: &str, bytes: u8, width: u32) -> CMember {
        CMember { bits: Some(width), ..int(name, bytes) }
    }

    fn check(is_union: bool, members: &[CMember], expected: &str) {
        let laid = lay_out("s".into(), is_union, members, None).expect("of a sensible size");
        let field = |field: &Field| match field.bits {
            Some((first, width)) => format!("{}@{}:{first}+{width}", field.name, field.offset),
            None => format!("{}@{}", field.name, field.offset),
        };
        let fields: Vec<String> = laid.of.fields.iter().map(field).collect();
        assert_eq!(format!("{} size {} align {}", fields.join(" "), laid.of.size, laid.align), expected);
    }

    #[test]
    fn places_are_those_of_gcc() {
        check(false, &[int("a", 1), int("b", 4), int("c", 2)], "a@0 b@4 c@8 size 12 align 4");
        check(true, &[int("a", 1), int("b", 8)], "a@0 b@0 size 8 align 8");
        check(false, &[int("a", 1), member("s", Type::String(3)), int("b", 4)], "a@0 s@1 b@4 size 8 align 4");
        check(false, &[bits("a", 4, 3), bits("b", 4, 30), bits("c", 4, 2)], "a@0:0+3 b@4:0+30 c@4:30+2 size 8 align 4");
        check(false, &[bits("a", 1, 4), bits("b", 1, 4), bits("c", 2, 9)], "a@0:0+4 b@0:4+4 c@2:0+9 size 4 align 2");
        check(false, &[bits("a", 4, 3), bits("", 4, 0), bits("b", 4, 3)], "a@0:0+3 b@4:0+3 size 8 align 4");
        let packed = |member: CMember| CMember { packed: true, ..member };
        check(false, &[packed(int("a", 1)), packed(int("b", 4))], "a@0 b@1 size 5 align 1");
        check(false, &[packed(bits("a", 4, 5)), packed(bits("b", 4, 30))], "a@0:0+5 b@0:5+30 size 5 align 1");
        check(false, &[], " size 0 align 1");
    }

    #[test]
    fn fields_of_anonymous_structs_are_the_outer_ones() {
        let inner = lay_out("i".into(), false, &[int("x", 4), int("y", 4)], None).expect("small");
        check(false, &[int("a", 8), member("", Type::Struct(std::sync::Arc::new(inner.of)))], "a@0 x@8 y@12 size 16 align 8");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(lay_out("s".into(), false, &[bits("a", 4, 33)], None), None);
        let huge = CMember { size: u32::MAX, ..int("a", 8) };
        assert_eq!(lay_out("s".into(), false, &[huge], None), None);
    }
}
