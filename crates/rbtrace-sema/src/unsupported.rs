//! What the grammar reads but no pass understands yet: said once, plainly, where it stands.

use rbtrace_diag::{Diagnostic, Sink, Span};
use rbtrace_syntax::ast::{Item, Program};

/// Pushes an error for each construct that cannot be compiled yet.
pub(crate) fn check(program: &Program, sink: &mut Sink) {
    for item in &program.items {
        match item {
            Item::Function(item) => refuse(sink, item.name.span, "subprograms"),
            Item::C(_) | Item::Config(_) | Item::Import(_) | Item::Macro(_) | Item::MapDecl(_) | Item::Probe(_) => {}
        }
    }
}

fn refuse(sink: &mut Sink, span: Span, what: &str) {
    sink.push(Diagnostic::error(span, format!("{what} are not supported by this version of rbtrace")));
}
