//! Memory: loads, stores, and areas of any size.
//!
//! LLVM's own memcpy and memset are not used: above 128 stores they become calls of functions that BPF does not have.

use inkwell::IntPredicate;
use rbtrace_ir::{Helper, Value};

use crate::builder::Arith;
use crate::function::{Addr, Datum, Emitter};

/// Accesses in a row before an area is walked by a loop.
const UNROLLED: u32 = 64;
/// Bytes of one round of such a loop; the verifier walks every round.
const ROUND: u32 = 64;
/// Bytes from which on the kernel copies for us: its verifier walks a loop of ours round by round, again for every way that leads to it.
const BY_HELPER: u32 = 1024;

/// A piece of an area: where it is in all the areas at hand, and its bytes.
type Piece<'c, 'ctx, const N: usize> = &'c mut dyn FnMut(&mut Emitter<'_, 'ctx, '_>, [Addr<'ctx>; N], u8);

impl<'ctx> Emitter<'_, 'ctx, '_> {
    pub fn index(&mut self, base: Value, index: Value, bound: u32) -> Datum<'ctx> {
        let index = self.clamped(self.int(index), bound.saturating_sub(1));
        let addr = self.addr(base);
        Datum::Addr(Addr { base: self.code().index(self.pointer(addr), index), offset: 0, stack: addr.stack })
    }

    pub fn load(&mut self, bytes: u8, signed: bool, addr: Value, offset: u32) -> Datum<'ctx> {
        let addr = self.addr(addr).plus(offset);
        Datum::Int(self.code().load(bytes, signed, self.pointer(addr), addr.align(u32::from(bytes))))
    }

    pub fn store(&mut self, bytes: u8, addr: Value, offset: u32, value: Value) -> Option<Datum<'ctx>> {
        let addr = self.addr(addr).plus(offset);
        self.code().store(bytes, self.pointer(addr), addr.align(u32::from(bytes)), self.int(value), false);
        None
    }

    pub fn atomic_add(&mut self, addr: Value, offset: u32, value: Value) -> Option<Datum<'ctx>> {
        let addr = self.addr(addr).plus(offset);
        self.code().atomic_add(self.pointer(addr), self.int(value));
        None
    }

    pub fn copy(&mut self, to: Addr<'ctx>, from: Addr<'ctx>, bytes: u32) -> Option<Datum<'ctx>> {
        if bytes >= BY_HELPER {
            let args = [self.handed(to).into(), self.code().int(i64::from(bytes)).into(), self.handed(from).into()];
            self.code().call(Helper::ProbeReadKernel.number(), &args);
            return None;
        }
        self.pieces([to, from], bytes, &mut |emitter, [to, from], bytes| {
            let code = emitter.code();
            let value = code.load_raw(bytes, emitter.pointer(from), from.align(u32::from(bytes)), false);
            code.store_raw(emitter.pointer(to), to.align(u32::from(bytes)), value);
        });
        None
    }

    pub fn zero(&mut self, addr: Addr<'ctx>, bytes: u32) -> Option<Datum<'ctx>> {
        self.pieces([addr], bytes, &mut |emitter, [addr], bytes| {
            let code = emitter.code();
            code.store(bytes, emitter.pointer(addr), addr.align(u32::from(bytes)), code.int(0), false);
        });
        None
    }

    pub fn mem_eq(&mut self, a: Value, b: Value, bytes: u32) -> Datum<'ctx> {
        let llvm = self.frame.llvm;
        let (a, b) = (self.addr(a), self.addr(b));
        let code = self.code();
        let answer = code.alloca(llvm, code.i64, "equal");
        let done = code.block(llvm, "compared");
        code.store(8, answer, 8, code.int(0), false);
        self.pieces([a, b], bytes, &mut |emitter, [a, b], bytes| {
            let code = emitter.code();
            let a = code.load_raw(bytes, emitter.pointer(a), a.align(u32::from(bytes)), false);
            let b = code.load_raw(bytes, emitter.pointer(b), b.align(u32::from(bytes)), false);
            let same = code.block(llvm, "same");
            code.branch(code.compare(IntPredicate::EQ, a, b), same, done);
            code.at(same);
        });
        let code = self.code();
        code.store(8, answer, 8, code.int(1), false);
        code.jump(done);
        code.at(done);
        Datum::Int(code.load(8, false, answer, 8))
    }

    /// Cuts areas of the same size into pieces of the largest width that all of them allow.
    fn pieces<const N: usize>(&mut self, areas: [Addr<'ctx>; N], bytes: u32, piece: Piece<'_, 'ctx, N>) {
        let width = areas.iter().map(|area| area.align(8)).min().unwrap_or(8);
        let mut done = 0;
        if bytes / width > UNROLLED {
            done = bytes / ROUND * ROUND;
            self.rounds(areas, done, width, piece);
        }
        self.row(areas, done, bytes, width, piece);
    }

    /// The bytes `from..to`, one piece after the other.
    fn row<const N: usize>(&mut self, areas: [Addr<'ctx>; N], from: u32, to: u32, width: u32, piece: Piece<'_, 'ctx, N>) {
        let mut at = from;
        while at < to {
            let mut bytes = width;
            while bytes > to - at {
                bytes /= 2;
            }
            piece(self, areas.map(|area| area.plus(at)), bytes as u8);
            at += bytes;
        }
    }

    /// The first `bytes` bytes by a loop.
    fn rounds<const N: usize>(&mut self, areas: [Addr<'ctx>; N], bytes: u32, width: u32, piece: Piece<'_, 'ctx, N>) {
        let llvm = self.frame.llvm;
        let code = self.code();
        let at = code.alloca(llvm, code.i64, "at");
        let (body, exit) = (code.block(llvm, "round"), code.block(llvm, "rest"));
        code.store(8, at, 8, code.int(0), false);
        code.jump(body);
        code.at(body);
        // Opaque, or LLVM counts in pointers, whose comparison the verifier does not follow.
        let index = code.opaque(code.load(8, false, at, 8));
        let bases = areas.map(|area| self.pointer(area));
        let here = bases.map(|base| Addr::outside(self.code().index(base, index)));
        self.row(here, 0, ROUND, width, piece);
        let code = self.code();
        let next = code.arith(Arith::Add, index, code.int(i64::from(ROUND)));
        code.store(8, at, 8, next, false);
        code.branch(code.compare(IntPredicate::ULT, next, code.int(i64::from(bytes))), body, exit);
        code.at(exit);
    }
}
