//! Calls of subprograms during inference: types flow into parameters and out of `return`, as they do into maps.

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_syntax::ast::{Expr, Name};
use rbtrace_types::Type;

use super::{Infer, Ty, join};
use crate::functions::Definition;

/// What is known of a function.
#[derive(Clone, Debug)]
pub(crate) struct FunctionState {
    /// Types of its parameters; `Void` while unknown.
    pub params: Vec<Ty>,
    /// The type of its value; `Void` if it has none, or while it is unknown.
    pub result: Ty,
    /// Whether the script says its type.
    declared: bool,
    /// Whether some `return` has a value.
    returns: bool,
}

impl FunctionState {
    /// Nothing known.
    pub fn new(definition: &Definition) -> Self {
        let item = &definition.item;
        Self { params: vec![Ty::VOID; item.params.len()], result: Ty::VOID, declared: item.result.is_some(), returns: false }
    }
}

impl Infer<'_> {
    /// A call of a function of the script; `None`: there is none of this name.
    pub(super) fn function_call(&mut self, function: &Name, span: Span, args: &[&Expr]) -> Option<Ty> {
        let at = self.definitions.get_index_of(&function.node)?;
        let count = self.states[at].params.len();
        if !self.count_args(&function.node, (count, count), args.len(), span) {
            return Some(Ty::VOID);
        }
        for (param, arg) in args.iter().enumerate() {
            let ty = self.value(arg);
            self.pass(at, param, arg.span, &ty);
        }
        Some(self.states[at].result.clone())
    }

    /// A value goes into a parameter.
    fn pass(&mut self, at: usize, param: usize, span: Span, new: &Ty) {
        let definition = &self.definitions[at];
        let (name, declared) = &definition.item.params[param];
        let known = self.states[at].params[param].clone();
        match held(&known, new, declared.is_some()) {
            Some(joined) if joined != known => {
                self.states[at].params[param] = joined;
                self.changed = true;
            }
            Some(_) => {}
            None => {
                let message = format!("Type mismatch for ${}: trying to pass a value of type '{}' as '{}'", name.node, new.ty, known.ty);
                let error = Diagnostic::error(span, message).because(format!("this is `{}`", new.ty));
                self.sink.push(error.label(name.span, format!("the parameter is `{}`", known.ty)));
            }
        }
    }

    /// Before a function's body is looked at: its parameters and its value have the types that are written, or those that came so far.
    pub(super) fn enter_function(&mut self, at: usize) {
        let definition = &self.definitions[at];
        for param in 0..definition.item.params.len() {
            let passed = self.states[at].params[param].clone();
            if definition.item.params[param].1.is_none() {
                self.vars[param] = join(&self.vars[param], &passed).unwrap_or(passed);
            }
        }
        if let Some(written) = &definition.item.result
            && self.states[at].result == Ty::VOID
            && let Some(ty) = self.written_type(written)
        {
            self.states[at].result = Ty::fixed(ty);
        }
    }

    /// After a function's body was looked at.
    pub(super) fn leave_function(&mut self, at: usize) {
        let definition = &self.definitions[at];
        for param in 0..definition.item.params.len() {
            let found = self.vars[param].clone();
            let known = &mut self.states[at].params[param];
            // A text that was passed may need more room than the body of the function gives it.
            let joined = join(known, &found).unwrap_or(found);
            if *known != joined {
                *known = joined;
                self.changed = true;
            }
            self.vars[param] = self.states[at].params[param].clone();
            if self.last && self.vars[param].ty == Type::Void && self.sink.error_within(definition.item.params[param].0.span).is_none() {
                let name = &definition.item.params[param].0;
                let error = Diagnostic::error(name.span, format!("the type of `${}` is not known", name.node));
                self.sink.push(error.because("no call says it").hint(format!("write it: `${} : int64`", name.node)));
            }
        }
        let state = &self.states[at];
        if self.last && state.declared && state.result.ty != Type::Void && !state.returns {
            let name = &definition.item.name;
            let error = Diagnostic::error(name.span, format!("`{}` returns no value", name.node));
            self.sink.push(error.because(format!("it says that its value is `{}`", state.result.ty)).hint("end it with `return …;`"));
        }
    }

    /// `return` and `return e` inside a function.
    pub(super) fn return_from_function(&mut self, at: usize, span: Span, value: Option<&Expr>) {
        let ty = value.map(|value| self.value(value));
        let state = &mut self.states[at];
        let known = state.result.clone();
        let name = &self.definitions[at].item.name;
        let Some((new, value)) = ty.zip(value) else {
            if self.last && known.ty != Type::Void {
                let error = Diagnostic::error(span, format!("`{}` must return a value of type `{}`", name.node, known.ty));
                self.sink.push(error.because("this returns none").label(name.span, "the function"));
            }
            return;
        };
        state.returns = true;
        let is_void = state.declared && known.ty == Type::Void;
        match held(&known, &new, state.declared).filter(|_| !is_void) {
            Some(joined) if joined != known => {
                state.result = joined;
                self.changed = true;
            }
            Some(_) => {}
            None => {
                let message = format!("Function {} is of type {}, cannot return {}", name.node, known.ty, new.ty);
                let error = Diagnostic::error(value.span, message).because(format!("this is `{}`", new.ty));
                self.sink.push(error.label(name.span, "the function"));
            }
        }
    }
}

/// What holds a new value besides the old ones: the written type, with as much room as texts need, or the type of both. `None`: nothing.
pub(super) fn held(known: &Ty, new: &Ty, declared: bool) -> Option<Ty> {
    let joined = join(known, new);
    if !declared {
        return joined;
    }
    // `typeof(…)` of what is not known yet.
    if known.ty == Type::Void {
        return Some(known.clone());
    }
    let fits = match (&known.ty, &new.ty) {
        (Type::String(room), Type::String(need)) if *room > 1 => need <= room,
        (Type::Int(_) | Type::Bool, other) => other.is_integer() || *other == Type::Void,
        _ => joined.is_some(),
    };
    let grows = matches!(known.ty, Type::String(1) | Type::Buffer(0));
    fits.then(|| if grows { joined.unwrap_or(known.clone()) } else { known.clone() })
}
