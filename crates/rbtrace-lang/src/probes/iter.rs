//! `iter`: once for each object of a kind that the kernel has now: tasks, their files, sockets, BPF programs.

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Sink, nearest};
use rbtrace_ir as ir;
use rbtrace_ir::{AttachPlan, Cmp, Helper, Op, Operand, ProgramType, Role};
use rbtrace_types::{Facts, Field, Space, Struct, Type};

use super::{parts, untraced};
use crate::compile::{LowerCx, Lowered, Place};
use crate::row::{Listed, PidFilter, Planned, ProbeType, Target};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "iter",
    aliases: &["it"],
    signature: "iter:kind or iter:kind:pin",
    manual: "Runs once for each object of a kind: `iter:task` for all threads, `iter:task_file` for all open files of all threads, `iter:tcp` for
all TCP sockets, and so on; `-l 'iter:*'` lists the kinds, `-lv` what `ctx` has in each. The objects are gone through once, after everything is
attached. If the script has no other probes that wait for something it ends then.

`ctx.field` is the object; where the kernel has none (a thread without files) the probe is left. `-p` restricts the kinds about tasks to those
of one process, from Linux 6.1.

With `pin` nothing is gone through: the iterator becomes a file below `/sys/fs/bpf`, or wherever an absolute path says, and each `cat` of it runs
the probe. Its `printf` writes what is read from the file, with the plain conversions of numbers and texts; nothing else can be printed.

```
iter:task { @[ctx.task.comm] = count(); }
iter:task_file { printf(\"%s %d\\n\", ctx.task.comm, ctx.fd); }
```",
    class: "iterator",
    space: Space::Kernel,
    pid_filter: PidFilter::AtAttach,
    in_wildcards: true,
    expand,
    nearest: |facts, target| nearest(&target.parts.first()?.text, facts.iterators().iter().map(String::as_str)).map(str::to_string),
    list,
    plan,
    context: |_, place| place.parts.first().map(|kind| struct_name(kind)),
    context_field,
    enter,
    unread: is_pinned,
    ..untraced::BASE
};

/// The kinds about tasks: the only ones that can be restricted to a process.
const OF_TASKS: [&str; 3] = ["task", "task_file", "task_vma"];
/// The kinds that go through a map, which a script has no way to name.
const OF_MAPS: [&str; 3] = ["bpf_map_elem", "bpf_sk_storage_map", "sockmap"];
/// The member of every context that knows where text goes.
const META: &str = "meta";

/// The context of a kind, as BTF calls it.
fn struct_name(kind: &str) -> String {
    format!("struct bpf_iter__{kind}")
}

fn expand(facts: &dyn Facts, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    if parts::check_count(ROW.name, target, &[1, 2], sink).is_err() {
        return vec![];
    }
    let kind = &target.parts[0];
    if parts::check_given(ROW.name, "the name of a kind", kind, sink).is_err() {
        return vec![];
    }
    if parts::is_pattern(kind) {
        let error = Diagnostic::error(kind.span, "iter probe type does not support wildcards").because("one kind is wanted here");
        sink.push(error.hint("`rbtrace -l 'iter:*'` lists the kinds"));
        return vec![];
    }
    if OF_MAPS.contains(&kind.text.as_str()) {
        let error = Diagnostic::error(kind.span, format!("iter:{} cannot be used in a script", kind.text));
        sink.push(error.because("the kernel wants to know which map, and scripts cannot name one of another program"));
        return vec![];
    }
    if !facts.iterators().contains(&kind.text) {
        return vec![];
    }
    vec![target.parts.iter().map(|part| part.text.clone()).collect()]
}

fn list(facts: &dyn Facts, pattern: &[&str], verbose: bool) -> Vec<Listed> {
    let details = |kind: &str| {
        let context = if verbose { facts.kernel_type(&struct_name(kind)) } else { None };
        let Some(Type::Struct(context)) = context else { return Vec::new() };
        context.fields.iter().filter(|field| field.name != META).map(|field| format!("{} {}", field.ty, field.name)).collect()
    };
    let kinds = facts.iterators();
    let meant = kinds.iter().filter(|kind| parts::is_listed(pattern.first(), kind) && parts::is_listed(pattern.get(1), ""));
    meant.map(|kind| Listed { name: format!("{}:{kind}", ROW.name), details: details(kind) }).collect()
}

fn plan(_: &dyn Facts, place: &Place, _: bool, pid: Option<u32>) -> Result<Planned, Diagnostic> {
    let kind = place.parts.first().cloned().unwrap_or_default();
    let pid = pid.filter(|_| OF_TASKS.contains(&kind.as_str()));
    let pin = place.parts.get(1).map(|pin| if pin.starts_with('/') { pin.clone() } else { format!("/sys/fs/bpf/{pin}") });
    let plan = Some(AttachPlan::Iterator { kind, pid, pin });
    Ok(Planned { program_type: ProgramType::Iterator, role: Role::Traced, plan, reverse: false })
}

/// Whether the kernel's readers get what the probe prints, and nobody reads events.
pub fn is_pinned(place: &Place) -> bool {
    place.probe_type.name == ROW.name && place.parts.len() > 1
}

/// A word of the context. Pointers may be null: then there is no such object, and the probe is left.
fn context_field(cx: &mut dyn LowerCx, field: &Field) -> Lowered {
    let (bytes, signed) = (field.ty.size().clamp(1, 8) as u8, field.ty.is_signed());
    let value = cx.ir().value(Op::LoadCtx { bytes, signed, offset: field.offset });
    if matches!(field.ty, Type::Pointer(..)) {
        leave_without(cx, value);
    }
    Lowered::Int(value)
}

fn leave_without(cx: &mut dyn LowerCx, object: ir::Value) {
    let missing = cx.ir().cmp_int(Cmp::Eq, object, 0);
    cx.ir().open();
    cx.leave();
    let then = cx.ir().close();
    cx.ir().push(Op::If { cond: missing, then, otherwise: ir::Region::default() });
}

/// After the last object the kernel calls the program once more, without one. And as reading the iterator ends with the last object unless
/// text comes before, each object whose events must be read writes a byte: whoever reads then gets a turn between the objects.
fn enter(cx: &mut dyn LowerCx, emits: bool) {
    let Some(context) = context(cx) else { return };
    if let Some(object) = context.fields.iter().find(|field| field.name != META && matches!(field.ty, Type::Pointer(..))) {
        context_field(cx, object);
    }
    if emits && !is_pinned(cx.place()) {
        let turn = cx.constant(b".");
        let seq = sequence(cx);
        cx.ir().push(Op::Call(Helper::SeqWrite, vec![Operand::Value(seq), Operand::Value(turn), Operand::Int(1)]));
    }
}

fn context(cx: &dyn LowerCx) -> Option<Arc<Struct>> {
    let Type::Struct(context) = cx.facts().kernel_type(&struct_name(cx.place().parts.first()?))? else { return None };
    Some(context)
}

/// The `struct seq_file` that text for the iterator's reader goes to.
pub fn sequence(cx: &mut dyn LowerCx) -> ir::Value {
    // The first member of each: `meta` of the context, `seq` of `struct bpf_iter_meta`.
    let meta = cx.ir().value(Op::LoadCtx { bytes: 8, signed: false, offset: 0 });
    cx.ir().value(Op::LoadTrusted { bytes: 8, signed: false, pointer: meta, offset: 0 })
}
