//! `func`: the function that a probe is on.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Helper, Op, Operand, ProgramType};
use rbtrace_types::{Facts, Feature, Space, Type};

use crate::compile::{Call, LowerCx, Lowered, Place, TypeCx};
use crate::config::cpp_demangle;
use crate::named::kernel_symbol;
use crate::probes::kernel::kprobe;
use crate::probes::registers;
use crate::row::Builtin;

const KEY: &str = cpp_demangle::ROW.name;

/// The row.
///
/// Why not the instruction pointer, looked up when it is printed? Processes end, binaries are stripped, functions are chosen when they
/// are loaded, and what returns has no pointer into itself; the attach point knows better, and all processes count as one.
pub static ROW: Builtin = Builtin {
    name: "func",
    signature: "func",
    manual: "The name of the function that fired, wildcards resolved; C++ and Rust functions by their names in the source. In probes \
             on the kernel it is a symbol, like what `ksym()` gives.\n\n\
             ```\nuprobe:libc:*alloc { @[func] = count(); }\n```\n",
    // What begins has a pointer into itself.
    asks_place: |row| row.name != kprobe::ROW.name,
    type_of: |cx: &mut dyn TypeCx, call: &Call| {
        let place = cx.place();
        let row = place.probe_type.name;
        if (place.probe_type.function)(cx.facts(), place).is_none() {
            let error = Diagnostic::error(call.span, format!("The func builtin can not be used with '{row}' probes"));
            cx.report(error.because("it is not about a function"));
        }
        if cx.place().probe_type.space == Space::Kernel {
            kernel_symbol::ty()
        } else {
            Type::String(cx.place_text_size(shown(cx.config(KEY))))
        }
    },
    lower: |cx: &mut dyn LowerCx, _| {
        if cx.place().probe_type.space == Space::Kernel { kernel_function(cx) } else { cx.place_text(shown(cx.config(KEY))) }
    },
    ..Builtin::BASE
};

/// Functions of the kernel are symbols, as scripts expect: they share maps with `ksym()`.
fn kernel_function(cx: &mut dyn LowerCx) -> Lowered {
    let place = cx.place().clone();
    let is_trampoline = cx.planned().program_type == ProgramType::Trampoline;
    let needed = if is_trampoline { Feature::TrampolineFuncIp } else { Feature::AttachCookie };
    let at_begin = place.probe_type.name == kprobe::ROW.name;
    let address = if at_begin && kprobe::is_inside(&place) {
        // The kernel tells the function only where it begins; the next instruction is in it, too.
        let offset = registers::instruction_pointer(cx.facts().arch());
        cx.ir().value(Op::LoadCtx { bytes: 8, signed: false, offset })
    } else if cx.facts().has(needed) {
        cx.ir().call(Helper::FuncIp, vec![Operand::Ctx])
    } else if at_begin {
        let arch = cx.facts().arch();
        let next = cx.ir().value(Op::LoadCtx { bytes: 8, signed: false, offset: registers::instruction_pointer(arch) });
        cx.ir().bin_int(Bin::Sub, next, registers::breakpoint_size(arch))
    } else {
        // Older kernels run a program for one function, which has one address.
        let function = (place.probe_type.function)(cx.facts(), &place).unwrap_or_default();
        let address = kprobe::address(&place).or_else(|| cx.facts().kernel_address(&function)).unwrap_or(0);
        cx.ir().int(address as i64)
    };
    let ir = cx.ir();
    let slot = ir.memory(ROW.name, kernel_symbol::SIZE);
    let addr = ir.slot_addr(slot);
    ir.store(8, addr, 0, address);
    Lowered::Mem(addr)
}

/// What names the function of a place.
fn shown(demangle: Option<String>) -> fn(&dyn Facts, &Place) -> Vec<u8> {
    if demangle.as_deref() == Some("false") { symbol } else { name }
}

fn symbol(facts: &dyn Facts, place: &Place) -> Vec<u8> {
    (place.probe_type.function)(facts, place).unwrap_or_default().into_bytes()
}

fn name(facts: &dyn Facts, place: &Place) -> Vec<u8> {
    let symbol = (place.probe_type.function)(facts, place).unwrap_or_default();
    facts.demangled(&symbol).unwrap_or(symbol).into_bytes()
}
