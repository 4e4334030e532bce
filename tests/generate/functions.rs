//! Writes functions of the script, which become subprograms: their parameters, bodies and calls.

use crate::expr::Writer;
use crate::kind::Kind;
use crate::scope::{FunctionDef, Leaves, Var};
use crate::tree::Node;

/// How deep the statements of a body seem to be: loops in functions that are called in loops must not be more than the kernel's frames.
const BODY_DEPTH: u32 = 2;

impl Writer<'_, '_> {
    /// Some functions. Each may call those before it.
    pub fn functions(&mut self) -> Vec<Node> {
        if self.scope.rules.plain || self.dice.percent(50) {
            return Vec::new();
        }
        (0..1 + self.dice.below(2)).map(|at| self.function(format!("fun{at}"))).collect()
    }

    fn function(&mut self, name: String) -> Node {
        let params: Vec<Kind> = (0..self.dice.below(4)).map(|_| self.kind(1)).collect();
        let gives = self.dice.percent(80).then(|| self.kind(1));
        let known: Vec<Var> = std::mem::take(&mut self.scope.vars);
        let mut texts = Vec::new();
        for kind in &params {
            let param = self.scope.fresh("$p");
            texts.push(match self.written_type(kind) {
                Some(ty) => format!("{param} : {ty}"),
                None => param.clone(),
            });
            self.scope.vars.push(Var { name: param, kind: kind.clone(), assignable: true });
        }
        let result = gives.as_ref().and_then(|kind| self.written_type(kind)).map(|ty| format!(" : {ty}")).unwrap_or_default();
        // No probe has this name: what only some probes offer is offered by none.
        let probe_type = std::mem::replace(&mut self.scope.probe_type, "fn".to_string());
        self.scope.leaves = gives.clone().map_or(Leaves::Nothing, Leaves::Value);
        let count = 1 + self.dice.below(5);
        let mut kids = self.block(count, BODY_DEPTH);
        if let Some(kind) = &gives {
            kids.push(Node::line(format!("return {};", self.expr(kind, 2))));
        }
        self.scope.leaves = Leaves::Probe;
        self.scope.probe_type = probe_type;
        self.scope.vars = known;
        let head = format!("fn {name}({}){result}", texts.join(", "));
        self.scope.functions.push(FunctionDef { name, params, gives });
        Node::block(head, kids)
    }

    /// The type of a parameter or of the value, where it is given: else the compiler finds it.
    fn written_type(&mut self, kind: &Kind) -> Option<String> {
        match kind {
            Kind::Int if self.dice.percent(60) => Some(self.dice.word_of(&["int64", "uint64", "int32", "uint32", "uint16", "int8"])),
            Kind::Bool if self.dice.percent(40) => Some("bool".to_string()),
            Kind::Str if self.dice.percent(40) => Some("string".to_string()),
            Kind::Int | Kind::Bool | Kind::Str | Kind::Buf | Kind::Array(..) | Kind::Pointer(_) | Kind::Enum(_) => None,
            Kind::Tuple(_) | Kind::Record(_) | Kind::Other(_) => None,
        }
    }

    /// Calls of all functions, or the types of their parameters would not be known.
    pub fn first_calls(&mut self) -> Vec<Node> {
        let functions = self.scope.functions.clone();
        functions.iter().map(|function| Node::line(format!("{};", self.call_of(function, 1)))).collect()
    }

    /// A call of some function that gives such a value, or any for its effect.
    pub fn function_call(&mut self, wanted: Option<&Kind>, depth: u32) -> Option<String> {
        let fits = |function: &&FunctionDef| wanted.is_none() || function.gives.as_ref() == wanted;
        let found: Vec<FunctionDef> = self.scope.functions.iter().filter(fits).cloned().collect();
        if found.is_empty() || self.scope.unordered {
            return None;
        }
        let function = self.dice.pick(&found).clone();
        Some(self.call_of(&function, depth.min(2)))
    }

    fn call_of(&mut self, function: &FunctionDef, depth: u32) -> String {
        let args: Vec<String> = function.params.iter().map(|kind| self.expr(kind, depth.saturating_sub(1))).collect();
        format!("{}({})", function.name, args.join(", "))
    }
}
