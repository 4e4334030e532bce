//! Scratch variables: each `$x` → the declaration it means (SPEC §2.16).
//!
//! Knows scopes, not types. Loops and jumps are checked here too, because that is a question of what encloses what.

use std::collections::HashMap;

use indexmap::IndexMap;
use rbtrace_diag::{Diagnostic, Sink, Span, nearest};
use rbtrace_lang::warnings;
use rbtrace_syntax::ast::{Block, Expr, ExprId, ExprKind, ForOver, Item, Name, Probe, Program, Stmt, StmtKind, TypeRef, UnaryOp};

use crate::functions::Definition;
use crate::macros::{Expansions, written_name};
use crate::walk::{self, Node, Part, parts, type_children};

/// A variable of one probe; an index into [`Names::vars`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct VarId(pub u32);

/// A scratch variable.
#[derive(Clone, Debug)]
pub(crate) struct VarDecl {
    /// Without `$`.
    pub name: String,
    /// Where it was declared.
    pub span: Span,
    /// Made by its first assignment, not by `let` or a loop.
    pub assigned: bool,
    /// `let $x : T`
    pub declared: Option<TypeRef>,
    /// Used outside the block that made it (scripts of 0.21 and before): starts as zero.
    pub hoisted: bool,
    /// `&$x`: it must lie in memory.
    pub addressed: bool,
    /// Something gave it a value before the place that is looked at.
    valued: bool,
}

/// What the names of one probe mean.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// All variables of the probe.
    pub vars: Vec<VarDecl>,
    /// The variable of each `$x` expression.
    pub uses: HashMap<ExprId, VarId>,
    /// The variable that a `let` or a loop declares. The place alone is not enough: the text of a macro stands in many places.
    pub declared: HashMap<Name, VarId>,
}

/// The names of every probe, by its number; behind them those of the functions.
pub(crate) fn resolve(program: &Program, functions: &IndexMap<String, Definition>, expansions: &Expansions, sink: &mut Sink) -> Vec<Names> {
    let probes = program.items.iter().filter_map(|item| match item {
        Item::Probe(probe) => Some(probe),
        Item::C(_) | Item::Config(_) | Item::Import(_) | Item::Macro(_) | Item::MapDecl(_) | Item::Function(_) => None,
    });
    let mut all: Vec<Names> = probes.map(|probe| resolve_body(&[], probe, expansions, sink)).collect();
    all.extend(functions.values().map(|function| resolve_body(&function.item.params, &function.probe, expansions, sink)));
    all
}

/// Parameters are the first variables.
fn resolve_body(params: &[(Name, Option<TypeRef>)], probe: &Probe, expansions: &Expansions, sink: &mut Sink) -> Names {
    let (open, closed, united) = (vec![HashMap::new()], HashMap::new(), HashMap::new());
    let mut scopes = Scopes { names: Names::default(), open, closed, united, loops: 0, expansions, sink };
    for (name, ty) in params {
        scopes.declare(name, ty.clone(), true);
    }
    if let Some(predicate) = &probe.predicate {
        scopes.expr(predicate);
    }
    scopes.block(&probe.body);
    scopes.unite();
    scopes.never_assigned();
    scopes.names
}

struct Scopes<'s> {
    names: Names,
    /// Innermost last.
    open: Vec<HashMap<String, VarId>>,
    /// Names of blocks that ended, created by assignment: old scripts use them later (SPEC §10.3).
    closed: HashMap<String, Vec<VarId>>,
    /// Variables of such blocks that turned out to be another one.
    united: HashMap<VarId, VarId>,
    loops: u32,
    expansions: &'s Expansions,
    sink: &'s mut Sink,
}

impl Scopes<'_> {
    fn block(&mut self, block: &Block) {
        self.open.push(HashMap::new());
        self.block_body(block);
        let ended = self.open.pop().expect("pushed above");
        // Old scripts have no `let`: who writes it means the block.
        for (name, var) in ended.into_iter().filter(|(_, var)| self.names.vars[var.0 as usize].assigned) {
            self.closed.entry(name).or_default().push(var);
        }
    }

    fn block_body(&mut self, block: &Block) {
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
        if let Some(value) = &block.value {
            self.expr(value);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) | StmtKind::Discard(expr) => self.expr(expr),
            StmtKind::Assign { target, value } => self.assign(target, value),
            StmtKind::Compound { target, value, .. } => {
                self.expr(value);
                self.expr(target);
                self.gets_value(target);
            }
            StmtKind::Let { name, ty, value } => {
                ty.iter().for_each(|ty| type_children(ty, &mut |child| self.expr(child)));
                value.iter().for_each(|value| self.expr(value));
                self.declare(name, ty.clone(), value.is_some());
            }
            StmtKind::Unroll { count, body } => {
                self.expr(count);
                self.loop_body(body);
            }
            StmtKind::While { condition, body } => {
                self.expr(condition);
                self.loop_body(body);
            }
            StmtKind::For { variable, over, body } => self.for_loop(variable, over, body),
            StmtKind::Break => self.jump(stmt.span, "break"),
            StmtKind::Continue => self.jump(stmt.span, "continue"),
            StmtKind::Return(value) => value.iter().for_each(|value| self.expr(value)),
            StmtKind::Import(_) | StmtKind::Error => {}
        }
    }

    fn for_loop(&mut self, variable: &Name, over: &ForOver, body: &Block) {
        match over {
            ForOver::Map(map) => self.expr(map),
            ForOver::Range(from, to) => {
                self.expr(from);
                self.expr(to);
            }
        }
        self.open.push(HashMap::new());
        self.declare(variable, None, true);
        self.loop_body(body);
        self.open.pop();
    }

    fn loop_body(&mut self, body: &Block) {
        self.loops += 1;
        self.block(body);
        self.loops -= 1;
    }

    fn jump(&mut self, span: Span, word: &str) {
        if self.loops == 0 {
            let outside = Diagnostic::error(span, format!("`{word}` outside of a loop")).because("no loop encloses this");
            self.sink.push(outside.hint("use `return` to leave the probe"));
        }
    }

    fn assign(&mut self, target: &Expr, value: &Expr) {
        self.expr(value);
        let ExprKind::Variable(name) = &target.kind else { return self.expr(target) };
        let var = self.lookup(name).unwrap_or_else(|| self.create(name, target.span, None));
        self.names.uses.insert(target.id, var);
        self.gets_value(target);
    }

    /// From here on the variable has a value of its own.
    fn gets_value(&mut self, target: &Expr) {
        if let Some(var) = self.names.uses.get(&target.id) {
            self.names.vars[var.0 as usize].valued = true;
        }
    }

    /// What is declared and has no value reads as zero or empty. Said once.
    fn without_value(&mut self, var: VarId, span: Span) {
        let decl = &mut self.names.vars[var.0 as usize];
        if !std::mem::replace(&mut decl.valued, true) {
            let warning = warnings::UNASSIGNED.at(span, format!("Variable used before it was assigned: ${}", decl.name));
            self.sink.push(warning.because("it is zero or empty here").label(decl.span, "declared here, without a value"));
        }
    }

    fn never_assigned(&mut self) {
        for decl in self.names.vars.iter().filter(|decl| !decl.valued) {
            let warning = warnings::UNASSIGNED.at(decl.span, format!("Variable ${} was never assigned to.", decl.name));
            self.sink.push(warning.because("it stays zero or empty"));
        }
    }

    /// A new variable in the innermost block; shadowing is an error.
    fn declare(&mut self, name: &Name, ty: Option<TypeRef>, valued: bool) {
        if let Some(var) = self.lookup(&name.node) {
            let first = self.names.vars[var.0 as usize].span;
            let message = format!("Variable ${} was already declared. Variable shadowing is not allowed.", written_name(&name.node));
            self.sink
                .push(Diagnostic::error(name.span, message).because("declared again here").label(first, "this is the initial declaration"));
        }
        let var = self.create(&name.node, name.span, ty);
        let decl = &mut self.names.vars[var.0 as usize];
        (decl.assigned, decl.valued) = (false, valued);
        self.names.declared.insert(name.clone(), var);
    }

    fn create(&mut self, name: &str, span: Span, declared: Option<TypeRef>) -> VarId {
        let var = VarId(self.names.vars.len() as u32);
        let name_written = written_name(name).to_string();
        self.names.vars.push(VarDecl {
            name: name_written,
            span,
            assigned: true,
            declared,
            hoisted: false,
            addressed: false,
            valued: true,
        });
        self.open.last_mut().expect("the probe's own scope is open").insert(name.to_string(), var);
        var
    }

    fn lookup(&self, name: &str) -> Option<VarId> {
        self.open.iter().rev().find_map(|scope| scope.get(name)).copied()
    }

    fn variable(&mut self, expr: &Expr, name: &str) {
        if let Some(var) = self.lookup(name) {
            self.names.uses.insert(expr.id, var);
            self.without_value(var, expr.span);
        } else if let Some(vars) = self.closed.remove(name) {
            self.hoist(expr, name, &vars);
        } else {
            let name = written_name(name);
            let mut unknown =
                Diagnostic::error(expr.span, format!("Undefined or undeclared variable: ${name}")).because("nothing assigns it before");
            let visible: Vec<String> = self.open.iter().flat_map(|scope| scope.keys()).map(|name| written_name(name).to_string()).collect();
            if visible.iter().any(|other| other == name) {
                unknown = unknown.hint("a macro sees only its own variables and those that it is given");
            } else if let Some(near) = nearest(name, visible.iter().map(String::as_str)) {
                unknown = unknown.hint(format!("did you mean `${near}`?"));
            }
            self.sink.push(unknown);
        }
    }

    /// Variables lived as long as the probe in 0.21 and before; scripts of that time still mean it so, and all blocks mean the same one.
    fn hoist(&mut self, expr: &Expr, name: &str, vars: &[VarId]) {
        let var = *vars.iter().min().expect("a name is closed with a variable");
        self.united.extend(vars.iter().filter(|other| **other != var).map(|other| (*other, var)));
        self.names.vars[var.0 as usize].hoisted = true;
        self.names.uses.insert(expr.id, var);
        self.open[0].insert(name.to_string(), var);
        let name = written_name(name);
        let message = format!("`${name}` is used outside the block that assigns it");
        let warning = warnings::LEGACY_SCOPE.at(expr.span, message).because("it is 0 here when that block did not run");
        let warning = warning.label(self.names.vars[var.0 as usize].span, "assigned here");
        self.sink.push(warning.hint(format!("declare it before the block: `let ${name};`")));
    }

    /// Makes what stood for several blocks' variables stand for the one they are.
    fn unite(&mut self) {
        if self.united.is_empty() {
            return;
        }
        for (other, var) in &self.united {
            self.names.vars[var.0 as usize].addressed |= self.names.vars[other.0 as usize].addressed;
        }
        for var in self.names.uses.values_mut() {
            *var = *self.united.get(var).unwrap_or(var);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        self.expansions.enter(expr, self.sink);
        if let ExprKind::Variable(name) = &expr.kind {
            self.variable(expr, name);
        }
        if let ExprKind::Unary { op: UnaryOp::AddressOf, operand } = &expr.kind {
            self.address_of(operand);
        }
        parts(expr, &mut |part| match part {
            Part::Expr(inner) => self.expr(inner),
            Part::Block(inner) => self.block(inner),
        });
        self.expansions.leave(expr, self.sink);
    }

    /// Whoever has the address may write there, so that counts as an assignment.
    fn address_of(&mut self, operand: &Expr) {
        if let ExprKind::Variable(name) = &operand.kind
            && let Some(var) = self.lookup(name)
        {
            let decl = &mut self.names.vars[var.0 as usize];
            (decl.addressed, decl.valued) = (true, true);
        }
    }
}

/// The variables that the blocks inside an expression declare with `let` or `for`.
pub(crate) fn declarations(expr: &Expr) -> Vec<String> {
    let mut found = Vec::new();
    walk::expr(expr, &mut |node| {
        if let Node::Stmt(Stmt { kind: StmtKind::Let { name, .. } | StmtKind::For { variable: name, .. }, .. }) = node {
            found.push(name.node.clone());
        }
    });
    found
}
