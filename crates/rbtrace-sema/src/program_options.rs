//! Named parameters of a script (SPEC §6.6): which ones it asks for, and whether those that were given are among them.

use indexmap::IndexMap;
use rbtrace_diag::{Diagnostic, Sink};
use rbtrace_lang::functions::getopt;
use rbtrace_syntax::ast::{Arg, Expr, ExprKind, Program};

use crate::fold;
use crate::shared::Shared;
use crate::walk::{self, Node};

/// Says which parameters are asked for in two ways, and which were given for nothing.
pub(crate) fn check(program: &Program, shared: &Shared, sink: &mut Sink) {
    let mut asked = Asked { known: IndexMap::new(), shared, sink };
    walk::program(program, &mut |node| match node {
        Node::Expr(expr) => asked.expr(expr),
        Node::Stmt(_) => {}
    });
    let known = asked.known;
    let unknown = shared.options.named.iter().filter(|(name, _)| !known.contains_key(name));
    let unknown: Vec<String> = unknown.map(|(name, _)| format!("--{name}")).collect();
    if unknown.is_empty() {
        return;
    }
    let error = Diagnostic::general(format!("unexpected program command line options: {}", unknown.join(", ")));
    let lines: Vec<String> = known
        .iter()
        .map(|(name, option)| match &option.description {
            Some(text) => format!("--{name}: {}", String::from_utf8_lossy(text)),
            None => format!("--{name}"),
        })
        .collect();
    sink.push(error.hint(match lines.as_slice() {
        [] => "this script has no program options".to_string(),
        [one] => format!("expected program options: {one}"),
        many => format!("expected program options:\n{}", many.join("\n")),
    }));
}

/// How a parameter is asked for.
struct Asking {
    default: Option<Default>,
    description: Option<Vec<u8>>,
}

/// A default as it can be compared.
#[derive(PartialEq)]
enum Default {
    Int(i128),
    Bool(bool),
    Text(Vec<u8>),
}

impl std::fmt::Display for Default {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(&String::from_utf8_lossy(text)),
        }
    }
}

struct Asked<'a> {
    known: IndexMap<String, Asking>,
    shared: &'a Shared<'a>,
    sink: &'a mut Sink,
}

impl Asked<'_> {
    fn expr(&mut self, expr: &Expr) {
        let ExprKind::Call { function, args } = &expr.kind else { return };
        if function.node != getopt::ROW.name {
            return;
        }
        let args: Vec<&Expr> = args
            .iter()
            .filter_map(|arg| match arg {
                Arg::Expr(arg) => Some(arg),
                Arg::Type(_) => None,
            })
            .collect();
        // What is wrong with the arguments themselves is the row's to say.
        let Some(name) = args.first().and_then(|name| fold::string(name)) else { return };
        let name = String::from_utf8_lossy(&name).into_owned();
        let asking = Asking {
            default: args.get(1).and_then(|default| self.default(default)),
            description: args.get(2).and_then(|text| fold::string(text)),
        };
        match self.known.get(&name) {
            None => drop(self.known.insert(name, asking)),
            Some(first) => self.compare(&name, first.differs(&asking), expr),
        }
    }
}

impl Asking {
    /// What two ways of asking disagree about, and what the first one said.
    fn differs(&self, other: &Self) -> Option<(&'static str, String)> {
        let text = |text: &Option<Vec<u8>>| text.as_ref().map_or("none".to_string(), |text| String::from_utf8_lossy(text).into_owned());
        if self.default != other.default {
            return Some(("default value", self.default.as_ref().map_or("none".to_string(), Default::to_string)));
        }
        (self.description != other.description).then(|| ("description", text(&self.description)))
    }
}

impl Asked<'_> {
    fn default(&self, expr: &Expr) -> Option<Default> {
        if let ExprKind::Bool(value) = expr.kind {
            return Some(Default::Bool(value));
        }
        match fold::int(expr, self.shared) {
            Ok(Some(value)) => Some(Default::Int(value)),
            Ok(None) | Err(_) => fold::string(expr).map(Default::Text),
        }
    }

    fn compare(&mut self, name: &str, difference: Option<(&'static str, String)>, expr: &Expr) {
        let Some((what, first)) = difference else { return };
        let message =
            format!("Command line option '{name}' needs to have the same {what} in all places it is used. Previous {what}: {first}");
        self.sink.push(Diagnostic::error(expr.span, message).because("asked for in another way here"));
    }
}
