//! Reads fields of a tracepoint's record, which is the program's context.

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Builder, Op};
use rbtrace_types::{DataLoc, Field, Type};

use crate::compile::{LowerCx, Lowered};

/// The value of a field.
pub(super) fn arg(cx: &mut dyn LowerCx, field: &Field) -> Lowered {
    let b = cx.ir();
    if let Some(kind) = field.data_loc {
        return Lowered::Int(dynamic(b, field, kind));
    }
    match &field.ty {
        Type::Enum(constants) => {
            let bytes = field.bits.map_or(8, |(_, width)| width / 8);
            let signed = constants.constants.iter().any(|&(_, value)| value < 0);
            Lowered::Int(b.value(Op::LoadCtx { bytes, signed, offset: field.offset }))
        }
        ty if ty.is_scalar() => Lowered::Int(b.value(Op::LoadCtx { bytes: ty.size() as u8, signed: ty.is_signed(), offset: field.offset })),
        ty => Lowered::Mem(copy(b, field, ty.size())),
    }
}

/// The address that a dynamic field points to: the low 16 bits are an offset, the high ones a length.
fn dynamic(b: &mut Builder, field: &Field, kind: DataLoc) -> ir::Value {
    let offset = b.value(Op::LoadCtx { bytes: 2, signed: false, offset: field.offset });
    let record = b.value(Op::CtxAddr);
    let addr = b.bin(Bin::Add, record, offset);
    match kind {
        DataLoc::Absolute => addr,
        DataLoc::Relative => b.bin_int(Bin::Add, addr, i64::from(field.offset) + 4),
    }
}

/// Copies a field to memory: a context is read word by word, never as a block.
fn copy(b: &mut Builder, field: &Field, size: u32) -> ir::Value {
    let slot = b.memory(&field.name, size);
    let to = b.slot_addr(slot);
    let mut done = 0;
    while done < size {
        let at = field.offset + done;
        let fits = |bytes: u32| size - done >= bytes && at.is_multiple_of(bytes);
        let bytes = [8, 4, 2, 1].into_iter().find(|&bytes| fits(bytes)).expect("one byte always fits");
        let word = b.value(Op::LoadCtx { bytes: bytes as u8, signed: false, offset: at });
        b.store(bytes as u8, to, done, word);
        done += bytes;
    }
    to
}
