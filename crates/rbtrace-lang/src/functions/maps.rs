//! Arguments that are maps: their checks, and events about whole maps. Shared by the functions on maps.

use rbtrace_diag::Diagnostic;
use rbtrace_syntax::ast::Expr;

use crate::compile::{Call, LowerCx, MapInfo, TypeCx};

/// The name of a map used whole, and what is known of it; says so where the argument is none.
pub(super) fn whole(cx: &mut dyn TypeCx, function: &str, arg: &Expr) -> Option<(String, MapInfo)> {
    let map = cx.map(arg);
    if map.is_none() {
        let error = Diagnostic::error(arg.span, format!("{function}() expects a map argument")).because("this is no whole map");
        let element = cx.map_element(arg);
        cx.report(match element {
            Some((name, _)) => error.hint(format!("`@{name}` is the whole map")),
            None => error,
        });
    }
    map
}

/// The same for a map with keys. `call` is how the message names the call.
pub(super) fn keyed(cx: &mut dyn TypeCx, function: &str, call: &str, arg: &Expr) -> Option<String> {
    let (name, info) = whole(cx, function, arg)?;
    if info.key.is_none() {
        let message = format!("call to {call} expects a map with explicit keys (non-scalar map)");
        cx.report(Diagnostic::error(arg.span, message).because(format!("`@{name}` is a single value")));
    }
    Some(name)
}

/// The key of a map takes part in finding the type of its keys. That of a map without keys does not: `keyed` has something to say then.
pub(super) fn key(cx: &mut dyn TypeCx, map: &Expr, key: &Expr) {
    match cx.map(map) {
        Some((name, info)) if info.key.is_some() => cx.constrain_key(&name, key),
        Some(_) | None => drop(cx.type_of(key)),
    }
}

/// Emits an event about a map.
pub(super) fn emit(cx: &mut dyn LowerCx, call: &Call, map: &Expr, handler: &str) {
    if let Some((name, _)) = cx.map(map) {
        let mut event = cx.event(handler, call.span);
        event.maps.push(cx.map_id(&name));
        cx.emit(event, &[]);
    }
}
