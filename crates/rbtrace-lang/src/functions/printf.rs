//! `printf()`: prints formatted text.

use crate::format::call;
use crate::row::Builtin;
use crate::run::Message;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "printf",
    signature: "printf(\"format\", values…)",
    manual: "Prints text as C's printf does. `%s` prints any value, `%r`, `%rx` and `%rh` print buffers.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat { printf(\"%-6d %-16s %s\\n\", pid, comm, str(args.filename)); }\n```\n",
    args: call::ARGS,
    has_effect: true,
    type_of: call::type_of,
    lower: |cx, it| call::emit(cx, it, ROW.name),
    works_unread: true,
    handle: Some(|cx, event, args| {
        cx.print(Message::Printf, &call::text(event, args));
        Ok(())
    }),
    ..Builtin::BASE
};
