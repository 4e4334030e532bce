//! `uid`: the user id of the current task.

use rbtrace_ir::{Bin, Helper};
use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "uid",
    signature: "uid",
    manual: "The user id of the current task, in the initial user namespace.\n\n\
             ```\ntracepoint:syscalls:sys_enter_execve /uid != 0/ { @[uid] = count(); }\n```\n",
    type_of: |_, _| Type::U64,
    lower: |cx, _| {
        // The helper gives gid << 32 | uid.
        let both = cx.ir().call(Helper::CurrentUidGid, vec![]);
        Lowered::Int(cx.ir().bin_int(Bin::And, both, 0xffff_ffff))
    },
    ..Builtin::BASE
};
