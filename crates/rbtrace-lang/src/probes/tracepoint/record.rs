//! Reads fields of a tracepoint's record, which is the program's context.

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Builder, Cmp, Op};
use rbtrace_types::{DataLoc, Field, Type};

use crate::compile::{LowerCx, Lowered};

/// The value of a field.
pub(super) fn arg(cx: &mut dyn LowerCx, field: &Field) -> Lowered {
    let b = cx.ir();
    if let Some(kind) = field.data_loc {
        return Lowered::Int(dynamic(b, field, kind));
    }
    let ty = &field.ty;
    if !ty.is_scalar() {
        return Lowered::Mem(copy(b, field, ty.size()));
    }
    let (bytes, signed) = if let Type::Enum(of) = ty {
        (field.bits.map_or(8, |(_, width)| width / 8), of.has_negative())
    } else {
        (ty.size() as u8, ty.is_signed())
    };
    Lowered::Int(b.value(Op::LoadCtx { bytes, signed, offset: field.offset }))
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

/// Copies a field to memory: a context is read word by word, never as a block. What the kernel leaves behind a text's NUL is of an earlier
/// record, and must not make two keys of one text.
fn copy(b: &mut Builder, field: &Field, size: u32) -> ir::Value {
    let slot = b.memory(&field.name, size);
    let to = b.slot_addr(slot);
    let mut text = matches!(field.ty, Type::String(_)).then(|| b.int(-1));
    let mut done = 0;
    while done < size {
        let at = field.offset + done;
        let fits = |bytes: u32| size - done >= bytes && at.is_multiple_of(bytes);
        let bytes = [8, 4, 2, 1].into_iter().find(|&bytes| fits(bytes)).expect("one byte always fits");
        let mut word = b.value(Op::LoadCtx { bytes: bytes as u8, signed: false, offset: at });
        if let Some(goes_on) = text {
            let (kept, rest) = until_nul(b, word, bytes, goes_on);
            (word, text) = (kept, Some(rest));
        }
        b.store(bytes as u8, to, done, word);
        done += bytes;
    }
    to
}

/// A word of a text with zeros from its NUL on, and a mask: all bits as long as no NUL was found. A byte is zero where subtracting one from
/// every byte borrows; the lowest such bit is right, those above it may be borrowed.
fn until_nul(b: &mut Builder, word: ir::Value, bytes: u32, goes_on: ir::Value) -> (ir::Value, ir::Value) {
    let each = |byte: u64| ((byte * 0x0101_0101_0101_0101) & (u64::MAX >> (64 - 8 * bytes))) as i64;
    let less = b.bin_int(Bin::Sub, word, each(1));
    let inverse = b.bin_int(Bin::Xor, word, -1);
    let borrows = b.bin(Bin::And, less, inverse);
    let ends = b.bin_int(Bin::And, borrows, each(0x80));
    let zero = b.int(0);
    let negated = b.bin(Bin::Sub, zero, ends);
    let first = b.bin(Bin::And, ends, negated);
    let below = b.bin_int(Bin::LShr, first, 7);
    // Without a NUL: 0 - 1, all bits.
    let mask = b.bin_int(Bin::Sub, below, 1);
    let kept = b.bin(Bin::And, word, mask);
    let kept = b.bin(Bin::And, kept, goes_on);
    let has_nul = b.cmp_int(Cmp::Ne, ends, 0);
    let still = b.bin_int(Bin::Sub, has_nul, 1);
    (kept, b.bin(Bin::And, goes_on, still))
}
