//! Subprograms (SPEC §2.5): what is defined, and who calls whom. None may call itself, not even through others: the verifier follows every
//! call, and their memory is laid out while the script is compiled.

use indexmap::IndexMap;
use rbtrace_diag::{Diagnostic, Sink, Span};
use rbtrace_lang::{aggregations, functions, variables};
use rbtrace_syntax::ast::{Expr, ExprKind, Function, Item, Probe, Program};

use crate::walk::{self, Node};

/// A subprogram.
pub(crate) struct Definition {
    /// As it was written, macros replaced.
    pub item: Function,
    /// Its body in the shape that the passes take.
    pub probe: Probe,
    /// Whether anything calls it.
    pub called: bool,
}

/// The functions of a program, by name, in order of the script.
pub(crate) fn collect(program: &Program, sink: &mut Sink) -> IndexMap<String, Definition> {
    let mut defined = IndexMap::<String, Definition>::new();
    for item in &program.items {
        let Item::Function(item) = item else { continue };
        let (name, span) = (&item.name.node, item.name.span);
        if is_builtin(name) {
            let error = Diagnostic::error(span, format!("`{name}` is a builtin")).because("a function cannot have its name");
            sink.push(error.hint("a macro of this name would replace it"));
            continue;
        }
        if let Some(first) = defined.get(name) {
            let error = Diagnostic::error(span, format!("Redefinition of function: {name}")).because("defined again here");
            sink.push(error.label(first.item.name.span, "This is the original definition."));
            continue;
        }
        let probe = Probe { span: item.body.span, attach_points: Vec::new(), predicate: None, body: item.body.clone() };
        defined.insert(name.clone(), Definition { item: item.clone(), probe, called: false });
    }
    if !defined.is_empty() {
        note_calls(program, &mut defined, sink);
    }
    defined
}

fn is_builtin(name: &str) -> bool {
    functions::by_name(name).is_some() || variables::by_name(name).is_some() || aggregations::by_name(name).is_some()
}

fn note_calls(program: &Program, defined: &mut IndexMap<String, Definition>, sink: &mut Sink) {
    let mut called = Vec::new();
    walk::program(program, &mut |node| {
        if let Node::Expr(Expr { kind: ExprKind::Call { function, .. }, .. }) = node {
            called.extend(defined.get_index_of(&function.node));
        }
    });
    for at in called {
        defined[at].called = true;
    }
    let calls: Vec<Vec<(usize, Span)>> = defined.values().map(|definition| calls(definition, defined)).collect();
    let mut done = vec![false; calls.len()];
    for at in 0..calls.len() {
        let mut chain = Vec::new();
        if let Some(span) = returns_to_itself(at, &calls, &mut done, &mut chain) {
            let names: Vec<&str> = chain.iter().filter_map(|at| defined.get_index(*at)).map(|(name, _)| name.as_str()).collect();
            let error = Diagnostic::error(span, format!("Recursive call of a function: {}", names.join(" > ")));
            sink.push(error.because("this call leads back to the function that it is in").hint("a loop can do what recursion does"));
            return;
        }
    }
}

/// The functions that a function calls.
fn calls(definition: &Definition, defined: &IndexMap<String, Definition>) -> Vec<(usize, Span)> {
    let mut found = Vec::new();
    walk::block(&definition.item.body, &mut |node| {
        if let Node::Expr(Expr { kind: ExprKind::Call { function, .. }, span, .. }) = node {
            found.extend(defined.get_index_of(&function.node).map(|at| (at, *span)));
        }
    });
    found
}

/// The call that closes a circle; `chain` is then the way around. What is done was found to lead nowhere.
fn returns_to_itself(at: usize, calls: &[Vec<(usize, Span)>], done: &mut [bool], chain: &mut Vec<usize>) -> Option<Span> {
    if done[at] {
        return None;
    }
    chain.push(at);
    for &(callee, span) in &calls[at] {
        if let Some(start) = chain.iter().position(|known| *known == callee) {
            chain.drain(..start);
            chain.push(callee);
            return Some(span);
        }
        if let Some(found) = returns_to_itself(callee, calls, done, chain) {
            return Some(found);
        }
    }
    chain.pop();
    done[at] = true;
    None
}
