//! `unwatch()`: would take a watchpoint away.

use rbtrace_diag::Diagnostic;
use rbtrace_types::Type;

use crate::row::Builtin;

use super::scalars;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "unwatch",
    signature: "unwatch(address)",
    manual: "Refused: watchpoints stay until the script ends. bpftrace takes the call and does nothing; a script that relied on it counted what it \
             did not want to count. A map says whether the address is still of interest.\n\n\
             ```\nbegin { @watching = 1; }\ninterval:s:1 /@watching/ { @watching = 0; }\n```\n",
    args: (1, 1),
    has_effect: true,
    type_of: |cx, call| {
        scalars::check_address(cx, ROW.name, call);
        let error = Diagnostic::error(call.span, "unwatch() cannot take a watchpoint away");
        let error = error.because("it stays until the script ends");
        cx.report(error.hint("keep in a map whether the address is still of interest, and test that in the predicate"));
        Type::Void
    },
    ..Builtin::BASE
};
