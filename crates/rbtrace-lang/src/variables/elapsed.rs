//! `elapsed`: the time since the script started.

use rbtrace_ir::{Bin, Manifest, Op};
use rbtrace_types::Type;

use crate::compile::{LowerCx, Lowered};
use crate::row::Builtin;

use super::nsecs::boot_clock;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "elapsed",
    signature: "elapsed",
    manual: "Nanoseconds since the script started.\n\n\
             ```\ninterval:s:1 { printf(\"%d s\\n\", elapsed / 1000000000); }\n```\n",
    type_of: |_, _| Type::U64,
    lower,
    ..Builtin::BASE
};

/// The start is not known while compiling: a compiled script may be run anywhere, later. The runtime leaves it in a map.
fn lower(cx: &mut dyn LowerCx, _: &crate::compile::Call) -> Lowered {
    let map = cx.internal_map(Manifest::START_MAP);
    let now = boot_clock(cx);
    let ir = cx.ir();
    let elapsed = ir.scalar("elapsed");
    ir.push(Op::Set(elapsed, now));
    let start = ir.value(Op::Global(map));
    let null = ir.value(Op::IsNull(start));
    ir.if_else(
        null,
        |_| {},
        |ir| {
            let start = ir.load(8, false, start, 0);
            let since = ir.bin(Bin::Sub, now, start);
            ir.push(Op::Set(elapsed, since));
        },
    );
    Lowered::Int(ir.value(Op::Get(elapsed)))
}
