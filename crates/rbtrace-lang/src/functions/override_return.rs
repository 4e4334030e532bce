//! `override()`: the function that a probe stands at is not run, and returns what the script says.

use rbtrace_ir::{Helper, Op, Operand};
use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::probes::kernel::kprobe;
use crate::row::{Allowed, Builtin};

use super::scalars;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "override",
    aliases: &["override_return"],
    signature: "override(value)",
    manual: "The function of the kernel that the probe stands at is skipped and returns `value`: for trying how the rest of the system takes \
             errors. Only functions that the kernel marks for it (`ALLOW_ERROR_INJECTION`) can be overridden, on kernels built with \
             `CONFIG_BPF_KPROBE_OVERRIDE`. Needs `--unsafe`.\n\n\
             ```\nkprobe:__x64_sys_getuid /comm == \"id\"/ { override(2 << 21); }\n```\n",
    args: (1, 1),
    allowed: Allowed::Only(&[kprobe::ROW.name]),
    is_unsafe: true,
    has_effect: true,
    type_of: |cx, call| {
        scalars::check_number(cx, ROW.name, call);
        Type::Void
    },
    lower: |cx, call| {
        let value = scalars::only(cx, call);
        cx.ir().push(Op::Call(Helper::OverrideReturn, vec![Operand::Ctx, Operand::Value(value)]));
        Lowered::Void
    },
    ..Builtin::BASE
};
