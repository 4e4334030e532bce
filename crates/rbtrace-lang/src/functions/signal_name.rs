//! `signal_name()`: what a number of a signal means.

use crate::row::Builtin;

use super::{name_table, scalars, signals};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "signal_name",
    signature: "signal_name(number)",
    manual: "What the number of a signal means, as C's `strsignal` says it in English.\n\n\
             ```\ntracepoint:signal:signal_generate { @[signal_name(args.sig)] = count(); }\n```\n",
    args: (1, 1),
    type_of: |cx, call| {
        scalars::check_number(cx, ROW.name, call);
        name_table::ty()
    },
    lower: |cx, call| {
        let number = scalars::only(cx, call);
        name_table::lower(cx, number, &signals::meanings(), "N/A")
    },
    ..Builtin::BASE
};
