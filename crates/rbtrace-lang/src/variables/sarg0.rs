//! `sarg0`, `sarg1`, …: words of the stack above the return address, where arguments are that registers have no room for.

use rbtrace_ir::{Bin, Helper, Op, Operand};
use rbtrace_types::{Space, Type};

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::probes::kernel::kprobe;
use crate::probes::{registers, uprobe};
use crate::row::{Allowed, Builtin};
use crate::warnings;

use super::arg0::number;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "sarg0",
    numbered: 10,
    signature: "sarg0, sarg1, …",
    manual: "A word of the stack where a function begins, the first one above the return address (on aarch64 the first one) being `sarg0`: \
             arguments that found no room in registers. Old scripts use it; `reg(\"sp\")` says the same in more words.\n\n\
             ```\nuprobe:/bin/bash:execute_command { printf(\"%d\\n\", sarg0); }\n```\n",
    allowed: Allowed::Only(&[kprobe::ROW.name, uprobe::ROW.name]),
    type_of: |cx: &mut dyn TypeCx, call: &Call| {
        let warning = warnings::STACK_ARGUMENT.at(call.span, format!("`{}` is deprecated", call.name));
        let remedy = format!(
            "`*(uint64 *)(reg(\"sp\") + {})` is what it means",
            8 * (number(call) + registers::return_address_words(cx.facts().arch()))
        );
        cx.report(warning.because("newer versions of the language do not have it").hint(remedy));
        Type::U64
    },
    lower,
    ..Builtin::BASE
};

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let (arch, space) = (cx.facts().arch(), cx.place().probe_type.space);
    let words = number(call) + registers::return_address_words(arch);
    let b = cx.ir();
    let stack = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: registers::stack_pointer(arch) });
    let address = b.bin_int(Bin::Add, stack, i64::from(8 * words));
    let slot = b.memory(ROW.name, 8);
    let to = b.slot_addr(slot);
    let helper = if space == Space::User { Helper::ProbeReadUser } else { Helper::ProbeReadKernel };
    b.call(helper, vec![Operand::Value(to), Operand::Int(8), Operand::Value(address)]);
    Lowered::Int(b.load(8, false, to, 0))
}
