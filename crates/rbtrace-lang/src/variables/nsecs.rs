//! `nsecs`: the time, on the clock the script asks for.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Builder, Helper, Manifest, MapId, Op, Value};
use rbtrace_syntax::ast::{Arg, Expr, ExprKind};
use rbtrace_types::{Feature, Type};

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::config;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "nsecs",
    signature: "nsecs\nnsecs(monotonic|boot|tai|sw_tai)",
    manual: "Nanoseconds since the machine started, sleep included. Another clock may be asked for: `monotonic` stands still in sleep, `boot` is \
             the default, `tai` counts since 1970 without leap seconds, `sw_tai` is the same for kernels before 6.1: the boot clock and the \
             distance to TAI that was measured when the script started.\n\n\
             ```\ntracepoint:raw_syscalls:sys_enter { @start[tid] = nsecs; }\n```\n",
    args: (0, 1),
    type_of,
    lower: |cx, call| {
        let clock = call.args.first().and_then(|arg| clock_of_word(cx.identifier(arg)?)).unwrap_or(Clock::Boot);
        Lowered::Int(read(cx, clock))
    },
    ..Builtin::BASE
};

/// A clock of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Stands still in sleep.
    Monotonic,
    /// Counts since the machine started.
    Boot,
    /// Counts since 1970, without leap seconds.
    Tai,
    /// The same, computed from the boot clock.
    SoftwareTai,
}

/// The clock that an expression reads: that of a call of this builtin, else the default one.
pub fn clock_of(cx: &dyn TypeCx, expr: &Expr) -> Clock {
    let ExprKind::Call { function, args } = &expr.kind else { return Clock::Boot };
    match (function.node == ROW.name, args.first()) {
        (true, Some(Arg::Expr(arg))) => cx.identifier(arg).and_then(clock_of_word).unwrap_or(Clock::Boot),
        (_, _) => Clock::Boot,
    }
}

fn clock_of_word(word: &str) -> Option<Clock> {
    Some(match word {
        "monotonic" => Clock::Monotonic,
        "boot" => Clock::Boot,
        "tai" => Clock::Tai,
        "sw_tai" => Clock::SoftwareTai,
        _ => return None,
    })
}

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some(arg) = call.args.first() else { return Type::U64 };
    let word = cx.identifier(arg).unwrap_or_default();
    match clock_of_word(word) {
        None => {
            let error =
                Diagnostic::error(arg.span, format!("Invalid timestamp mode: {word}")).because("the name of a clock is wanted here");
            cx.report(error.hint("one of `monotonic`, `boot`, `tai`, `sw_tai`"));
        }
        Some(Clock::Tai) if !cx.facts().has(Feature::TaiTime) => {
            let error = Diagnostic::error(arg.span, "Kernel does not support tai timestamp, please try sw_tai");
            cx.report(error.because("`bpf_ktime_get_tai_ns` is missing").hint("Linux 6.1 has it; `nsecs(sw_tai)` works without"));
        }
        Some(Clock::Monotonic | Clock::Boot | Clock::Tai | Clock::SoftwareTai) => {}
    }
    Type::U64
}

fn read(cx: &mut dyn LowerCx, clock: Clock) -> Value {
    match clock {
        Clock::Monotonic => cx.ir().call(Helper::KtimeNs, vec![]),
        Clock::Boot => boot_clock(cx),
        Clock::Tai => cx.ir().call(Helper::KtimeTaiNs, vec![]),
        Clock::SoftwareTai => software_tai(cx),
    }
}

/// The clock of time series: TAI, or the map that a test names.
pub(crate) fn series_clock(cx: &mut dyn LowerCx) -> Value {
    let name = cx.config(config::dummy_ts_map::ROW.name).unwrap_or_default();
    match cx.find_map(name.trim_start_matches('@')) {
        Some((map, decl)) if decl.key.is_none() && matches!(decl.value, Type::U64 | Type::I64) => {
            let zero = cx.ir().int(0);
            plus_scalar(cx.ir(), zero, map)
        }
        Some(_) | None if cx.facts().has(Feature::TaiTime) => read(cx, Clock::Tai),
        Some(_) | None => read(cx, Clock::SoftwareTai),
    }
}

/// The distance is not known while compiling; the runtime leaves it in a map.
fn software_tai(cx: &mut dyn LowerCx) -> Value {
    let map = cx.internal_map(Manifest::TAI_MAP);
    let boot = boot_clock(cx);
    plus_scalar(cx.ir(), boot, map)
}

/// A number and what a scalar map holds.
fn plus_scalar(ir: &mut Builder, number: Value, map: MapId) -> Value {
    let total = ir.scalar("total");
    ir.push(Op::Set(total, number));
    let scalar = ir.value(Op::Global(map));
    let null = ir.value(Op::IsNull(scalar));
    ir.if_else(
        null,
        |_| {},
        |ir| {
            let held = ir.load(8, false, scalar, 0);
            let sum = ir.bin(Bin::Add, number, held);
            ir.push(Op::Set(total, sum));
        },
    );
    ir.value(Op::Get(total))
}

/// The boot clock; on kernels that cannot read it the monotonic one, which stands still in sleep.
pub(super) fn boot_clock(cx: &mut dyn LowerCx) -> Value {
    let helper = if cx.facts().has(Feature::BootTime) { Helper::KtimeBootNs } else { Helper::KtimeNs };
    cx.ir().call(helper, vec![])
}
