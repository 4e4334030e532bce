//! Reading memory that a script points to: where an argument's bytes are, and which kernel helper reads there. Shared by the functions
//! that take addresses.

use rbtrace_ir::{Builder, Cmp, Helper, Operand, Value};
use rbtrace_syntax::ast::Expr;
use rbtrace_types::{Space, Type};

use crate::compile::{LowerCx, Lowered, TypeCx};

/// Where bytes are.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// In memory that the program may touch.
    Local(Value),
    /// At an address of the kernel or of the current process.
    Remote(Value, Space),
}

/// Evaluates an argument: an address, or a value whose own bytes are meant.
pub(super) fn source(cx: &mut dyn LowerCx, arg: &Expr) -> Source {
    let ty = cx.type_of(arg);
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
        Source::Remote(address, Space::Kernel) => (Helper::ProbeReadKernelStr, address),
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
        Source::Remote(address, Space::Kernel) => read(ir, Helper::ProbeReadKernel, address),
        Source::Remote(address, Space::User) => read(ir, Helper::ProbeReadUser, address),
        Source::Remote(address, Space::None) => {
            // Kernel addresses are the upper half: the negative ones.
            let kernel = ir.cmp_int(Cmp::SLt, address, 0);
            ir.if_else(kernel, |ir| read(ir, Helper::ProbeReadKernel, address), |ir| read(ir, Helper::ProbeReadUser, address));
        }
    }
}

/// The largest string that is read (`max_strlen`).
pub(super) fn max_strlen(cx: &dyn TypeCx) -> u32 {
    cx.config("max_strlen").and_then(|text| text.parse().ok()).unwrap_or(1024)
}

/// An address space, or else that of the probe.
fn known(cx: &dyn LowerCx, space: Space) -> Space {
    match space {
        Space::None => cx.place().probe_type.space,
        Space::Kernel | Space::User => space,
    }
}

fn pointer_space(ty: &Type) -> Space {
    match ty {
        Type::Pointer(_, space) => *space,
        Type::Void | Type::Bool | Type::Int(_) | Type::String(_) | Type::Buffer(_) | Type::Array(..) | Type::Struct(_) => Space::None,
        Type::Enum(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => Space::None,
    }
}
