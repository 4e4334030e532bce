//! Names of numbers that are known when the script is compiled: a table in the program's read-only data. Shared by the functions that name
//! errors, signals and syscalls.

use rbtrace_ir::{Bin, Cmp, Op, Value};
use rbtrace_types::Type;

use crate::compile::{LowerCx, Lowered};

/// Bytes of such a name as a value.
const SIZE: u32 = 64;

/// Bytes of a row of the table; no name is longer.
const ROW: usize = 64;

/// The type of the names.
pub(super) fn ty() -> Type {
    Type::String(SIZE)
}

/// The name of a number. `names` begins with that of 0; `unknown` is that of all numbers behind the end.
pub(super) fn lower(cx: &mut dyn LowerCx, number: Value, names: &[impl AsRef<str>], unknown: &str) -> Lowered {
    let last = names.len() as i64;
    let mut table = Vec::with_capacity((names.len() + 1) * ROW);
    for name in names.iter().map(AsRef::as_ref).chain([unknown]) {
        let name = if name.is_empty() { unknown } else { name };
        let mut row = name.as_bytes()[..name.len().min(ROW - 1)].to_vec();
        row.resize(ROW, 0);
        table.extend(row);
    }
    let base = cx.constant(&table);
    let ir = cx.ir();
    let number = ir.value(Op::Extend { value: number, bytes: 4, signed: true });
    let behind = ir.int(last);
    let is_known = ir.cmp(Cmp::ULt, number, behind);
    let row = ir.value(Op::Select(is_known, number, behind));
    let index = ir.bin_int(Bin::Mul, row, ROW as i64);
    let from = ir.value(Op::Index { base, index, bound: (names.len() * ROW) as u32 + 1 });
    let slot = ir.memory("name", SIZE);
    let to = ir.slot_addr(slot);
    ir.push(Op::Copy { to, from, bytes: SIZE });
    Lowered::Mem(to)
}
