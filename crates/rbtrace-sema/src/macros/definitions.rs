//! The macros that are defined, the script's and the library's, and which of those of one name a call means.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rbtrace_diag::{Diagnostic, Sink, Sources, Span};
use rbtrace_syntax::ast::{Arg, Item, Macro, MacroParam, Program};
use rbtrace_syntax::parse;

use super::check;
use super::scope::{ArgKind, Scope};
use crate::stdlib;

/// A macro.
pub(super) struct Definition {
    pub item: Macro,
    /// Whether it is part of the standard library.
    pub library: bool,
    /// Whether it is one of C.
    pub is_c: bool,
}

type Table = HashMap<String, Vec<Rc<Definition>>>;

/// See the module.
pub(super) struct Definitions<'s> {
    script: Table,
    library: Table,
    loaded: BTreeSet<&'static str>,
    sources: &'s mut Sources,
}

impl<'s> Definitions<'s> {
    /// The macros of a script. Those of the library are read when a script calls them.
    pub fn collect(program: &Program, c_macros: Vec<Macro>, sources: &'s mut Sources, sink: &mut Sink) -> Self {
        let own = written(program).map(|item| Definition { item, library: false, is_c: false });
        let script = table(own.chain(c_macros.into_iter().map(|item| Definition { item, library: false, is_c: true })), sink);
        Self { script, library: Table::new(), loaded: BTreeSet::new(), sources }
    }

    /// Everything a name may mean, seen from a scope: what replaces comes first.
    pub fn named(&mut self, name: &str, scope: &Scope, sink: &mut Sink) -> Vec<Rc<Definition>> {
        self.load(name, sink);
        let script = self.script.get(name).filter(|_| !scope.is_library());
        script.into_iter().chain(self.library.get(name)).flatten().cloned().collect()
    }

    fn load(&mut self, name: &str, sink: &mut Sink) {
        let Some(file) = stdlib::file_of(name) else { return };
        if !self.loaded.insert(file.name) {
            return;
        }
        let id = self.sources.add(file.name, file.text);
        let program = parse(self.sources, id, sink);
        self.library.extend(table(written(&program).map(|item| Definition { item, library: true, is_c: false }), sink));
    }
}

fn written(program: &Program) -> impl Iterator<Item = Macro> {
    program.items.iter().filter_map(|item| match item {
        Item::Macro(item) => Some(item.clone()),
        Item::C(_) | Item::Config(_) | Item::Import(_) | Item::MapDecl(_) | Item::Function(_) | Item::Probe(_) => None,
    })
}

fn table(definitions: impl Iterator<Item = Definition>, sink: &mut Sink) -> Table {
    let mut table = Table::new();
    for definition in definitions {
        let item = &definition.item;
        check::check(item, sink);
        let same_name = table.entry(item.name.node.clone()).or_default();
        if let Some(first) = same_name.iter().find(|other| alike(&other.item, item)) {
            let again = Diagnostic::error(item.name.span, format!("Redefinition of macro: {}", item.name.node));
            sink.push(again.because("same parameters").label(first.item.name.span, "This is the original definition."));
            continue;
        }
        same_name.push(Rc::new(definition));
    }
    table
}

/// Whether no call could tell two macros apart.
fn alike(a: &Macro, b: &Macro) -> bool {
    let kinds = |of: &Macro| -> Vec<std::mem::Discriminant<MacroParam>> {
        of.params.iter().map(|param| std::mem::discriminant(&param.node)).collect()
    };
    kinds(a) == kinds(b)
}

/// The definition whose parameters fit best; the script's before the library's.
pub(super) fn choose(candidates: &[Rc<Definition>], args: &[Rc<Arg>], scope: &Scope) -> Option<Rc<Definition>> {
    let kinds: Vec<ArgKind> = args.iter().map(|arg| scope.kind(arg)).collect();
    let mut best: Option<(usize, &Rc<Definition>)> = None;
    for candidate in candidates.iter().filter(|candidate| fits(candidate, &kinds)) {
        let exact = candidate.item.params.iter().filter(|param| !matches!(param.node, MacroParam::Expr(_))).count();
        let is_better = |(known, other): (usize, &Rc<Definition>)| other.library == candidate.library && exact > known;
        if best.is_none_or(is_better) {
            best = Some((exact, candidate));
        }
    }
    best.map(|(_, definition)| definition.clone())
}

fn fits(definition: &Definition, kinds: &[ArgKind]) -> bool {
    let params = &definition.item.params;
    params.len() == kinds.len() && params.iter().zip(kinds).all(|(param, kind)| takes(&param.node, kind))
}

fn takes(param: &MacroParam, kind: &ArgKind) -> bool {
    match param {
        MacroParam::Variable(_) => matches!(kind, ArgKind::Variable(_)),
        MacroParam::Map(_) => matches!(kind, ArgKind::Map(_)),
        MacroParam::Expr(_) => true,
    }
}

/// What is wrong with a call that fits no definition.
pub(super) fn mismatch(name: &str, span: Span, candidates: &[Rc<Definition>], args: &[Rc<Arg>], scope: &Scope) -> Diagnostic {
    let kinds: Vec<ArgKind> = args.iter().map(|arg| scope.kind(arg)).collect();
    let error = Diagnostic::error(span, format!("Call to {name}() has arguments that do not match any definition."));
    let distance = |definition: &&Rc<Definition>| {
        let params = &definition.item.params;
        let wrong = params.iter().zip(&kinds).filter(|(param, kind)| !takes(&param.node, kind)).count();
        (params.len().abs_diff(kinds.len()), wrong)
    };
    let Some(closest) = candidates.iter().min_by_key(distance) else { return error };
    let params = &closest.item.params;
    if params.len() != kinds.len() {
        let text = format!(
            "The closest definition of {name}() has a different number of arguments. Expected: {} but got {}",
            params.len(),
            kinds.len()
        );
        return error.because("no definition takes these").label(closest.item.name.span, text);
    }
    let mut wrong = params.iter().zip(&kinds).zip(args).filter(|((param, kind), _)| !takes(&param.node, kind));
    let Some(((param, kind), arg)) = wrong.next() else { return error };
    let got = match kind {
        ArgKind::Variable(_) => "a variable",
        ArgKind::Map(_) => "a map",
        ArgKind::Other => "an expression",
    };
    let wanted = match &param.node {
        MacroParam::Variable(param) => format!("a variable for arg ${param}"),
        MacroParam::Map(param) => format!("a map for arg @{param}"),
        MacroParam::Expr(param) => format!("an expression for arg {param}"),
    };
    let text = format!("Mismatched arg. {name}() expects {wanted} but got {got}.");
    error.label(arg_span(arg), text).label(param.span, "This is the argument in the closest definition.")
}

fn arg_span(arg: &Arg) -> Span {
    match arg {
        Arg::Expr(expr) => expr.span,
        Arg::Type(ty) => ty.span,
    }
}
