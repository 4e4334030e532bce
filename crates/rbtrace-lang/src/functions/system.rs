//! `system()`: runs a shell command.

use crate::format::call;
use crate::row::Builtin;
use crate::run::{Message, RunError};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "system",
    signature: "system(\"format\", values…)",
    manual: "Runs a shell command, formatted as by `printf`, and prints what it prints. Needs `--unsafe`.\n\n\
             ```\ntracepoint:syscalls:sys_enter_execve { @pid = pid; }\n\
             interval:s:5 { system(\"ps -p %d\", @pid); }\n```\n",
    args: call::ARGS,
    is_unsafe: true,
    has_effect: true,
    type_of: call::type_of,
    lower: |cx, it| call::emit(cx, it, ROW.name),
    handle: Some(|cx, event, args| {
        let command = call::text(event, args);
        let output = cx.shell(&String::from_utf8_lossy(&command)).map_err(RunError::Failed)?;
        cx.print(Message::Syscall, &output);
        Ok(())
    }),
    ..Builtin::BASE
};
