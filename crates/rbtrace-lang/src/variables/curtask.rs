//! `curtask`: the current task_struct.

use std::sync::Arc;

use rbtrace_ir::{Helper, Op};
use rbtrace_types::{Feature, Field, Space, Struct, Type};

use crate::compile::{Call, LowerCx, Lowered};
use crate::row::Builtin;

/// What it points to, in the kernel's words.
const TASK: &str = "struct task_struct";

/// The row.
pub static ROW: Builtin = Builtin {
    name: "curtask",
    signature: "curtask",
    manual: "The `struct task_struct` of the current task, by its address in the kernel. Its fields are those that the kernel's BTF knows.\n\n\
             ```\nbegin { printf(\"%d %s\\n\", curtask.pid, curtask.comm); }\n```\n",
    type_of: |_, _| Type::Struct(Arc::new(Struct { name: TASK.into(), fields: Vec::new(), size: 0 })).pointer(Space::Kernel),
    lower: |cx, _| Lowered::Int(cx.ir().call(Helper::CurrentTask, vec![])),
    field: Some(direct),
    ..Builtin::BASE
};

/// An integer is loaded through the pointer that the kernel trusts, which costs no helper that reads memory. A script may have its own idea of
/// the struct: then the kernel does not know what it means.
fn direct(cx: &mut dyn LowerCx, _: &Call, field: &Field) -> Option<Lowered> {
    let Type::Struct(task) = cx.facts().kernel_type(TASK)? else { return None };
    let is_known = task.field(&field.name) == Some(field) && task.is_plain_integer(field);
    if !is_known || !cx.facts().has(Feature::CurrentTaskBtf) {
        return None;
    }
    let ir = cx.ir();
    let pointer = ir.call(Helper::CurrentTaskBtf, vec![]);
    let (bytes, signed) = (field.ty.size() as u8, field.ty.is_signed());
    Some(Lowered::Int(ir.value(Op::LoadTrusted { bytes, signed, pointer, offset: field.offset })))
}
