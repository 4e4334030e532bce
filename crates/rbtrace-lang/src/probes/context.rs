//! Fields of a program's context. Most contexts are known to the verifier, which has them read word by word and from the program itself.

use rbtrace_ir::Op;
use rbtrace_types::{Field, Type};

use crate::compile::{LowerCx, Lowered};

/// The context of perf events.
pub(super) const PERF_EVENT: &str = "struct bpf_perf_event_data";
/// The context of programs on functions.
pub(super) const REGISTERS: &str = "struct pt_regs";

/// A field; a struct inside the context is copied first.
pub(super) fn field(cx: &mut dyn LowerCx, field: &Field) -> Lowered {
    let ir = cx.ir();
    if field.ty.is_scalar() && !matches!(field.ty, Type::Enum(_)) {
        let (bytes, signed) = (field.ty.size() as u8, field.ty.is_signed());
        return Lowered::Int(ir.value(Op::LoadCtx { bytes, signed, offset: field.offset }));
    }
    let size = field.ty.size();
    let slot = ir.memory("context", size.next_multiple_of(8));
    let to = ir.slot_addr(slot);
    for offset in (0..size).step_by(8) {
        let word = ir.value(Op::LoadCtx { bytes: 8, signed: false, offset: field.offset + offset });
        ir.store(8, to, offset, word);
    }
    Lowered::Mem(to)
}
