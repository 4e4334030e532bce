//! `nsecs`: the time since the machine started.

use rbtrace_ir::{Helper, Value};
use rbtrace_types::{Feature, Type};

use crate::compile::{LowerCx, Lowered};
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "nsecs",
    signature: "nsecs",
    manual: "Nanoseconds since the machine started, sleep included.\n\n\
             ```\ntracepoint:raw_syscalls:sys_enter { @start[tid] = nsecs; }\n```\n",
    type_of: |_, _| Type::U64,
    lower: |cx, _| Lowered::Int(boot_clock(cx)),
    ..Builtin::BASE
};

/// The boot clock; on kernels that cannot read it the monotonic one, which stands still in sleep.
pub(super) fn boot_clock(cx: &mut dyn LowerCx) -> Value {
    let helper = if cx.facts().has(Feature::BootTime) { Helper::KtimeBootNs } else { Helper::KtimeNs };
    cx.ir().call(helper, vec![])
}
