//! `uaddr()`: the address of a symbol in the process.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Helper, Op, Operand};
use rbtrace_types::binary::Symbol;
use rbtrace_types::{Facts, Feature, Space, Type};

use crate::compile::{Call, LowerCx, Lowered, Place, TypeCx};
use crate::format::call::literal;
use crate::probes::{registers, uprobe, uretprobe, user_code};
use crate::row::{Allowed, Builtin};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "uaddr",
    signature: "uaddr(\"name\")",
    manual: "The address of a function or variable of the binary that the probe is on, in the process that fired. What it points to is an \
             unsigned integer of the variable's size.\n\n\
             ```\nuprobe:/bin/bash:execute_command { printf(\"%d\\n\", *uaddr(\"last_command_exit_value\")); }\n```\n",
    args: (1, 1),
    allowed: Allowed::Only(&[uprobe::ROW.name, uretprobe::ROW.name]),
    asks_place: |_| true,
    type_of,
    lower,
    ..Builtin::BASE
};

fn symbol(facts: &dyn Facts, place: &Place, name: &str) -> Option<Symbol> {
    facts.symbol(&place.parts[0], name)
}

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let name = call.args.first().and_then(|arg| Some((arg.span, literal(cx, ROW.name, arg)?)));
    let Some((span, name)) = name else { return Type::U64.pointer(Space::User) };
    let name = String::from_utf8_lossy(&name).into_owned();
    let (facts, place) = (cx.facts(), cx.place());
    let Some(found) = symbol(facts, place, &name) else {
        let error = Diagnostic::error(span, format!("Could not resolve symbol: {}:{name}", place.parts[0]));
        cx.report(error.because("the binary has no symbol of this name"));
        return Type::U64.pointer(Space::User);
    };
    if !found.is_fixed && is_at_return(place) && !facts.has(Feature::UprobeFuncIp) {
        let error = Diagnostic::error(call.span, format!("{}() in `{}` needs Linux 6.6", ROW.name, place.probe_type.name));
        cx.report(error.because("older kernels do not say where a function that returns began").hint("use it where the function begins"));
    }
    let bytes = match found.size {
        1 | 2 | 4 => found.size as u8,
        _ => 8,
    };
    Type::int(bytes, false).pointer(Space::User)
}

fn is_at_return(place: &Place) -> bool {
    place.probe_type.name == uretprobe::ROW.name
}

/// A binary that may be loaded anywhere is where the place is that fired.
///
/// Why not look through the mappings of the process? That takes Linux 6.7 and a loop; the place is at hand.
fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let name = call.args.first().and_then(|arg| cx.string_literal(arg)).unwrap_or_default();
    let found = symbol(cx.facts(), cx.place(), &String::from_utf8_lossy(&name));
    let Some(found) = found.filter(|found| !found.is_fixed) else {
        let address = found.map_or(0, |found| found.address);
        return Lowered::Int(cx.ir().int(address as i64));
    };
    let (at_return, arch) = (is_at_return(cx.place()), cx.facts().arch());
    let Lowered::Mem(table) = cx.place_text(|facts, place| user_code::address(facts, place).to_le_bytes().to_vec()) else {
        unreachable!("texts of places are in memory")
    };
    let ir = cx.ir();
    let here = match at_return {
        true => ir.call(Helper::FuncIp, vec![Operand::Ctx]),
        false => ir.value(Op::LoadCtx { bytes: 8, signed: false, offset: registers::instruction_pointer(arch) }),
    };
    let place = ir.load(8, false, table, 0);
    let base = ir.bin(Bin::Sub, here, place);
    Lowered::Int(ir.bin_int(Bin::Add, base, found.address as i64))
}
