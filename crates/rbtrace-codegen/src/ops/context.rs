//! Loads from the program's context and through pointers that the verifier trusts.
//!
//! All of them are volatile: the verifier knows these pointers by their type and refuses what LLVM makes of a load it may move: a narrower
//! one, one of two by a computed address, one that extends the sign on the way.

use inkwell::values::IntValue;
use rbtrace_ir::{ProgramType, Value};

use crate::builder::Arith;
use crate::function::{Datum, Emitter};

impl<'ctx> Emitter<'_, 'ctx, '_> {
    pub fn load_ctx(&mut self, bytes: u8, signed: bool, offset: u32) -> Datum<'ctx> {
        let raw = match self.function.program_type {
            // The context is words; the verifier knows no parts of them.
            ProgramType::RawTracepoint | ProgramType::TypedRawTracepoint => self.part_of_word(offset),
            ProgramType::Iterator | ProgramType::Trampoline => self.part_of_word(offset),
            ProgramType::Tracepoint | ProgramType::PerfEvent | ProgramType::Kprobe if offset.is_multiple_of(u32::from(bytes)) => {
                self.ctx_at(bytes, offset)
            }
            ProgramType::Tracepoint | ProgramType::PerfEvent | ProgramType::Kprobe => self.unaligned_ctx(bytes, offset),
            // No row reads it.
            ProgramType::Xdp => self.ctx_at(bytes, offset),
        };
        let code = self.code();
        if bytes == 8 {
            return Datum::Int(raw);
        }
        // Opaque, or the load and the extension become one instruction, which the verifier does not allow on a context.
        let raw = if signed { code.opaque(raw) } else { raw };
        Datum::Int(code.widen(code.narrow(raw, bytes), signed))
    }

    /// Zero-extended.
    fn ctx_at(&self, bytes: u8, offset: u32) -> IntValue<'ctx> {
        self.code().load_from_context(bytes, self.frame.ctx, offset)
    }

    fn part_of_word(&self, offset: u32) -> IntValue<'ctx> {
        let word = self.ctx_at(8, offset & !7);
        let code = self.code();
        if offset.is_multiple_of(8) { word } else { code.arith(Arith::LShr, word, code.int(i64::from(offset % 8 * 8))) }
    }

    /// Byte by byte: a context is not plain memory, the verifier insists on alignment.
    fn unaligned_ctx(&self, bytes: u8, offset: u32) -> IntValue<'ctx> {
        let code = self.code();
        (0..u32::from(bytes)).fold(code.int(0), |low, at| {
            let byte = self.ctx_at(1, offset + at);
            code.arith(Arith::Or, low, code.arith(Arith::Shl, byte, code.int(i64::from(8 * at))))
        })
    }

    /// Opaque: LLVM must not make a load from the context of an address that is given to a helper.
    pub fn ctx_addr(&mut self) -> Datum<'ctx> {
        let code = self.code();
        Datum::Int(code.opaque(code.int_of(self.frame.ctx)))
    }

    /// Opaque: the memory behind it is read by helpers, of which LLVM knows nothing.
    pub fn addr_int(&mut self, addr: Value) -> Datum<'ctx> {
        let pointer = self.pointer(self.addr(addr));
        let code = self.code();
        Datum::Int(code.opaque(code.int_of(pointer)))
    }

    pub fn load_trusted(&mut self, bytes: u8, signed: bool, pointer: Value, offset: u32) -> Datum<'ctx> {
        let code = self.code();
        let pointer = code.offset(code.pointer_of(self.int(pointer)), offset);
        let raw = code.load_raw(bytes, pointer, u32::from(bytes), true);
        Datum::Int(if bytes == 8 { raw } else { code.widen(raw, signed) })
    }
}
