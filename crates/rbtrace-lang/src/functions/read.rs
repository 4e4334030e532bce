//! Reading memory that a script points to: where an argument's bytes are, and which kernel helper reads there. Shared by the functions
//! that take addresses.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Builder, Cmp, Helper, Op, Operand, Value};
use rbtrace_syntax::ast::Expr;
use rbtrace_types::{Int, Space, Type};

use crate::compile::{LowerCx, Lowered, TypeCx, per_cpu_pointer};
use crate::{config, warnings};

/// Where bytes are.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// In memory that the program may touch.
    Local(Value),
    /// At an address of the kernel or of the current process.
    Remote(Value, Space),
}

/// How much a function reads at the most.
pub(super) struct Most {
    /// Its name, for what is said.
    pub(super) function: &'static str,
    /// What `max_strlen` leaves it.
    pub(super) bytes: u32,
    /// What is said of a length beyond: `is more than max_strlen allows`.
    pub(super) beyond: &'static str,
}

/// The argument that says how many bytes: an integer, not below 0; what is above the most is cut, with a warning.
pub(super) fn check_length(cx: &mut dyn TypeCx, length: &Expr, most: &Most) {
    let Most { function, bytes, beyond } = *most;
    match cx.int_literal(length) {
        Some(given) if given < 0 => {
            let message = format!("{function}() cannot use negative length ({given})");
            cx.report(Diagnostic::error(length.span, message).because("nothing has fewer than 0 bytes"));
        }
        Some(given) if given > bytes.into() => {
            let message = format!("length param ({given}) passed to {function}() {beyond} ({bytes})");
            let warning = warnings::LENGTH.at(length.span, message).because(format!("{bytes} bytes are read"));
            cx.report(warning.hint("`config = { max_strlen = … }` reads more"));
        }
        Some(_) => {}
        None => {
            let ty = cx.type_of(length);
            if !ty.is_integer() && !matches!(ty, Type::Void | Type::Aggregate(_)) {
                let message = format!("{function}() expects an integer as its length ({ty} provided)");
                cx.report(Diagnostic::error(length.span, message).because("the number of bytes"));
            }
        }
    }
}

/// Evaluates an argument: an address, or a value whose own bytes are meant.
pub(super) fn source(cx: &mut dyn LowerCx, arg: &Expr) -> Source {
    let ty = cx.type_of(arg);
    if let Type::Pointer(_, Space::PerCpu) = ty {
        cx.report(per_cpu_pointer(arg.span, "argument"));
    }
    match cx.lower(arg) {
        Lowered::Mem(addr) => Source::Local(addr),
        Lowered::Remote(address, space) => Source::Remote(address, known(cx, space)),
        Lowered::Int(address) => Source::Remote(address, known(cx, pointer_space(&ty))),
        Lowered::Void => Source::Remote(cx.ir().int(0), Space::Kernel),
    }
}

/// Reads text into `to`: at most `size` bytes, the last of them NUL. The bytes behind the text keep what they were.
pub(super) fn text(ir: &mut Builder, to: Value, size: Operand, from: Source) {
    let (helper, address) = match from {
        // The program's own memory is kernel memory.
        Source::Local(addr) => (Helper::ProbeReadKernelStr, addr),
        Source::Remote(address, Space::Kernel | Space::PerCpu) => (Helper::ProbeReadKernelStr, address),
        Source::Remote(address, Space::User) => (Helper::ProbeReadUserStr, address),
        // Looks at the address itself; there is no such helper where user and kernel addresses overlap, nor do we compile for such machines.
        Source::Remote(address, Space::None) => (Helper::ProbeReadStr, address),
    };
    ir.call(helper, vec![Operand::Value(to), size, Operand::Value(address)]);
}

/// Reads `size` bytes into `to`; zeros if they cannot be read.
pub(super) fn bytes(ir: &mut Builder, to: Value, size: Operand, from: Source) {
    let read = |ir: &mut Builder, helper, address| {
        ir.call(helper, vec![Operand::Value(to), size, Operand::Value(address)]);
    };
    match from {
        Source::Local(addr) => read(ir, Helper::ProbeReadKernel, addr),
        Source::Remote(address, Space::Kernel | Space::PerCpu) => read(ir, Helper::ProbeReadKernel, address),
        Source::Remote(address, Space::User) => read(ir, Helper::ProbeReadUser, address),
        Source::Remote(address, Space::None) => {
            // Kernel addresses are the upper half: the negative ones.
            let kernel = ir.cmp_int(Cmp::SLt, address, 0);
            ir.if_else(kernel, |ir| read(ir, Helper::ProbeReadKernel, address), |ir| read(ir, Helper::ProbeReadUser, address));
        }
    }
}

/// A string in the program's own memory, zeros from its NUL to its capacity.
#[derive(Clone, Copy)]
pub(super) struct Text {
    pub addr: Value,
    pub capacity: u32,
}

/// Evaluates an argument that is a string, or reads one where it is an address or an array of bytes.
pub(super) fn string(cx: &mut dyn LowerCx, arg: &Expr) -> Text {
    let ty = cx.type_of(arg);
    let from = source(cx, arg);
    if let (Type::String(capacity), Source::Local(addr)) = (&ty, from) {
        return Text { addr, capacity: *capacity };
    }
    let capacity = string_capacity(cx, &ty);
    let ir = cx.ir();
    let slot = ir.memory("text", capacity);
    let addr = ir.slot_addr(slot);
    ir.push(Op::Zero { addr, bytes: capacity });
    text(ir, addr, Operand::Int(capacity.into()), from);
    Text { addr, capacity }
}

/// Bytes of the string that [`string`] gives for an argument of a type.
pub(super) fn string_capacity(cx: &dyn TypeCx, ty: &Type) -> u32 {
    match ty {
        Type::String(size) => *size,
        Type::Array(_, len) => len + 1,
        Type::Void | Type::Bool | Type::Int(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Struct(_) => max_strlen(cx) + 1,
        Type::Enum(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => max_strlen(cx) + 1,
    }
}

/// Checks that an argument is a string, or memory that [`string`] can read one from.
pub(super) fn check_string(cx: &mut dyn TypeCx, function: &str, arg: &Expr) {
    let ty = cx.type_of(arg);
    let is_byte = |ty: &Type| matches!(ty, Type::Int(Int { bytes: 1, .. }));
    let fits = match &ty {
        Type::Void | Type::String(_) => true,
        Type::Array(of, _) | Type::Pointer(of, _) => is_byte(of),
        Type::Bool | Type::Int(_) | Type::Buffer(_) | Type::Struct(_) | Type::Enum(_) => false,
        Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => false,
    };
    if !fits {
        let message = format!("{function}() only supports string arguments ({ty} provided)");
        let error = Diagnostic::error(arg.span, message).because("no text is here");
        cx.report(if ty.is_scalar() { error.hint("`str()` reads the text at an address") } else { error });
    }
}

/// The largest string that is read (`max_strlen`).
pub(super) fn max_strlen(cx: &dyn TypeCx) -> u32 {
    cx.config(config::max_strlen::ROW.name).and_then(|text| text.parse().ok()).unwrap_or(1024)
}

/// An address space, or else that of the probe.
fn known(cx: &dyn LowerCx, space: Space) -> Space {
    match space {
        Space::None => cx.place().probe_type.space,
        Space::Kernel | Space::User | Space::PerCpu => space,
    }
}

fn pointer_space(ty: &Type) -> Space {
    match ty {
        Type::Pointer(_, space) => *space,
        Type::Void | Type::Bool | Type::Int(_) | Type::String(_) | Type::Buffer(_) | Type::Array(..) | Type::Struct(_) => Space::None,
        Type::Enum(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => Space::None,
    }
}
