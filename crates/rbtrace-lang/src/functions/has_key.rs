//! `has_key()`: whether a map has an entry.

use rbtrace_ir::{Bin, Op};
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::row::Builtin;

use super::maps;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "has_key",
    signature: "has_key(@map, key)",
    manual: "Whether a map has an entry of that key; several keys are given as a tuple.\n\n\
             ```\ntracepoint:raw_syscalls:sys_enter { @start[tid] = nsecs; }\n\
             tracepoint:raw_syscalls:sys_exit { if (has_key(@start, tid)) { @ns = hist(nsecs - @start[tid]); } }\n```\n",
    args: (2, 2),
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let [map, key] = call.args[..] else { return Type::Bool };
    maps::key(cx, map, key);
    maps::keyed(cx, ROW.name, "has_key()", map);
    Type::Bool
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let [map, key] = call.args[..] else { return Lowered::Void };
    let Some((name, _)) = cx.map(map) else { return Lowered::Void };
    let key = cx.lower_key(&name, key);
    let id = cx.map_id(&name);
    let ir = cx.ir();
    let entry = ir.lookup(id, key);
    let missing = ir.value(Op::IsNull(entry));
    Lowered::Int(ir.bin_int(Bin::Xor, missing, 1))
}
