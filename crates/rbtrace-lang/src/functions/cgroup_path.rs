//! `cgroup_path()`: the path of a cgroup.

use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::format::call::literal;
use crate::named::cgroup_path;
use crate::row::Builtin;

use super::scalars;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "cgroup_path",
    signature: "cgroup_path(id)\ncgroup_path(id, \"hierarchy\")",
    manual: "The id of a cgroup, shown as its path when it is printed: one `name:/path` for each hierarchy, or for those that match a pattern with \
             wildcards. That of version 2 is called `unified`.\n\n\
             ```\ntracepoint:syscalls:sys_enter_openat { @[cgroup_path(cgroup, \"unified\")] = count(); }\n```\n",
    args: (1, 2),
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    scalars::check_number(cx, ROW.name, call);
    if let Some(pattern) = call.args.get(1) {
        literal(cx, ROW.name, pattern);
    }
    cgroup_path::ty()
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let pattern = call.args.get(1).and_then(|pattern| cx.string_literal(pattern)).unwrap_or_else(|| b"*".to_vec());
    let number = cx.text(&String::from_utf8_lossy(&pattern));
    let id = scalars::only(cx, call);
    let ir = cx.ir();
    let slot = ir.memory("cgroup_path", cgroup_path::SIZE);
    let addr = ir.slot_addr(slot);
    ir.store(8, addr, 0, id);
    let number = ir.int(i64::from(number) + 1);
    ir.store(8, addr, 8, number);
    Lowered::Mem(addr)
}
