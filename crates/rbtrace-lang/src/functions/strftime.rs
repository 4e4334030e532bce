//! `strftime()`: a time that is shown as a format says.

use rbtrace_diag::Diagnostic;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::format::call::literal;
use crate::named::timestamp;
use crate::row::Builtin;
use crate::variables::nsecs::{Clock, clock_of};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "strftime",
    signature: "strftime(\"format\", nsecs)",
    manual: "A time on the clock of `nsecs`, shown in the local time zone as C's strftime shows it when it is printed; `%f` is the \
             microseconds, six digits, `%k` the nanoseconds, nine, `%l` the milliseconds, three.\n\n\
             ```\ntracepoint:syscalls:sys_enter_execve { printf(\"%s %s\\n\", strftime(\"%H:%M:%S.%f\", nsecs), comm); }\n```\n",
    args: (2, 2),
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let [format, time] = call.args[..] else { return timestamp::ty() };
    literal(cx, ROW.name, format);
    if clock_of(cx, time) == Clock::Monotonic {
        let error = Diagnostic::error(time.span, "strftime() can not take a monotonic timestamp");
        cx.report(error.because("this clock stands still while the machine sleeps").hint("`nsecs` does not"));
    }
    let ty = cx.type_of(time);
    if !ty.is_integer() && !matches!(ty, Type::Void | Type::Aggregate(_)) {
        let message = format!("strftime() only supports int arguments ({ty} provided)");
        cx.report(Diagnostic::error(time.span, message).because("nanoseconds since the machine started"));
    }
    if cx.int_literal(time).is_some_and(|time| time < 0) {
        let error = Diagnostic::error(time.span, "strftime() does not accept negative timestamps");
        cx.report(error.because("nanoseconds since the machine started"));
    }
    timestamp::ty()
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let [format, time] = call.args[..] else { return Lowered::Void };
    let format = cx.string_literal(format).unwrap_or_default();
    let number = cx.text(&String::from_utf8_lossy(&format));
    let clock = match clock_of(cx, time) {
        Clock::Monotonic | Clock::Boot => 0,
        Clock::Tai | Clock::SoftwareTai => timestamp::TAI as i64,
    };
    let time = cx.lower_int(time);
    let ir = cx.ir();
    let slot = ir.memory("timestamp", timestamp::SIZE);
    let addr = ir.slot_addr(slot);
    ir.store(8, addr, 0, time);
    let number = ir.int((i64::from(number) + 1) | clock);
    ir.store(8, addr, 8, number);
    Lowered::Mem(addr)
}
