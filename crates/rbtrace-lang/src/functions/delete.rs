//! `delete()`: removes an entry of a map, or the value of a map without keys.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Cmp, Helper, LoopKind, MapDecl, MapId, Op, Operand, Storage, Value};
use rbtrace_syntax::ast::Expr;
use rbtrace_types::{Feature, Type};

use crate::compile::{Call, Complaint, LowerCx, Lowered, TypeCx};
use crate::row::Builtin;

use super::{clear, maps};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "delete",
    signature: "delete(@map, key)\ndelete(@map[key])\ndelete(@scalar)",
    manual: "Removes an entry of a map, or the value of a map without keys; true if there was one. As a statement it warns if there was \
             none; `_ = delete(…);` does not.\n\n\
             ```\ntracepoint:raw_syscalls:sys_enter { @start[tid] = nsecs; }\n\
             tracepoint:raw_syscalls:sys_exit /@start[tid]/ { @ns = hist(nsecs - @start[tid]); delete(@start, tid); }\n```\n",
    args: (1, 16),
    has_effect: true,
    type_of,
    lower,
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    match call.args[..] {
        [scalar] if cx.map(scalar).is_some() => check_scalar(cx, scalar),
        [map, key] if cx.map_element(key).is_none() || cx.map(map).is_some() => {
            maps::key(cx, map, key);
            maps::keyed(cx, ROW.name, "delete() with two arguments", map);
        }
        _ => call.args.iter().for_each(|element| check_element(cx, element)),
    }
    Type::Bool
}

fn check_scalar(cx: &mut dyn TypeCx, scalar: &Expr) {
    let Some((name, info)) = cx.map(scalar) else { return };
    if info.key.is_some() {
        let message = "call to delete() with a single argument expects a map without explicit keys (scalar map)";
        let error = Diagnostic::error(scalar.span, message).because(format!("`@{name}` has keys"));
        cx.report(error.hint(format!("`delete(@{name}, key)` removes one entry, `clear(@{name})` all")));
    }
}

/// The way to write it before `delete(@m, k)`, when it also took several.
fn check_element(cx: &mut dyn TypeCx, element: &Expr) {
    cx.type_of(element);
    if cx.map_element(element).is_none() {
        let error = Diagnostic::error(element.span, "delete() expects a map argument").because("this is no entry of a map");
        cx.report(error.hint("`delete(@map, key)`"));
    }
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let removed = match call.args[..] {
        [map, key] if cx.map(map).is_some() => {
            let Some((name, _)) = cx.map(map) else { return Lowered::Void };
            let key = cx.lower_key(&name, key);
            remove(cx, &name, key)
        }
        [scalar] if cx.map(scalar).is_some() => reset(cx, call, scalar),
        _ => {
            let mut all = cx.ir().int(1);
            for element in &call.args {
                let Some((name, _)) = cx.map_element(element) else { continue };
                let key = cx.lower_element_key(element);
                let removed = remove(cx, &name, key);
                all = cx.ir().bin(Bin::And, all, removed);
            }
            all
        }
    };
    if cx.is_statement(call) {
        warn_if_missing(cx, call, removed);
    }
    Lowered::Int(removed)
}

/// Who does not look at the result expects that there is something to remove.
fn warn_if_missing(cx: &mut dyn LowerCx, call: &Call, removed: Value) {
    cx.ir().open();
    let then = cx.ir().close();
    cx.ir().open();
    cx.complain(Complaint { span: call.span, text: "Can't delete element because it does not exist.", helper: None });
    let otherwise = cx.ir().close();
    cx.ir().push(Op::If { cond: removed, then, otherwise });
}

fn remove(cx: &mut dyn LowerCx, map: &str, key: Value) -> Value {
    let map = cx.map_id(map);
    let ir = cx.ir();
    let error = ir.call(Helper::MapDelete, vec![Operand::Map(map), Operand::Value(key)]);
    ir.cmp_int(Cmp::Eq, error, 0)
}

fn reset(cx: &mut dyn LowerCx, call: &Call, scalar: &Expr) -> Value {
    let Some((name, _)) = cx.map(scalar) else { return cx.ir().int(0) };
    let (map, decl) = (cx.map_id(&name), cx.map_decl(&name));
    match decl.storage {
        Storage::Global => reset_global(cx, map, &decl),
        Storage::PerCpuGlobal if cx.facts().has(Feature::LookupPerCpu) => reset_cpus(cx, map, &decl),
        // Without access to other CPUs' values user space has to do it.
        Storage::PerCpuGlobal | Storage::Hash | Storage::LruHash | Storage::PerCpuHash | Storage::LruPerCpuHash => {
            maps::emit(cx, call, clear::ROW.name);
            cx.ir().int(1)
        }
    }
}

/// The value is followed by a word that says whether it was assigned.
fn reset_global(cx: &mut dyn LowerCx, map: MapId, decl: &MapDecl) -> Value {
    let size = decl.value_size();
    let ir = cx.ir();
    let was_set = ir.scalar("was_set");
    let no = ir.int(0);
    ir.push(Op::Set(was_set, no));
    let entry = ir.value(Op::Global(map));
    let null = ir.value(Op::IsNull(entry));
    ir.if_else(
        null,
        |_| {},
        |ir| {
            let flag = ir.load(8, false, entry, size - 8);
            ir.push(Op::Set(was_set, flag));
            ir.push(Op::Zero { addr: entry, bytes: size });
        },
    );
    let was_set = ir.value(Op::Get(was_set));
    ir.cmp_int(Cmp::Ne, was_set, 0)
}

fn reset_cpus(cx: &mut dyn LowerCx, map: MapId, decl: &MapDecl) -> Value {
    let cpus = cx.facts().cpus();
    let ir = cx.ir();
    let cpu = ir.scalar("cpu");
    ir.open();
    let number = ir.value(Op::Get(cpu));
    let key = ir.memory("key", 4);
    let key = ir.slot_addr(key);
    let zero = ir.int(0);
    ir.store(4, key, 0, zero);
    let entry = ir.call(Helper::MapLookupPerCpu, vec![Operand::Map(map), Operand::Value(key), Operand::Value(number)]);
    let null = ir.value(Op::IsNull(entry));
    let bytes = decl.value_size();
    ir.if_else(null, |_| {}, |ir| ir.push(Op::Zero { addr: entry, bytes }));
    let body = ir.close();
    ir.push(Op::Loop { kind: LoopKind::Bounded { count: cpus, index: Some(cpu) }, body });
    ir.int(1)
}
