//! `time()`: prints the time of day.

use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::format::call::literal;
use crate::row::Builtin;
use crate::run::Message;

const DEFAULT: &[u8] = b"%H:%M:%S\n";

/// The row.
pub static ROW: Builtin = Builtin {
    name: "time",
    signature: "time()\ntime(\"format\")",
    manual: "Prints the time at which the output gets to it, as C's strftime does; the format is `%H:%M:%S\\n` without one.\n\n\
             ```\ntracepoint:raw_syscalls:sys_enter { @calls[comm] = count(); }\n\
             interval:s:1 { time(\"%H:%M:%S \"); print(@calls); }\n```\n",
    args: (0, 1),
    has_effect: true,
    type_of: |cx: &mut dyn TypeCx, call: &Call| {
        if let Some(format) = call.args.first() {
            literal(cx, ROW.name, format);
        }
        Type::Void
    },
    lower: |cx: &mut dyn LowerCx, call: &Call| {
        let format = call.args.first().and_then(|format| cx.string_literal(format));
        let mut event = cx.event(ROW.name, call.span);
        event.texts.push(format.unwrap_or_else(|| DEFAULT.to_vec()));
        cx.emit(event, &[]);
        Lowered::Void
    },
    handle: Some(|cx, event, _| {
        let format = String::from_utf8_lossy(event.texts.first().map_or(DEFAULT, Vec::as_slice));
        let world = cx.world();
        let text = world.strftime(&format, world.now());
        cx.print(Message::Time, text.as_bytes());
        Ok(())
    }),
    ..Builtin::BASE
};
