//! `kprobe`: when a function of the kernel begins, or at an instruction inside it.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{AttachPlan, Helper, KernelPlace, Moment, Op, Operand, ProgramType, Role};
use rbtrace_types::facts::VMLINUX;
use rbtrace_types::{Arch, Facts, Feature, Field, Space};

use super::target::{self, Spot};
use super::{function as functions, parameters};
use crate::compile::{LowerCx, Lowered, Place};
use crate::probes::{context, cookie, registers, untraced};
use crate::row::{PidFilter, Planned, ProbeType, Shared};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "kprobe",
    aliases: &["k"],
    signature: "kprobe:[module:]function[+offset]",
    manual: "Runs when a function of the kernel begins, or before an instruction inside it.

`args` has the function's parameters where the kernel has BTF; `-lv` lists them. `arg0`, `arg1`, … are the registers of the arguments. With an
offset only registers have a meaning. Wildcards are welcome in function and module; functions of all names share one program. A function of
which the compiler kept only a changed copy (`f.isra.0`) is traced there. An address may stand in place of the name with `--unsafe`.

```
kprobe:vfs_read { @[comm, args.count] = count(); }
```",
    class: "kprobe",
    space: Space::Kernel,
    pid_filter: PidFilter::Injected,
    in_wildcards: true,
    // Not for returns: the kernel hooks each call for them, and some have died of `kretprobe:*`.
    link: |facts, place| (facts.has(Feature::KprobeMulti) && !is_inside(place)).then(String::new),
    expand: |facts, target, sink| target::expand(ROW.name, false, facts, target, sink),
    nearest: target::nearest,
    absent: target::absent,
    list: |facts, pattern, verbose| {
        let details = |module: Option<&str>, name: &str| if verbose { parameters::texts(facts, module, name, false) } else { vec![] };
        functions::list(ROW.name, facts, pattern, details)
    },
    args: |facts, place| {
        let (module, spot) = parts(place);
        match spot {
            Spot::Function(name, 0) => parameters::in_registers(facts, module, &name),
            Spot::Function(..) | Spot::Address(_) => None,
        }
    },
    // The kernel puts new probes before those that are there.
    plan: |facts, place, _, _| plan(facts, place, Moment::Begin, true),
    shared: |_, place| Some(shared(place, ROW.name)),
    session,
    at_end: |cx| {
        let answer = cx.ir().call(Helper::SessionIsReturn, vec![Operand::Ctx]);
        // A `bool` of C is one byte; the rest of the register is anything.
        cx.ir().value(Op::Extend { value: answer, bytes: 1, signed: false })
    },
    context: |_, _| Some(context::REGISTERS.to_string()),
    select: |cx, _| cookie::select(cx),
    arguments: |facts, _| Some(registers::argument_count(facts.arch())),
    argument: |cx, _, index| registers::read_argument(cx, index),
    // On x86-64 the kernel describes its own frames by tables.
    hides_caller: |facts, place| facts.arch() == Arch::Aarch64 && !is_inside(place),
    function,
    arg,
    ..untraced::BASE
};

/// The module that a place names, and the rest of it.
pub(super) fn parts(place: &Place) -> (Option<&str>, Spot) {
    let (last, module) = place.parts.split_last().expect("a place has at least its function");
    (module.first().map(String::as_str), Spot::of(last).unwrap_or_else(|| Spot::Function(last.clone(), 0)))
}

/// Whether a place is not the beginning of a function that is named.
pub(crate) fn is_inside(place: &Place) -> bool {
    !matches!(parts(place).1, Spot::Function(_, 0))
}

/// The address that a place is, if it is not named.
pub(crate) fn address(place: &Place) -> Option<u64> {
    match parts(place).1 {
        Spot::Address(address) => Some(address),
        Spot::Function(..) => None,
    }
}

/// Where a place is. Where several functions share a name, all of them are meant.
pub(super) fn plan(facts: &dyn Facts, place: &Place, moment: Moment, reverse: bool) -> Result<Planned, Diagnostic> {
    let (module, spot) = parts(place);
    let places = match spot {
        Spot::Address(address) => vec![KernelPlace { address, ..KernelPlace::default() }],
        Spot::Function(name, offset) => {
            let at = |address: u64| KernelPlace { symbol: name.clone(), offset, address, cookie: 0 };
            // A name alone is looked up by the kernel, which takes the first function that has it.
            let count = functions::named(facts, module, &name).len();
            let is_plain = module.is_none_or(|module| module == VMLINUX) && count < 2;
            let addresses = if is_plain { vec![] } else { facts.kernel_function_addresses(module, &name) };
            // More addresses than functions: some of them cannot be probed, and nothing says which.
            if addresses.len() == count && count > 0 { addresses.into_iter().map(at).collect() } else { vec![at(0)] }
        }
    };
    let plan = AttachPlan::Kprobe { places, moment };
    Ok(Planned { program_type: ProgramType::Kprobe, role: Role::Traced, plan: Some(plan), reverse })
}

/// One program serves all functions. Those inside functions and at addresses are attached in another way.
pub(super) fn shared(place: &Place, name: &str) -> Shared {
    let key = if is_inside(place) { format!("{name} inside") } else { name.to_string() };
    Shared { key, selector: None }
}

/// Where the kernel tells a program whether a function begins or ends, one serves both.
fn session(facts: &dyn Facts, begin: &Planned, end: &Planned) -> Option<Planned> {
    let (Some(AttachPlan::Kprobe { places, moment: Moment::Begin }), Some(AttachPlan::Kprobe { places: ends, moment: Moment::End })) =
        (&begin.plan, &end.plan)
    else {
        return None;
    };
    let has_all = [Feature::KprobeMulti, Feature::KprobeSession, Feature::AttachCookie].into_iter().all(|feature| facts.has(feature));
    let is_whole = |place: &KernelPlace| place.offset == 0 && !place.symbol.is_empty();
    let fits = has_all && places == ends && places.iter().all(is_whole);
    let plan = Some(AttachPlan::Kprobe { places: places.clone(), moment: Moment::Both });
    fits.then(|| Planned { plan, ..begin.clone() })
}

/// The function that a place is in.
pub(super) fn function(_: &dyn Facts, place: &Place) -> Option<String> {
    match parts(place).1 {
        Spot::Function(name, _) => Some(name),
        Spot::Address(address) => Some(format!("{address:#x}")),
    }
}

fn arg(cx: &mut dyn LowerCx, _: &Planned, field: &Field) -> Lowered {
    let raw = cx.ir().value(Op::LoadCtx { bytes: 8, signed: false, offset: field.offset });
    Lowered::Int(registers::narrowed(cx.ir(), raw, &field.ty))
}
