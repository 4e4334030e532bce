//! `len()`: how many entries a map has.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, LoopKind, Op};
use rbtrace_types::{Feature, Type};

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::named::stack::{COUNT, is_stack};
use crate::row::Builtin;

use super::maps;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "len",
    signature: "len(@map)\nlen(stack)",
    manual: "The number of entries of a map with keys, or of frames of a stack.\n\n\
             ```\ntracepoint:raw_syscalls:sys_enter { @calls[comm] = count(); }\n\
             interval:s:1 { printf(\"%d processes\\n\", len(@calls)); }\n```\n",
    args: (1, 1),
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    if call.args.first().is_some_and(|arg| cx.map(arg).is_none() && is_stack(&cx.type_of(arg))) {
        return Type::U64;
    }
    if let Some(map) = call.args.first() {
        maps::keyed(cx, ROW.name, "len()", map);
    }
    if !cx.facts().has(Feature::ForEachMapElem) {
        let error = Diagnostic::error(call.span, "the kernel cannot count the entries of a map");
        cx.report(error.because("`bpf_for_each_map_elem` is missing").hint("Linux 5.13 has it"));
    }
    Type::U64
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    if let Some(arg) = call.args.first()
        && cx.map(arg).is_none()
        && is_stack(&cx.type_of(arg))
    {
        let stack = cx.lower(arg);
        return if let Lowered::Mem(stack) = stack { Lowered::Int(cx.ir().load(2, false, stack, COUNT)) } else { stack };
    }
    let Some((name, _)) = call.args.first().and_then(|map| cx.map(map)) else { return Lowered::Void };
    let map = cx.map_id(&name);
    let key_size = cx.map_decl(&name).key.map_or(8, |key| key.size());
    let ir = cx.ir();
    let count = ir.scalar("len");
    let zero = ir.int(0);
    ir.push(Op::Set(count, zero));
    let key = ir.memory("key", key_size);
    ir.open();
    let so_far = ir.value(Op::Get(count));
    let more = ir.bin_int(Bin::Add, so_far, 1);
    ir.push(Op::Set(count, more));
    let body = ir.close();
    ir.push(Op::Loop { kind: LoopKind::ForEach { map, key, value: None }, body });
    Lowered::Int(ir.value(Op::Get(count)))
}
