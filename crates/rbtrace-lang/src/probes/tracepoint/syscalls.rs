//! Tracepoints of system calls. All of them are one raw tracepoint on entry and one on exit, and the arguments are in the registers that these
//! hand over. Their records are used only where the kernel's stack is wanted.

use rbtrace_ir as ir;
use rbtrace_ir::{AttachPlan, Op, ProgramType};
use rbtrace_types::format::{FormatField, TracepointFormat};
use rbtrace_types::{Facts, Feature, Field, Space, Type};

use super::fields::field_type;
use crate::compile::{LowerCx, Lowered, Place};
use crate::probes::registers::{self, Register};
use crate::row::Planned;

/// The category of the tracepoints of all calls.
const COMMON: &str = "raw_syscalls";

/// Before or after the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Enter,
    Exit,
}

impl Moment {
    /// The raw tracepoint.
    pub fn event(self) -> &'static str {
        match self {
            Moment::Enter => "sys_enter",
            Moment::Exit => "sys_exit",
        }
    }

    fn of(event: &str) -> Option<(Moment, &str)> {
        let after = |moment: Moment| event.strip_prefix(moment.event()).map(|rest| (moment, rest));
        after(Moment::Enter).or_else(|| after(Moment::Exit))
    }
}

/// Where arguments come from. A raw tracepoint's stack begins with the code that calls programs: where the kernel's stack is wanted, records are
/// read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The registers that a raw tracepoint hands over.
    Registers,
    /// The record of the call's own event, which costs other calls nothing.
    Record,
    /// That of the event of all calls: one event for many. Where the number, the arguments and the result are in it is the same.
    CommonRecord,
}

/// A place that is about system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syscall {
    pub moment: Moment,
    /// Of the call; `None` for the tracepoints of all calls.
    pub number: Option<u32>,
    /// Whether programs on the call's own event find the kernel's stack.
    has_stack: bool,
}

impl Syscall {
    /// None where a place is about something else, or its number is not known.
    pub fn of(facts: &dyn Facts, place: &Place) -> Option<Syscall> {
        let (moment, rest) = Moment::of(&place.parts[1])?;
        let has_stack = facts.has(Feature::SyscallStack);
        match (place.parts[0].as_str(), rest) {
            (COMMON, "") => Some(Syscall { moment, number: None, has_stack }),
            ("syscalls", name) => {
                let number = facts.syscall_number(name.strip_prefix('_')?)?;
                Some(Syscall { moment, number: Some(number), has_stack })
            }
            _ => None,
        }
    }

    /// Where a place's arguments are read.
    pub fn source(&self, place: &Place) -> Source {
        match (place.walks_kernel, self.number) {
            (false, _) => Source::Registers,
            (true, Some(_)) if place.is_alone && self.has_stack => Source::Record,
            (true, _) => Source::CommonRecord,
        }
    }

    /// Whether a field is the call's number. On entry the others are arguments in order, on exit the only other one is the result.
    fn is_number(&self, field: &str) -> bool {
        field == if self.number.is_some() { "__syscall_nr" } else { "id" }
    }
}

/// How both are attached. The typed kind of raw tracepoint reads registers without a helper's call, but costs a look-up at load time: it is for those that
/// read registers.
pub(super) fn plan(facts: &dyn Facts, syscall: &Syscall, place: &Place, uses_args: bool) -> (ProgramType, AttachPlan) {
    let event = syscall.moment.event();
    let (category, event) = match syscall.source(place) {
        Source::Registers => {
            let reads_number = syscall.number.is_some() && syscall.moment == Moment::Exit;
            let typed = (uses_args || reads_number) && facts.has(Feature::TypedRawTracepoint);
            let program_type = if typed { ProgramType::TypedRawTracepoint } else { ProgramType::RawTracepoint };
            return (program_type, AttachPlan::RawTracepoint { event: event.into(), typed });
        }
        Source::Record => (place.parts[0].as_str(), place.parts[1].as_str()),
        Source::CommonRecord => (COMMON, event),
    };
    (ProgramType::Tracepoint, AttachPlan::Tracepoint { category: category.into(), event: event.into() })
}

/// The fields of a record, where the place's program finds them: in registers an argument has the offset 8 times its index. What newer kernels
/// put behind the arguments is in a call's own record only.
pub(super) fn fields(syscall: &Syscall, place: &Place, format: &TracepointFormat, facts: &dyn Facts) -> Vec<Field> {
    let source = syscall.source(place);
    let own = format.fields.iter().filter(|field| !field.common && (source == Source::Record || field.data_loc.is_none()));
    let mut next_argument = 0;
    own.map(|field| {
        let is_argument = syscall.moment == Moment::Enter && !syscall.is_number(&field.name);
        let in_registers = if is_argument { next_argument } else { 0 };
        next_argument += if is_argument { 8 } else { 0 };
        let offset = if source == Source::Registers { in_registers } else { field.offset };
        Field { name: field.name.clone(), ty: argument_type(field, facts), offset, bits: None, data_loc: field.data_loc }
    })
    .collect()
}

/// Arguments are whole registers, whatever type C gives them: `-100` as `int dfd` is 4294967196, as in the record.
fn argument_type(field: &FormatField, facts: &dyn Facts) -> Type {
    field_type(field, Space::User, facts)
}

/// The call's number; leaves the probe where it is a 32-bit task's, which numbers its calls differently.
pub(super) fn select(cx: &mut dyn LowerCx, planned: &Planned) -> ir::Value {
    if let Some(compat) = registers::is_compat_call(cx) {
        cx.ir().open();
        cx.leave();
        let then = cx.ir().close();
        cx.ir().push(Op::If { cond: compat, then, otherwise: ir::Region::default() });
    }
    number(cx, planned, moment_of(planned))
}

fn moment_of(planned: &Planned) -> Moment {
    match &planned.plan {
        Some(AttachPlan::RawTracepoint { event, .. } | AttachPlan::Tracepoint { event, .. }) if event == Moment::Exit.event() => {
            Moment::Exit
        }
        _ => Moment::Enter,
    }
}

/// The contexts of raw tracepoints: `pt_regs *, long id` on entry, `pt_regs *, long ret` on exit; the records begin with the number.
fn number(cx: &mut dyn LowerCx, planned: &Planned, moment: Moment) -> ir::Value {
    if planned.program_type == ProgramType::Tracepoint || moment == Moment::Enter {
        return cx.ir().value(Op::LoadCtx { bytes: 8, signed: true, offset: 8 });
    }
    registers::read(cx, planned.program_type, Register::SyscallNumber)
}

/// The value of a field.
pub(super) fn arg(cx: &mut dyn LowerCx, planned: &Planned, syscall: &Syscall, field: &Field) -> Lowered {
    match (syscall.moment, &field.ty) {
        (moment, _) if syscall.is_number(&field.name) => Lowered::Int(number(cx, planned, moment)),
        (Moment::Exit, _) => Lowered::Int(cx.ir().value(Op::LoadCtx { bytes: 8, signed: true, offset: 8 })),
        (Moment::Enter, Type::Array(..)) => Lowered::Mem(all_arguments(cx, planned)),
        (Moment::Enter, ty) => {
            let register = registers::read(cx, planned.program_type, Register::Argument(field.offset / 8));
            Lowered::Int(extended(cx.ir(), register, ty))
        }
    }
}

/// All fields of a call's record are 8 bytes, but some kernels keep narrower ones.
fn extended(b: &mut ir::Builder, register: ir::Value, ty: &Type) -> ir::Value {
    match ty.size() {
        bytes @ (1 | 2 | 4) => b.value(Op::Extend { value: register, bytes: bytes as u8, signed: ty.is_signed() }),
        _ => register,
    }
}

/// `args.args`: the six words.
fn all_arguments(cx: &mut dyn LowerCx, planned: &Planned) -> ir::Value {
    let slot = cx.ir().memory("args", 48);
    let to = cx.ir().slot_addr(slot);
    for index in 0..6 {
        let word = registers::read(cx, planned.program_type, Register::Argument(index));
        cx.ir().store(8, to, 8 * index, word);
    }
    to
}
