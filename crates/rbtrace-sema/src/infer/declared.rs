//! Map declarations (SPEC §2.6): `let @name = kind(N);` → what is known of a map before it is used, and whether its use fits.

use indexmap::IndexMap;
use rbtrace_diag::{Diagnostic, Sink};
use rbtrace_lang::warnings;
use rbtrace_syntax::ast::{Item, MapDecl, Program};
use rbtrace_types::Type;

use super::{MapState, Ty};

/// A kind of map.
struct Kind {
    name: &'static str,
    /// Whether every CPU has its own values, which only aggregations can put together.
    per_cpu: bool,
}

const KINDS: [Kind; 4] = [
    Kind { name: "percpulruhash", per_cpu: true },
    Kind { name: "percpuhash", per_cpu: true },
    Kind { name: "lruhash", per_cpu: false },
    Kind { name: "hash", per_cpu: false },
];

/// The maps that are declared.
pub(super) fn maps(program: &Program, sink: &mut Sink) -> IndexMap<String, MapState> {
    let mut maps = IndexMap::<String, MapState>::new();
    for item in &program.items {
        let Item::MapDecl(decl) = item else { continue };
        refuse_unknown(decl, sink);
        let declared = Some((decl.kind.node.clone(), decl.entries.node));
        let state = MapState { key: None, value: Ty::VOID, first: decl.name.span, declared, deletes: false };
        if let Some(first) = maps.insert(decl.name.node.clone(), state) {
            let error = Diagnostic::error(decl.name.span, format!("map `@{}` is declared twice", decl.name.node));
            sink.push(error.because("declared again here").label(first.first, "this is the first declaration"));
        }
    }
    maps
}

fn refuse_unknown(decl: &MapDecl, sink: &mut Sink) {
    if KINDS.iter().all(|kind| kind.name != decl.kind.node) {
        let error = Diagnostic::error(decl.kind.span, format!("Invalid bpf map type: {}", decl.kind.node)).because("no kind of map");
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        sink.push(error.hint(format!("Valid map types: {}", names.join(", "))));
    }
    if u32::try_from(decl.entries.node).map_or(true, |entries| entries == 0) {
        let error = Diagnostic::error(decl.entries.span, "a map has 1 to 4294967295 entries");
        sink.push(error.because(format!("this is {}", decl.entries.node)));
    }
}

/// Whether declarations are used, and as what they say.
pub(super) fn check(maps: &IndexMap<String, MapState>, sink: &mut Sink) {
    for (name, map) in maps {
        let Some((declared, _)) = &map.declared else { continue };
        if map.key.is_none() && map.value.ty == Type::Void {
            sink.push(warnings::UNUSED_MAP.at(map.first, format!("Unused map: @{name}")));
            continue;
        }
        let Some(kind) = KINDS.iter().find(|kind| kind.name == declared) else { continue };
        let wanted = matches!(map.value.ty, Type::Aggregate(_));
        if map.value.ty == Type::Void || kind.per_cpu == wanted {
            continue;
        }
        let needed = if wanted { "percpuhash" } else { "hash" };
        let message = format!("Incompatible map types. Type from declaration: {declared}. Type from value/key type: {needed}");
        let why = if wanted { "aggregations count on every CPU for itself" } else { "only aggregations have values on every CPU" };
        sink.push(Diagnostic::error(map.first, message).because(why).hint(format!("declare it as `{needed}` or `{}`", lru(needed))));
    }
}

/// The kind that forgets what was used longest ago.
fn lru(kind: &str) -> String {
    kind.replace("hash", "lruhash")
}
