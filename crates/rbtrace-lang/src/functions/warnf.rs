//! `warnf()`: reports a formatted warning on standard error.

use crate::format::call;
use crate::row::Builtin;
use crate::run::Report;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "warnf",
    signature: "warnf(\"format\", values…)",
    manual: "Reports a warning on standard error, with the place of the call; the format is that of `printf`. `--no-warnings` mutes it.\n\n\
             ```\ninterval:s:1 { warnf(\"nothing seen for %d seconds\", 1); }\n```\n",
    args: call::ARGS,
    has_effect: true,
    type_of: call::type_of,
    lower: |cx, it| call::emit(cx, it, ROW.name),
    handle: Some(|cx, event, args| {
        let text = call::text(event, args);
        let text = String::from_utf8_lossy(&text);
        // The report is a line of its own anyway.
        cx.report(Report::Warnf, event, text.strip_suffix('\n').unwrap_or(&text));
        Ok(())
    }),
    ..Builtin::BASE
};
