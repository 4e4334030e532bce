//! `strcap()`: for how many bytes a text has room.

use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

use super::{read, strlen};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "strcap",
    signature: "strcap(string)",
    manual: "For how many bytes a text or an array of bytes has room, with the NUL; of the text at an address it is the length.\n\n\
             ```\nbegin { printf(\"%d\\n\", strcap(comm)); }\n```\n",
    args: (1, 1),
    type_of: |cx, call| {
        for arg in &call.args {
            read::check_string(cx, ROW.name, arg);
        }
        Type::U64
    },
    lower: |cx, call| {
        let Some(arg) = call.args.first() else { return Lowered::Void };
        if let Type::String(size) | Type::Array(_, size) = cx.type_of(arg) {
            Lowered::Int(cx.ir().int(size.into()))
        } else {
            (strlen::ROW.lower)(cx, call)
        }
    },
    ..Builtin::BASE
};
