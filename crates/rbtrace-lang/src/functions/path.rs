//! `path()`: the name of a file that the kernel has open.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Cmp, Helper, Op, Operand, Region};
use rbtrace_types::{Feature, Type};

use crate::compile::{Call, Complaint, LowerCx, Lowered, TypeCx};
use crate::probes::iter;
use crate::probes::kernel::{fentry, fexit};
use crate::row::{Allowed, Builtin};
use crate::warnings;

use super::handed;
use super::read::{self, Source, max_strlen};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "path",
    signature: "path(path) or path(path, size)",
    manual: "The full name of a file, from the `struct path` that the kernel has of it; empty where there is none. `size` is the capacity of the \
             string, `max_strlen` if nothing is said; a longer name loses its beginning. The kernel makes the name itself, which it does not in all probes.\n\n\
             ```\niter:task_file { printf(\"%s %d %s\\n\", ctx.task.comm, ctx.fd, path(ctx.file.f_path)); }\n```\n",
    args: (1, 2),
    allowed: Allowed::Only(&[iter::ROW.name, fentry::ROW.name, fexit::ROW.name]),
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    if let Some(path) = call.args.first() {
        handed::check(cx, ROW.name, path, &["struct path"]);
    }
    if let Some(size) = call.args.get(1)
        && !cx.int_literal(size).is_some_and(|size| (1..=i128::from(rbtrace_ir::LARGEST_SLOT)).contains(&size))
    {
        let error = Diagnostic::error(size.span, "path() expects a positive literal as its size");
        cx.report(error.because("how much room the name has must be known when the script is compiled"));
    }
    if cx.place().probe_type.name == iter::ROW.name && !cx.facts().has(Feature::IteratorPath) {
        let error = Diagnostic::error(call.span, "the kernel names no files for iterators").because("`bpf_d_path` is not allowed there");
        cx.report(error.hint("Linux 5.12 allows it; `str(ctx.file.f_path.dentry.d_name.name)` is a file's name without its directories"));
    }
    Type::String(size(cx, call))
}

fn size(cx: &mut dyn TypeCx, call: &Call) -> u32 {
    match call.args.get(1).and_then(|size| cx.int_literal(size)) {
        Some(size) => size.clamp(1, rbtrace_ir::LARGEST_SLOT.into()) as u32,
        None => max_strlen(cx),
    }
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let Some(path) = call.args.first() else { return Lowered::Void };
    let size = size(cx, call);
    let path = handed::pointer(cx, path);
    let ir = cx.ir();
    let (raw, clean) = (ir.memory("raw path", size), ir.memory("path", size));
    let (raw, clean) = (ir.slot_addr(raw), ir.slot_addr(clean));
    ir.push(Op::Zero { addr: raw, bytes: size });
    let result = ir.call(Helper::DPath, vec![Operand::Value(path), Operand::Value(raw), Operand::Int(size.into())]);
    // The helper builds the name from its end and leaves what it used there behind the NUL.
    ir.push(Op::Zero { addr: clean, bytes: size });
    read::text(ir, clean, Operand::Int(size.into()), Source::Local(raw));
    let failed = ir.cmp_int(Cmp::SLt, result, 0);
    ir.open();
    cx.complain(Complaint { warning: &warnings::FAILED_HELPER, span: call.span, text: "", helper: Some((Helper::DPath, result)) });
    let then = cx.ir().close();
    cx.ir().push(Op::If { cond: failed, then, otherwise: Region::default() });
    Lowered::Mem(clean)
}
