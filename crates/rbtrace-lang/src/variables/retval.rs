//! `retval`: what a traced function returns.

use rbtrace_diag::Diagnostic;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::probes::registers;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "retval",
    signature: "retval",
    manual: "What the function returns: in `fexit` with its type, in `uretprobe` with the type that debug information says, else as an unsigned \
             64-bit number. An `int` is in the lower half of that, so cast it: `(int32)retval`.\n\n\
             ```\nuretprobe:libc:malloc /retval == 0/ { printf(\"%s got nothing\\n\", comm); }\n```\n",
    type_of: |cx: &mut dyn TypeCx, call: &Call| {
        match result(cx) {
            Some(result) if result.is_scalar() => return result,
            Some(result) => {
                let error = Diagnostic::error(call.span, "retval has unsupported type");
                let why = format!("`{result}` is returned in a floating-point register, which the kernel does not show");
                cx.report(error.because(why).hint("`reg()` reads the others"));
                return Type::Void;
            }
            None => {}
        }
        let row = cx.place().probe_type.name;
        let message = "The retval builtin can only be used with 'kretprobe' and 'uretprobe' and 'fentry' probes";
        let hint = "`kretprobe`, `uretprobe` and `fexit` run when a function returns";
        cx.report(Diagnostic::error(call.span, message).because(format!("in `{row}` nothing is returned here")).hint(hint));
        Type::U64
    },
    lower: |cx: &mut dyn LowerCx, _| {
        let (read, planned) = (cx.place().probe_type.read_result, cx.planned().clone());
        let ty = result(cx).expect("inference knows the type");
        let register = read(cx, &planned);
        Lowered::Int(registers::narrowed(cx.ir(), register, &ty))
    },
    ..Builtin::BASE
};

/// What is returned at all places that share the code under way; a plain number where they differ.
fn result<C: TypeCx + ?Sized>(cx: &C) -> Option<Type> {
    let mut types = cx.places().into_iter().map(|place| (place.probe_type.result)(cx.facts(), place));
    let first = types.next()??;
    Some(if types.all(|other| other.as_ref() == Some(&first)) { first } else { Type::U64 })
}
