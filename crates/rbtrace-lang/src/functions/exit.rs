//! `exit()`: ends the script.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Manifest, Op, Value};
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::row::Builtin;
use crate::run::RunError;
use crate::value::Value as Shown;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "exit",
    signature: "exit()\nexit(code)",
    manual: "Leaves the probe and ends the script; `code` becomes its exit status, 0 without one.\n\n\
             ```\ninterval:s:10 { exit(); }\n```\n",
    args: (0, 1),
    has_effect: true,
    leaves: true,
    type_of,
    lower,
    handle: Some(|cx, _, args| match args {
        [Shown::Int(code)] => {
            cx.exit(*code as i32);
            Ok(())
        }
        _ => Err(RunError::Truncated),
    }),
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    if let Some(code) = call.args.first() {
        let ty = cx.type_of(code);
        if !ty.is_integer() && !matches!(ty, Type::Void | Type::Aggregate(_)) {
            let message = format!("exit() only supports int arguments ({ty} provided)");
            cx.report(Diagnostic::error(code.span, message).because("the exit status is a number"));
        }
    }
    Type::Void
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let code = match call.args.first() {
        Some(code) => cx.lower_int(code),
        None => cx.ir().int(0),
    };
    remember(cx, code);
    let mut event = cx.event(ROW.name, call.span);
    event.args.push(Type::I32);
    cx.emit(event, &[Lowered::Int(code)]);
    cx.leave();
    Lowered::Void
}

/// The record may be lost when the ring buffer is full, the end of the run must not be: the runtime looks here, too.
fn remember(cx: &mut dyn LowerCx, code: Value) {
    let map = cx.internal_map(Manifest::EXIT_MAP);
    let ir = cx.ir();
    let entry = ir.value(Op::Global(map));
    let missing = ir.value(Op::IsNull(entry));
    ir.if_else(
        missing,
        |_| {},
        |ir| {
            ir.store(8, entry, 0, code);
            let set = ir.int(1);
            ir.store(8, entry, 8, set);
        },
    );
}
