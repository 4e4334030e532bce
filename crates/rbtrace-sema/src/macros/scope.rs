//! What the words of a text mean while it is copied: a probe's own text, or the body of a macro with what its caller passed.

use std::collections::HashMap;
use std::rc::Rc;

use rbtrace_diag::Span;
use rbtrace_syntax::ast::{Arg, MacroParam};

use super::definitions::Definition;

/// Stands between a variable's written name and its mark. No script can write it.
const MARK: char = '\'';

/// The name as it was written, without the mark of an expansion.
pub(crate) fn written_name(name: &str) -> &str {
    name.split(MARK).next().unwrap_or(name)
}

/// An argument and the scope it was written in.
#[derive(Clone)]
pub(super) struct Passed {
    pub arg: Rc<Arg>,
    pub scope: Rc<Scope>,
}

/// The call that a scope came from, and the calls around it.
pub(super) struct Link {
    pub definition: Rc<Definition>,
    pub call: Span,
    pub outer: Option<Rc<Link>>,
}

/// See the module.
#[derive(Clone, Default)]
pub(super) struct Scope {
    /// What parameters without a sigil stand for.
    pub exprs: HashMap<String, Passed>,
    variables: HashMap<String, String>,
    /// Variables that this use of an argument declares.
    own: HashMap<String, String>,
    maps: HashMap<String, String>,
    /// The mark of this expansion's own variables; none in the text of a probe.
    mark: Option<u32>,
    /// The innermost call.
    pub link: Option<Rc<Link>>,
}

impl Scope {
    /// The text of a probe.
    pub fn root() -> Rc<Self> {
        Rc::default()
    }

    /// The body of a macro. Its arguments fit its parameters.
    pub fn of_call(link: Link, args: &[Rc<Arg>], caller: &Rc<Scope>, mark: u32) -> Rc<Self> {
        let definition = link.definition.clone();
        let mut scope = Scope { mark: Some(mark), link: Some(Rc::new(link)), ..Scope::default() };
        if definition.is_c {
            // Words are those of the whole script all the same: that a macro around happens to call a parameter so is no reason.
            let link = scope.link;
            scope = Scope { exprs: HashMap::new(), link, ..(**caller).clone() };
        }
        for (param, arg) in definition.item.params.iter().zip(args) {
            match (&param.node, caller.kind(arg)) {
                (MacroParam::Variable(name), ArgKind::Variable(passed)) => drop(scope.variables.insert(name.clone(), passed)),
                (MacroParam::Map(name), ArgKind::Map(passed)) => drop(scope.maps.insert(name.clone(), passed)),
                (MacroParam::Expr(name), _) => {
                    drop(scope.exprs.insert(name.clone(), Passed { arg: arg.clone(), scope: caller.clone() }));
                }
                (MacroParam::Variable(_) | MacroParam::Map(_), _) => unreachable!("the definition was chosen because its parameters fit"),
            }
        }
        Rc::new(scope)
    }

    /// The same scope, but variables of these names are new ones: what an argument declares exists once for every use of it.
    pub fn with_own(self: &Rc<Self>, names: &[String], mark: u32) -> Rc<Self> {
        let mut scope = (**self).clone();
        for name in names {
            let fresh = format!("{}{MARK}{mark}", written_name(name));
            scope.own.insert(name.clone(), fresh);
        }
        Rc::new(scope)
    }

    /// What `$name` is called from now on.
    pub fn variable(&self, name: &str) -> String {
        match self.own.get(name).or(self.variables.get(name)) {
            Some(known) => known.clone(),
            None => self.declared(name),
        }
    }

    /// What `let $name` makes. It is never what a caller passed, although a parameter may be called the same: that is an error.
    pub fn declared(&self, name: &str) -> String {
        match (self.own.get(name), self.mark) {
            (Some(own), _) => own.clone(),
            (None, Some(mark)) => format!("{name}{MARK}{mark}"),
            (None, None) => name.to_string(),
        }
    }

    /// What `@name` is called from now on; none if a macro reaches for a map that was not passed to it.
    pub fn map(&self, name: &str) -> Option<String> {
        match (self.maps.get(name), self.mark) {
            (Some(passed), _) => Some(passed.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(name.to_string()),
        }
    }

    /// Whether this is text of the standard library: it calls its own macros, whatever a script calls the same.
    pub fn is_library(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.definition.library)
    }

    /// What an argument is, seen through parameters that are passed on.
    pub fn kind(&self, arg: &Arg) -> ArgKind {
        use rbtrace_syntax::ast::ExprKind;
        let Arg::Expr(expr) = arg else { return ArgKind::Other };
        if let ExprKind::Variable(name) = &expr.kind {
            return ArgKind::Variable(self.variable(name));
        }
        if let ExprKind::Map(name) = &expr.kind {
            return self.map(name).map_or(ArgKind::Other, ArgKind::Map);
        }
        let ExprKind::Ident(name) = &expr.kind else { return ArgKind::Other };
        self.exprs.get(name).map_or(ArgKind::Other, |passed| passed.scope.kind(&passed.arg))
    }
}

/// What an argument can be bound to; a name is the one it has in the program that comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ArgKind {
    Variable(String),
    Map(String),
    Other,
}
