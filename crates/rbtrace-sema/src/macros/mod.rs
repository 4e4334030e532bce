//! Macros (SPEC §2.4): a program with macros → the same program without them, every expression numbered anew.
//!
//! Runs before names are resolved and knows no types. What the body of a macro names is private, so its variables get a mark that no script
//! can write; what a caller passes keeps the meaning it has where it was written, however deep it is passed on. Macros of C are text of the
//! place where they are used: their variables and maps are those that are known there.

mod check;
mod copy;
mod definitions;
mod expansions;
mod scope;
mod types;

use rbtrace_diag::{Sink, Sources};
use rbtrace_syntax::ast::{Function, Item, Macro, Probe, Program};

use copy::Copier;
use definitions::Definitions;
pub(crate) use expansions::Expansions;
pub(crate) use scope::written_name;

/// A program without macros.
pub(crate) struct Expanded {
    /// Its expressions have new numbers.
    pub program: Program,
    /// Which of them came out of macros.
    pub expansions: Expansions,
}

/// Replaces every call of a macro, those of C too. Files of the standard library that turn out to be needed are added to the sources.
pub(crate) fn expand(program: &Program, c_macros: Vec<Macro>, sources: &mut Sources, sink: &mut Sink) -> Expanded {
    let definitions = Definitions::collect(program, c_macros, sources, sink);
    let mut copier = Copier::new(definitions, sink);
    let items = program.items.iter().filter_map(|item| copier.item(item)).collect();
    let (expr_count, expansions) = copier.finish();
    Expanded { program: Program { items, expr_count }, expansions }
}

impl Copier<'_> {
    /// A definition is gone once its calls are replaced.
    fn item(&mut self, item: &Item) -> Option<Item> {
        let root = scope::Scope::root();
        Some(match item {
            Item::Macro(_) => return None,
            Item::C(text) => Item::C(text.clone()),
            Item::Config(config) => Item::Config(config.clone()),
            Item::Import(path) => Item::Import(path.clone()),
            Item::MapDecl(decl) => Item::MapDecl(decl.clone()),
            Item::Function(function) => Item::Function(Function { body: self.block(&function.body, &root), ..function.clone() }),
            Item::Probe(probe) => Item::Probe(Probe {
                span: probe.span,
                attach_points: probe.attach_points.clone(),
                predicate: probe.predicate.as_ref().map(|predicate| self.expr(predicate, &root)),
                body: self.block(&probe.body, &root),
            }),
        })
    }
}
