//! Values in memory: writing one as another type, reading kernel and user memory, integers of all widths.
//!
//! Invariant kept here: a string's bytes after its NUL, a buffer's after its length and a tuple's padding are zero, so equal values have equal
//! bytes and may be keys.

use rbtrace_ir::{Cmp, Helper, Op, Operand, Value};
use rbtrace_lang::compile::Lowered;
use rbtrace_types::{Layout, Space, Struct, Type};

use super::Lower;

impl Lower<'_> {
    /// Writes a value of type `from` at `addr + offset` as type `to`.
    pub(super) fn store_value(&mut self, addr: Value, offset: u32, to: &Type, value: Lowered, from: &Type) {
        match (value, to) {
            (Lowered::Void, _) | (_, Type::Void) => {}
            (Lowered::Int(int), Type::Tuple(_) | Type::Record(_)) => unreachable!("an integer {int:?} is no {to}"),
            (Lowered::Int(int), _) => {
                let int = self.convert(int, from, to);
                self.ir.store(to.size() as u8, addr, offset, int);
            }
            (Lowered::Remote(at, space), _) => {
                let dst = self.offset(addr, offset);
                self.probe_read(space, dst, at, to.size());
            }
            (Lowered::Mem(src), _) => self.store_memory(addr, offset, to, src, from),
        }
    }

    fn store_memory(&mut self, addr: Value, offset: u32, to: &Type, src: Value, from: &Type) {
        let dst = self.offset(addr, offset);
        match (to, from) {
            (Type::String(room), Type::String(have)) if room < have => {
                self.copy_padded(dst, src, *room, *have);
                let end = self.ir.int(0);
                self.ir.store(1, dst, room - 1, end);
            }
            (Type::String(room) | Type::Array(_, room), Type::String(have)) if to != from => self.copy_padded(dst, src, *room, *have),
            (Type::Buffer(room), Type::Buffer(have)) if to != from => self.copy_padded(dst, src, room + 4, have + 4),
            (Type::Tuple(_), Type::Tuple(_)) | (Type::Record(_), Type::Record(_)) if to != from => self.store_elements(dst, to, src, from),
            (to, _) if to.is_scalar() => {
                let int = self.load(src, 0, from);
                let int = self.convert(int, from, to);
                self.ir.store(to.size() as u8, dst, 0, int);
            }
            _ => self.ir.push(Op::Copy { to: dst, from: src, bytes: to.size() }),
        }
    }

    fn copy_padded(&mut self, dst: Value, src: Value, room: u32, have: u32) {
        self.ir.push(Op::Copy { to: dst, from: src, bytes: room.min(have) });
        if room > have {
            let rest = self.offset(dst, have);
            self.ir.push(Op::Zero { addr: rest, bytes: room - have });
        }
    }

    /// A tuple or record as a wider one, element by element; records by name.
    fn store_elements(&mut self, dst: Value, to: &Type, src: Value, from: &Type) {
        self.zero_gaps(dst, to);
        let (to_layout, from_layout) = (layout(to), layout(from));
        let from_types = from.elements().unwrap_or_default();
        for (index, to_ty) in to.elements().unwrap_or_default().into_iter().enumerate() {
            let at = position(to, from, index);
            let element = self.read(Lowered::Mem(src), from_layout.offsets[at], from_types[at]);
            self.store_value(dst, to_layout.offsets[index], to_ty, element, from_types[at]);
        }
    }

    /// Zeroes the bytes of a tuple or record that belong to no element; the elements bring theirs along.
    pub(super) fn zero_gaps(&mut self, addr: Value, ty: &Type) {
        let layout = layout(ty);
        let mut end = 0;
        let sizes = ty.elements().unwrap_or_default().into_iter().map(Type::size).chain([0]);
        for (start, size) in layout.offsets.iter().copied().chain([layout.size]).zip(sizes) {
            if start > end {
                let gap = self.offset(addr, end);
                self.ir.push(Op::Zero { addr: gap, bytes: start - end });
            }
            end = start + size;
        }
    }

    /// The part of type `ty` at a constant offset of a value: an integer, an address, or still remote.
    pub(super) fn read(&mut self, base: Lowered, offset: u32, ty: &Type) -> Lowered {
        match base {
            Lowered::Mem(addr) if ty.is_scalar() => Lowered::Int(self.load(addr, offset, ty)),
            Lowered::Mem(addr) => Lowered::Mem(self.offset(addr, offset)),
            Lowered::Remote(at, space) => {
                let at = if offset == 0 { at } else { self.ir.bin_int(rbtrace_ir::Bin::Add, at, i64::from(offset)) };
                self.read_remote(at, space, ty)
            }
            Lowered::Int(_) | Lowered::Void => base,
        }
    }

    /// A value in kernel or user memory: read at once if it is a scalar or a string, left there if it is large.
    pub(super) fn read_remote(&mut self, at: Value, space: Space, ty: &Type) -> Lowered {
        if matches!(ty, Type::Struct(_) | Type::Array(..)) {
            return Lowered::Remote(at, space);
        }
        if let Type::String(size) = ty {
            return Lowered::Mem(self.read_text(at, space, *size));
        }
        let temp = self.temp(ty.size());
        self.probe_read(space, temp, at, ty.size());
        if ty.is_scalar() { Lowered::Int(self.load(temp, 0, ty)) } else { Lowered::Mem(temp) }
    }

    /// A `char[n]` as a string: nothing of what lies behind its NUL, and all of it where it has none.
    fn read_text(&mut self, at: Value, space: Space, size: u32) -> Value {
        let temp = self.temp(size + 1);
        self.ir.push(Op::Zero { addr: temp, bytes: size + 1 });
        let helper = match space {
            Space::User => Helper::ProbeReadUserStr,
            Space::Kernel | Space::PerCpu | Space::None => Helper::ProbeReadKernelStr,
        };
        self.ir.push(Op::Call(helper, vec![Operand::Value(temp), Operand::Int(i64::from(size) + 1), Operand::Value(at)]));
        temp
    }

    /// A value that may be kept: what is remote is copied.
    pub(super) fn materialise(&mut self, value: Lowered, ty: &Type) -> Lowered {
        let Lowered::Remote(at, space) = value else { return value };
        let temp = self.temp(ty.size());
        self.probe_read(space, temp, at, ty.size());
        Lowered::Mem(temp)
    }

    /// Copies foreign memory; a failed read leaves zeros (the helper clears its destination).
    fn probe_read(&mut self, space: Space, dst: Value, at: Value, bytes: u32) {
        let helper = match space {
            Space::User => Helper::ProbeReadUser,
            Space::Kernel | Space::PerCpu | Space::None => Helper::ProbeReadKernel,
        };
        self.ir.push(Op::Call(helper, vec![Operand::Value(dst), Operand::Int(i64::from(bytes)), Operand::Value(at)]));
    }

    /// Loads a scalar.
    pub(super) fn load(&mut self, addr: Value, offset: u32, ty: &Type) -> Value {
        self.ir.load(ty.size() as u8, ty.is_signed(), addr, offset)
    }

    /// An address some bytes further.
    pub(super) fn offset(&mut self, addr: Value, offset: u32) -> Value {
        if offset == 0 { addr } else { self.ir.value(Op::Offset(addr, offset)) }
    }

    /// An integer of type `from` as one of type `to`: both are 64 bits in a register, extended by their sign.
    pub(super) fn convert(&mut self, value: Value, from: &Type, to: &Type) -> Value {
        if *to == Type::Bool && *from != Type::Bool {
            return self.ir.cmp_int(Cmp::Ne, value, 0);
        }
        let (from_size, to_size) = (from.size(), to.size());
        let changes =
            to_size < from_size || (to_size == from_size && from.is_signed() != to.is_signed()) || (from.is_signed() && !to.is_signed());
        if to_size >= 8 || !changes {
            return value;
        }
        self.ir.value(Op::Extend { value, bytes: to_size as u8, signed: to.is_signed() })
    }

    /// A field of a struct, bit-fields and narrow enums cut out.
    pub(super) fn read_field(&mut self, base: Lowered, s: &Struct, name: &str) -> Lowered {
        let field = s.field(name).expect("inference knows the field");
        let Some((first, width)) = field.bits else { return self.read(base, field.offset, &field.ty) };
        let storage = Type::int(field.storage_bytes(), false);
        let Lowered::Int(word) = self.read(base, field.offset, &storage) else { return Lowered::Void };
        let up = 64 - i64::from(first) - i64::from(width);
        let down = 64 - i64::from(width);
        let raised = self.ir.bin_int(rbtrace_ir::Bin::Shl, word, up);
        let shift = if field.ty.is_signed() { rbtrace_ir::Bin::AShr } else { rbtrace_ir::Bin::LShr };
        Lowered::Int(self.ir.bin_int(shift, raised, down))
    }
}

/// Offsets of a tuple's or record's elements.
pub(super) fn layout(ty: &Type) -> Layout {
    Layout::of(ty.elements().unwrap_or_default())
}

/// Which element of `from` goes to element `index` of `to`.
fn position(to: &Type, from: &Type, index: usize) -> usize {
    match (to, from) {
        (Type::Record(to), Type::Record(from)) => from.iter().position(|(name, _)| *name == to[index].0).unwrap_or(index),
        _ => index,
    }
}
