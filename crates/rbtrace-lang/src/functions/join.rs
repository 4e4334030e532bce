//! `join()`: prints an array of strings, as `argv` is one.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Builder, Cmp, LoopKind, Op, Operand, SlotId};
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::format::call::literal;
use crate::row::Builtin;
use crate::run::{Message, RunError};
use crate::value::Value;

use super::read::{self, Source};

/// Most strings that are printed, and bytes of each with its NUL.
const STRINGS: u32 = 16;
const BYTES: u32 = 1024;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "join",
    signature: "join(strings)\njoin(strings, \"separator\")",
    manual: "Prints the strings of an array of pointers that ends with a null pointer, with a space or the separator between them: at most \
             16 of at most 1023 bytes.\n\n\
             ```\ntracepoint:syscalls:sys_enter_execve { join(args.argv); }\n```\n",
    args: (1, 2),
    has_effect: true,
    type_of,
    lower,
    handle: Some(|cx, event, args| {
        let [Value::Array(strings)] = args else { return Err(RunError::Truncated) };
        let separator = event.texts.first().map_or(&b" "[..], Vec::as_slice);
        let texts = strings.iter().map_while(|string| {
            let Value::Str(text) = string else { return None };
            (!text.is_empty()).then_some(text.as_slice())
        });
        cx.print(Message::Join, &texts.collect::<Vec<_>>().join(separator));
        Ok(())
    }),
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some(strings) = call.args.first() else { return Type::Void };
    let ty = cx.type_of(strings);
    if !matches!(ty, Type::Void | Type::Int(_) | Type::Pointer(..)) {
        let message = format!("join() only supports int or pointer arguments ({ty} provided)");
        cx.report(Diagnostic::error(strings.span, message).because("the address of an array of pointers"));
    }
    if let Some(separator) = call.args.get(1) {
        literal(cx, ROW.name, separator);
    }
    Type::Void
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let Some(strings) = call.args.first() else { return Lowered::Void };
    let mut event = cx.event(ROW.name, call.span);
    event.args.push(Type::Array(Type::String(BYTES).into(), STRINGS));
    event.texts.push(call.args.get(1).and_then(|separator| cx.string_literal(separator)).unwrap_or_else(|| b" ".to_vec()));
    let Source::Remote(address, space) = read::source(cx, strings) else { return Lowered::Void };
    let ir = cx.ir();
    let texts = ir.memory("join", STRINGS * BYTES);
    let all = ir.slot_addr(texts);
    let zero = ir.int(0);
    for number in 0..STRINGS {
        // The rest of each is never looked at.
        ir.store(1, all, number * BYTES, zero);
    }
    let array = ir.scalar("array");
    ir.push(Op::Set(array, address));
    let index = ir.scalar("index");
    ir.open();
    one(ir, texts, array, index, space);
    let body = ir.close();
    ir.push(Op::Loop { kind: LoopKind::Bounded { count: STRINGS, index: Some(index) }, body });
    cx.emit(event, &[Lowered::Mem(all)]);
    Lowered::Void
}

/// Reads one string to its place; leaves the loop at a null pointer and after an empty string.
fn one(ir: &mut Builder, texts: SlotId, array: SlotId, index: SlotId, space: rbtrace_types::Space) {
    let number = ir.value(Op::Get(index));
    let array = ir.value(Op::Get(array));
    let offset = ir.bin_int(Bin::Mul, number, 8);
    let element = ir.bin(Bin::Add, array, offset);
    let word = ir.memory("pointer", 8);
    let word = ir.slot_addr(word);
    read::bytes(ir, word, Operand::Int(8), Source::Remote(element, space));
    let pointer = ir.load(8, false, word, 0);
    leave_if_zero(ir, pointer);
    let base = ir.slot_addr(texts);
    let offset = ir.bin_int(Bin::Mul, number, BYTES.into());
    let to = ir.value(Op::Index { base, index: offset, bound: (STRINGS - 1) * BYTES + 1 });
    read::text(ir, to, Operand::Int(BYTES.into()), Source::Remote(pointer, space));
    let first = ir.load(1, false, to, 0);
    leave_if_zero(ir, first);
}

fn leave_if_zero(ir: &mut Builder, value: rbtrace_ir::Value) {
    let none = ir.cmp_int(Cmp::Eq, value, 0);
    ir.if_else(none, |ir| ir.push(Op::Break), |_| {});
}
