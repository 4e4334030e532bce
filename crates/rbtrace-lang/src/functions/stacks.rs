//! Stacks: the arguments of the functions that take one, and the helper's call. Shared by both.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Cmp, Helper, Op, Operand};

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::config;
use crate::named::stack::{self, Mode};
use crate::variables::task_ids;

/// Frames of a stack when nothing is said.
const DEFAULT: u32 = 127;
/// Most frames.
const MOST: i128 = 1024;
/// `BPF_F_USER_STACK`
const USER: i64 = 1 << 8;

/// What a call asks for; says what is wrong with it.
pub(super) fn wanted(cx: &mut dyn TypeCx, function: &str, call: &Call) -> (Mode, u32) {
    let (word, limit) = match call.args[..] {
        [] => (None, None),
        [only] if cx.identifier(only).is_some() => (Some(only), None),
        [only] => (None, Some(only)),
        [mode, limit, ..] => (Some(mode), Some(limit)),
    };
    let default = cx.config(config::stack_mode::ROW.name).and_then(|word| by_word(&word)).unwrap_or(Mode::Bpftrace);
    let mode = word.and_then(|arg| {
        let mode = cx.identifier(arg).and_then(by_word);
        if mode.is_none() {
            let message = format!(
                "Error parsing stack mode: {function}: Invalid value for stack_mode: valid values are bpftrace, raw, perf, and build_id."
            );
            let error = Diagnostic::error(arg.span, message).because("how the stack is written");
            let build_id = cx.identifier(arg) == Some("build_id");
            cx.report(if build_id { error.hint("`build_id` is not supported yet; `raw` prints addresses") } else { error });
        }
        mode
    });
    let limit = limit.map(|arg| {
        let given = cx.int_literal(arg);
        let message = match given {
            Some(given) if given > MOST => format!("{function}([int limit]): limit shouldn't exceed {MOST}, {given} given"),
            Some(given) if given >= 1 => return given as u32,
            Some(_) | None => format!("{function}: invalid limit value"),
        };
        cx.report(Diagnostic::error(arg.span, message).because(format!("a literal from 1 to {MOST} is wanted here")));
        DEFAULT
    });
    (mode.unwrap_or(default), limit.unwrap_or(DEFAULT))
}

fn by_word(word: &str) -> Option<Mode> {
    Mode::ALL.into_iter().find(|mode| mode.word() == word)
}

/// The stack of the kernel, or of the process with its id behind it.
pub(super) fn lower(cx: &mut dyn LowerCx, function: &str, call: &Call, user: bool) -> Lowered {
    let (mode, limit) = wanted(cx, function, call);
    let pid = user.then(|| task_ids::process_id(cx));
    let ir = cx.ir();
    let slot = ir.memory("stack", stack::HEADER + 8 * limit + if user { 8 } else { 0 });
    let addr = ir.slot_addr(slot);
    let frames = ir.value(Op::Offset(addr, stack::HEADER));
    // The helper fills what it does not need with zeros, also when it fails.
    let args = vec![Operand::Ctx, Operand::Value(frames), Operand::Int((8 * limit).into()), Operand::Int(if user { USER } else { 0 })];
    let bytes = ir.call(Helper::GetStack, args);
    let zero = ir.int(0);
    let failed = ir.cmp(Cmp::SLt, bytes, zero);
    let bytes = ir.value(Op::Select(failed, zero, bytes));
    let count = ir.bin_int(Bin::LShr, bytes, 3);
    ir.store(4, addr, 0, count);
    let mode = ir.int(mode.number());
    ir.store(4, addr, 4, mode);
    if let Some(pid) = pid {
        ir.store(8, addr, stack::HEADER + 8 * limit, pid);
    }
    Lowered::Mem(addr)
}
