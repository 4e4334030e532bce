//! `delete()`: removes an entry of a map, or the value of a map without keys.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Cmp, Helper, LoopKind, MapDecl, MapId, Op, Operand, Storage, Value};
use rbtrace_syntax::ast::Expr;
use rbtrace_types::{Feature, Type};

use crate::compile::{Call, Complaint, LowerCx, Lowered, MapInfo, TypeCx};
use crate::row::Builtin;
use crate::warnings;

use super::{clear, maps};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "delete",
    signature: "delete(@map, key)\ndelete(@map[key])\ndelete(@scalar)\ndelete(@a, @b[key], …)",
    manual: "Removes an entry of a map, or the value of a map without keys; true if there was one. As a statement it warns if there was \
             none; `_ = delete(…);` does not. Several at once, as before 0.22: true if all were there.\n\n\
             ```\ntracepoint:raw_syscalls:sys_enter { @start[tid] = nsecs; }\n\
             tracepoint:raw_syscalls:sys_exit /@start[tid]/ { @ns = hist(nsecs - @start[tid]); delete(@start, tid); }\n```\n",
    args: (1, 16),
    has_effect: true,
    type_of,
    lower,
    ..Builtin::BASE
};

/// The ways to write it.
enum Form<'e> {
    /// `delete(@scalar)`
    Scalar(&'e Expr),
    /// `delete(@map, key)`
    Keyed(&'e Expr, &'e Expr),
    /// `delete(@map[key])`, `delete(@a, @b[key], @c)`: what it was before 0.22, when it took several.
    Several,
    /// `delete(@a, @b)` while nobody knows yet whether `@a` has keys.
    Unknown,
}

fn form<'e>(cx: &mut dyn TypeCx, args: &[&'e Expr]) -> Form<'e> {
    match *args {
        [scalar] if cx.map(scalar).is_some() => Form::Scalar(scalar),
        [map, key] => {
            let names_value = cx.map_element(key).is_some() || cx.map(key).is_some();
            match cx.map(map) {
                Some(_) if !names_value => Form::Keyed(map, key),
                None if cx.map_element(key).is_none() => Form::Keyed(map, key),
                None => Form::Several,
                Some((_, MapInfo { key: Some(_), .. })) => Form::Keyed(map, key),
                Some((_, MapInfo { key: None, value: Type::Void })) => Form::Unknown,
                Some((_, MapInfo { key: None, .. })) => Form::Several,
            }
        }
        _ => Form::Several,
    }
}

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    match form(cx, &call.args) {
        Form::Scalar(scalar) => check_scalar(cx, scalar),
        Form::Keyed(map, key) => {
            maps::key(cx, map, key);
            maps::keyed(cx, ROW.name, "delete() with two arguments", map);
        }
        Form::Several => call.args.iter().for_each(|element| check_element(cx, element)),
        Form::Unknown => {}
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

fn check_element(cx: &mut dyn TypeCx, element: &Expr) {
    match cx.map(element) {
        Some((_, MapInfo { key: None, .. })) => {}
        Some((name, _)) => {
            let error = Diagnostic::error(element.span, "delete() of several values needs the key of each");
            let error = error.because(format!("`@{name}` has keys"));
            cx.report(error.hint(format!("`delete(@{name}, (a, b))` where a key has several parts, else `delete(@{name}[key], …)`")));
        }
        None => {
            cx.type_of(element);
            if cx.map_element(element).is_none() {
                let error = Diagnostic::error(element.span, "delete() expects a map argument").because("this is no entry of a map");
                cx.report(error.hint("`delete(@map, key)`"));
            }
        }
    }
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let removed = match form(cx, &call.args) {
        Form::Keyed(map, key) => {
            let Some((name, _)) = cx.map(map) else { return Lowered::Void };
            let key = cx.lower_key(&name, key);
            remove(cx, &name, key)
        }
        Form::Scalar(_) | Form::Several | Form::Unknown => {
            let mut all = None;
            for element in &call.args {
                let removed = match cx.map_element(element) {
                    Some((name, _)) => {
                        let key = cx.lower_element_key(element);
                        remove(cx, &name, key)
                    }
                    None => reset(cx, call, element),
                };
                all = Some(all.map_or(removed, |all| cx.ir().bin(Bin::And, all, removed)));
            }
            all.expect("a call of `delete` has an argument")
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
    cx.complain(Complaint {
        warning: &warnings::MISSING_KEY,
        span: call.span,
        text: "Can't delete element because it does not exist.",
        helper: None,
    });
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
            maps::emit(cx, call, scalar, clear::ROW.name);
            cx.ir().int(1)
        }
        Storage::Array | Storage::Arrays => unreachable!("maps of ours have no names"),
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
