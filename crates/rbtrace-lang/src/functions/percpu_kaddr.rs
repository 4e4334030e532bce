//! `percpu_kaddr()`: where a variable of the kernel is that every CPU has its own of.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Cmp, Helper, Op, Operand, Value};
use rbtrace_types::{Facts, Space, Type};

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::format::call::literal;
use crate::row::Builtin;

use super::read::{self, Source};

/// The kernel's table of how far each CPU's variables are from where the symbols say.
const OFFSETS: &str = "__per_cpu_offset";

/// The row.
pub static ROW: Builtin = Builtin {
    name: "percpu_kaddr",
    signature: "percpu_kaddr(\"name\") or percpu_kaddr(\"name\", cpu)",
    manual: "The address of a variable of the kernel that every CPU has its own of: that of the current CPU, or of another one. For a CPU that the \
             machine does not have it is 0. Where the kernel's types know the variable it is a pointer to its type. Needs a kernel that shows the \
             addresses of its variables (`CONFIG_KALLSYMS_ALL`).\n\n\
             ```\nbegin { printf(\"%d processes began on CPU 0\\n\", *percpu_kaddr(\"process_counts\", 0)); }\n```\n",
    args: (1, 2),
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let Some(arg) = call.args.first() else { return Type::U64 };
    let Some(name) = literal(cx, ROW.name, arg) else { return Type::U64 };
    let name = String::from_utf8_lossy(&name).into_owned();
    for wanted in [name.as_str(), OFFSETS] {
        if cx.facts().kernel_address(wanted).is_none() {
            let error = Diagnostic::error(arg.span, format!("Failed to resolve kernel symbol: {wanted}"));
            let error = error.because("`/proc/kallsyms` does not have it, or hides its address");
            cx.report(error.hint("variables are there only where the kernel was built with CONFIG_KALLSYMS_ALL"));
            break;
        }
    }
    if let Some(cpu) = call.args.get(1) {
        let ty = cx.type_of(cpu);
        if !ty.is_integer() && ty != Type::Void {
            let message = format!("percpu_kaddr() only supports integer arguments ({ty} provided)");
            cx.report(Diagnostic::error(cpu.span, message).because("the number of a CPU is wanted here"));
        }
    }
    cx.facts().kernel_variable(&name).map_or(Type::U64, |ty| ty.pointer(Space::Kernel))
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let name = call.args.first().and_then(|arg| cx.string_literal(arg)).unwrap_or_default();
    let symbol = address_of(cx.facts(), &String::from_utf8_lossy(&name));
    let offsets = address_of(cx.facts(), OFFSETS);
    let Some(cpu) = call.args.get(1) else {
        let cpu = cx.ir().call(Helper::SmpProcessorId, vec![]);
        return Lowered::Int(of_cpu(cx, symbol, offsets, cpu));
    };
    let cpu = cx.lower_int(cpu);
    let last = cx.facts().cpus() - 1;
    let exists = cx.ir().cmp_int(Cmp::ULe, cpu, last.into());
    let within = cx.ir().value(Op::Clamp(cpu, last));
    let found = of_cpu(cx, symbol, offsets, within);
    let zero = cx.ir().int(0);
    Lowered::Int(cx.ir().value(Op::Select(exists, found, zero)))
}

fn address_of(facts: &dyn Facts, name: &str) -> i64 {
    facts.kernel_address(name).unwrap_or(0) as i64
}

fn of_cpu(cx: &mut dyn LowerCx, symbol: i64, offsets: i64, cpu: Value) -> Value {
    let ir = cx.ir();
    let index = ir.bin_int(Bin::Mul, cpu, 8);
    let entry = ir.bin_int(Bin::Add, index, offsets);
    let slot = ir.memory("per-CPU offset", 8);
    let to = ir.slot_addr(slot);
    read::bytes(ir, to, Operand::Int(8), Source::Remote(entry, Space::Kernel));
    let offset = ir.load(8, false, to, 0);
    ir.bin_int(Bin::Add, offset, symbol)
}
