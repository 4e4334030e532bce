//! Variables whose bytes are in several places: structs that optimizers keep in registers, member by member.

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Helper, Op, Operand};
use rbtrace_types::debug_info::{Piece, VariableHome};
use rbtrace_types::{Arch, Type};

use super::locals::compute;

/// Bytes of a register.
const REGISTER: u32 = 8;

/// More is not put together: what is kept in registers is small.
const MOST: u32 = 256;

/// Why a variable that is in pieces cannot be read.
pub(super) fn check(all: &[Piece], ty: &Type, bytes: u32) -> Result<(), String> {
    if bytes > MOST {
        return Err(format!("it is in pieces, and larger than {MOST} bytes"));
    }
    let mut start = 0;
    for piece in all {
        let end = start + piece.bytes.min(MOST);
        match &piece.home {
            Err(why) if holds(ty, start, end.min(bytes)) => return Err(why.clone()),
            Ok(VariableHome::Value(_)) if piece.bytes > REGISTER => {
                return Err("a part of it is larger than the register that it is in".into());
            }
            Err(_) | Ok(_) => start = end,
        }
    }
    if start >= bytes { Ok(()) } else { Err("its place is said in part only".into()) }
}

/// Whether a value of a type has anything in a stretch of its bytes; between members of structs there is nothing.
fn holds(ty: &Type, start: u32, end: u32) -> bool {
    let Type::Struct(of) = ty else { return start < end };
    let overlaps = |(from, size): (u32, u32)| start.max(from) < end.min(from + size);
    of.fields.is_empty() && start < end
        || of.fields.iter().any(|field| {
            let from = field.offset;
            let size = field.bits.map_or(field.ty.size(), |(first, width)| u32::from(first + width).div_ceil(8));
            overlaps((from, size)) && holds(&field.ty, start.saturating_sub(from), end.saturating_sub(from).min(size))
        })
}

/// Puts the pieces behind one another; says where.
pub(super) fn join(b: &mut ir::Builder, arch: Arch, all: &[Piece], bytes: u32) -> ir::Value {
    let size = bytes.max(1).next_multiple_of(REGISTER);
    let slot = b.memory("variable", size);
    let to = b.slot_addr(slot);
    let zero = b.int(0);
    (0..size).step_by(REGISTER as usize).for_each(|offset| b.store(REGISTER as u8, to, offset, zero));
    let mut start = 0;
    for piece in all {
        let count = piece.bytes.min(bytes.saturating_sub(start));
        match &piece.home {
            Ok(VariableHome::Value(computed)) => {
                let value = compute(b, arch, computed);
                put(b, to, start, value, count);
            }
            Ok(VariableHome::Memory(at)) if count > 0 => {
                let address = compute(b, arch, at);
                let here = b.value(Op::Offset(to, start));
                b.call(Helper::ProbeReadUser, vec![Operand::Value(here), Operand::Int(count.into()), Operand::Value(address)]);
            }
            Ok(VariableHome::Memory(_) | VariableHome::Pieces(_)) | Err(_) => {}
        }
        start += count;
    }
    to
}

/// The lowest bytes of a register, as many as there are.
fn put(b: &mut ir::Builder, to: ir::Value, start: u32, value: ir::Value, count: u32) {
    let (mut value, mut done) = (value, 0);
    for bytes in [8, 4, 2, 1] {
        if count - done >= bytes {
            b.store(bytes as u8, to, start + done, value);
            done += bytes;
            if done < count {
                value = b.bin_int(Bin::LShr, value, i64::from(bytes) * 8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rbtrace_types::debug_info::Computed;
    use rbtrace_types::{Field, Struct};

    use super::*;

    fn of(fields: &[(u32, Type)], size: u32) -> Type {
        let field =
            |(offset, ty): &(u32, Type)| Field { name: format!("at{offset}"), ty: ty.clone(), offset: *offset, bits: None, data_loc: None };
        Type::Struct(Arc::new(Struct { name: "struct s".into(), size, fields: fields.iter().map(field).collect() }))
    }

    #[test]
    fn only_what_is_between_members_may_be_nowhere() {
        let ty = of(&[(0, Type::int(4, true)), (4, of(&[(0, Type::int(1, true)), (2, Type::int(2, true))], 4)), (8, Type::U64)], 16);
        let check = |text: &str, bytes: u32| {
            let piece = |part: &str| {
                let (bytes, home) = part.split_at(part.len() - 1);
                let home = if home == "r" { Ok(VariableHome::Value(Computed::Register(3))) } else { Err("nowhere".into()) };
                Piece { bytes: bytes.parse().expect("a number"), home }
            };
            check(&text.split(' ').map(piece).collect::<Vec<_>>(), &ty, bytes).is_ok()
        };
        assert!(check("4r 1r 1- 2r 8r", 16) && check("8r 8r", 16) && check("4r 4r 4r 4r", 16));
        assert!(!check("4r 1r 2- 1r 8r", 16) && !check("4- 4r 8r", 16) && !check("8r", 16) && !check("16r", 16));
        assert!(!check("8r 8r", MOST + 1));
    }
}
