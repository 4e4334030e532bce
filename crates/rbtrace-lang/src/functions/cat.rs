//! `cat()`: prints a file.

use crate::format::call;
use crate::row::Builtin;
use crate::run::{Message, Report};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "cat",
    signature: "cat(\"format\", values…)",
    manual: "Prints the first `max_cat_bytes` bytes of a file; its name is formatted as by `printf`.\n\n\
             ```\ninterval:s:1 { cat(\"/proc/loadavg\"); }\n```\n",
    args: call::ARGS,
    has_effect: true,
    type_of: call::type_of,
    lower: |cx, it| call::emit(cx, it, ROW.name),
    handle: Some(|cx, event, args| {
        let path = call::text(event, args);
        let path = String::from_utf8_lossy(&path);
        match cx.read_file(&path) {
            Ok(content) => cx.print(Message::Cat, &content),
            Err(why) => cx.report(Report::FileError, event, &format!("failed to open file '{path}' ({why})")),
        }
        Ok(())
    }),
    ..Builtin::BASE
};
