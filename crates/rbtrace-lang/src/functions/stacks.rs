//! Stacks: the arguments of the functions that take one, and the helper's call. Shared by both.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Cmp, Helper, LARGEST_SLOT, Op, Operand};
use rbtrace_syntax::ast::Expr;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::config;
use crate::named::stack::{self, Mode};
use crate::variables::task_ids;

/// Frames of a stack when nothing is said.
const DEFAULT: u32 = 127;
/// Most frames.
const MOST: u32 = 1024;
/// `BPF_F_USER_STACK`
const USER: i64 = 1 << 8;
/// `BPF_F_USER_BUILD_ID`
const BUILD_ID: i64 = 1 << 11;

/// What a call asks for; says what is wrong with it.
pub(super) fn wanted(cx: &mut dyn TypeCx, function: &str, call: &Call, user: bool) -> (Mode, u32) {
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
            cx.report(error);
        }
        mode
    });
    // The kernel itself has no build ids.
    let mode = Some(mode.unwrap_or(default)).filter(|mode| user || *mode != Mode::BuildId).unwrap_or(Mode::Raw);
    let limit = limit.map_or(DEFAULT, |arg| check_limit(cx, function, arg, most(mode)));
    (mode, limit)
}

/// The most frames of a stack: 1024, or what fits into one value.
fn most(mode: Mode) -> u32 {
    MOST.min((LARGEST_SLOT - stack::HEADER - 8) / mode.frame_size())
}

fn check_limit(cx: &mut dyn TypeCx, function: &str, arg: &Expr, most: u32) -> u32 {
    let message = match cx.int_literal(arg) {
        Some(given) if given > most.into() => format!("{function}([int limit]): limit shouldn't exceed {most}, {given} given"),
        Some(given) if given >= 1 => return given as u32,
        Some(_) | None => format!("{function}: invalid limit value"),
    };
    cx.report(Diagnostic::error(arg.span, message).because(format!("a literal from 1 to {most} is wanted here")));
    DEFAULT
}

fn by_word(word: &str) -> Option<Mode> {
    Mode::ALL.into_iter().find(|mode| mode.word() == word)
}

/// The stack of the kernel, or of the process with its id behind it.
pub(super) fn lower(cx: &mut dyn LowerCx, function: &str, call: &Call, user: bool) -> Lowered {
    let (mode, limit) = wanted(cx, function, call, user);
    let pid = user.then(|| task_ids::process_id(cx));
    let ir = cx.ir();
    let frames_size = mode.frame_size() * limit;
    let slot = ir.memory("stack", stack::HEADER + frames_size + if user { 8 } else { 0 });
    let addr = ir.slot_addr(slot);
    let frames = ir.value(Op::Offset(addr, stack::HEADER));
    // The helper fills what it does not need with zeros, also when it fails.
    let flags = if user { USER } else { 0 } | if mode == Mode::BuildId { BUILD_ID } else { 0 };
    let args = vec![Operand::Ctx, Operand::Value(frames), Operand::Int(frames_size.into()), Operand::Int(flags)];
    let bytes = ir.call(Helper::GetStack, args);
    let zero = ir.int(0);
    let failed = ir.cmp(Cmp::SLt, bytes, zero);
    let bytes = ir.value(Op::Select(failed, zero, bytes));
    let count = ir.bin_int(Bin::LShr, bytes, mode.frame_size().trailing_zeros().into());
    ir.store(4, addr, 0, count);
    let mode = ir.int(mode.number());
    ir.store(4, addr, 4, mode);
    if let Some(pid) = pid {
        ir.store(8, addr, stack::HEADER + frames_size, pid);
    }
    Lowered::Mem(addr)
}
