//! Copies a text with new numbers, replacing the calls of macros by their bodies and the parameters in a body by what was passed.

use std::rc::Rc;

use rbtrace_diag::{Diagnostic, Origin, Sink, Span};
use rbtrace_lang::{aggregations, functions, variables};
use rbtrace_syntax::ast::{Arg, Block, Expr, ExprId, ExprKind, ForOver, Name, Stmt, StmtKind};

use super::definitions::{Definition, Definitions, choose, mismatch};
use super::expansions::Expansions;
use super::scope::{Link, Passed, Scope};
use crate::names::declarations;

/// The most expressions a program may have: a macro that uses its argument twice doubles it with every level.
const MOST: u32 = 200_000;
/// The deepest that expressions may stand inside each other, as the parser counts it: what walks the tree must not run out of stack. A little
/// more than the parser allows, so that only macros can be too deep here.
const DEEPEST: usize = 1100;
/// How much a block counts.
const BLOCK: usize = 4;
/// The most macros inside each other.
const MOST_CALLS: usize = 64;
/// What upstream's library calls the builtins behind its own names.
const PLAIN: &str = "__builtin_";

/// See the module.
pub(super) struct Copier<'a> {
    definitions: Definitions<'a>,
    pub(super) sink: &'a mut Sink,
    expansions: Expansions,
    next_id: u32,
    next_mark: u32,
    /// How deep the place is that is being copied.
    depth: usize,
    /// Whether it was said that the program grows too large.
    full: bool,
}

impl<'a> Copier<'a> {
    pub fn new(definitions: Definitions<'a>, sink: &'a mut Sink) -> Self {
        Self { definitions, sink, expansions: Expansions::default(), next_id: 0, next_mark: 0, depth: 0, full: false }
    }

    /// One more than the last number given, and what came out of macros.
    pub fn finish(self) -> (u32, Expansions) {
        (self.next_id, self.expansions)
    }

    pub fn block(&mut self, block: &Block, scope: &Rc<Scope>) -> Block {
        self.depth += BLOCK;
        let stmts = block.stmts.iter().map(|stmt| self.stmt(stmt, scope)).collect();
        let value = block.value.as_ref().map(|value| self.boxed(value, scope));
        self.depth -= BLOCK;
        Block { span: block.span, stmts, value }
    }

    fn stmt(&mut self, stmt: &Stmt, scope: &Rc<Scope>) -> Stmt {
        let kind = match &stmt.kind {
            StmtKind::Expr(expr) => StmtKind::Expr(self.expr(expr, scope)),
            StmtKind::Discard(expr) => StmtKind::Discard(self.expr(expr, scope)),
            StmtKind::Assign { target, value } => StmtKind::Assign { target: self.expr(target, scope), value: self.expr(value, scope) },
            StmtKind::Compound { target, op, value } => {
                StmtKind::Compound { target: self.expr(target, scope), op: *op, value: self.expr(value, scope) }
            }
            StmtKind::Let { name, ty, value } => StmtKind::Let {
                name: self.variable_name(name, scope),
                ty: ty.as_ref().map(|ty| self.type_ref(ty, scope)),
                value: value.as_ref().map(|value| self.expr(value, scope)),
            },
            StmtKind::Unroll { count, body } => StmtKind::Unroll { count: self.expr(count, scope), body: self.block(body, scope) },
            StmtKind::While { condition, body } => {
                StmtKind::While { condition: self.expr(condition, scope), body: self.block(body, scope) }
            }
            StmtKind::For { variable, over, body } => StmtKind::For {
                variable: self.variable_name(variable, scope),
                over: match over {
                    ForOver::Map(map) => ForOver::Map(self.expr(map, scope)),
                    ForOver::Range(from, to) => ForOver::Range(self.expr(from, scope), self.expr(to, scope)),
                },
                body: self.block(body, scope),
            },
            StmtKind::Return(value) => StmtKind::Return(value.as_ref().map(|value| self.expr(value, scope))),
            StmtKind::Break | StmtKind::Continue | StmtKind::Import(_) | StmtKind::Error => stmt.kind.clone(),
        };
        Stmt { span: stmt.span, kind }
    }

    fn variable_name(&mut self, name: &Name, scope: &Scope) -> Name {
        Name { node: scope.declared(&name.node), span: name.span }
    }

    pub fn expr(&mut self, expr: &Expr, scope: &Rc<Scope>) -> Expr {
        if self.depth > DEEPEST {
            return self.too_much(expr.span, scope);
        }
        self.depth += 1;
        let copy = self.copy(expr, scope);
        self.depth -= 1;
        copy
    }

    fn copy(&mut self, expr: &Expr, scope: &Rc<Scope>) -> Expr {
        let kind = match &expr.kind {
            ExprKind::Ident(name) => match scope.exprs.get(name) {
                Some(passed) => return self.passed(passed, expr.span, scope),
                None => return self.ident(expr, name, scope),
            },
            ExprKind::Call { function, args } => return self.call(expr, function, args, scope),
            ExprKind::Index { base, index } => self.index(base, index, scope),
            ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Bool(_) => expr.kind.clone(),
            ExprKind::Param(_) | ExprKind::ParamCount | ExprKind::Error => expr.kind.clone(),
            ExprKind::Variable(name) => ExprKind::Variable(scope.variable(name)),
            ExprKind::Map(name) => ExprKind::Map(self.map(name, expr.span, scope)),
            ExprKind::MapElement { map, key } => ExprKind::MapElement {
                map: Name { node: self.map(&map.node, map.span, scope), span: map.span },
                key: key.iter().map(|part| self.expr(part, scope)).collect(),
            },
            ExprKind::If { condition, then, otherwise } => ExprKind::If {
                condition: self.boxed(condition, scope),
                then: self.block(then, scope),
                otherwise: otherwise.as_ref().map(|block| self.block(block, scope)),
            },
            ExprKind::Block(block) => ExprKind::Block(self.block(block, scope)),
            ExprKind::Cast { ty, operand } => ExprKind::Cast { ty: self.type_ref(ty, scope), operand: self.boxed(operand, scope) },
            ExprKind::SizeOf(of) => ExprKind::SizeOf(self.type_or_expr(of, scope)),
            ExprKind::TypeInfo(of) => ExprKind::TypeInfo(self.type_or_expr(of, scope)),
            ExprKind::OffsetOf(of, path) => ExprKind::OffsetOf(self.type_or_expr(of, scope), field_path(path, scope)),
            ExprKind::Binary { .. } | ExprKind::Unary { .. } | ExprKind::Step { .. } | ExprKind::Ternary { .. } => {
                self.operator(expr, scope)
            }
            ExprKind::Tuple(_) | ExprKind::Record(_) | ExprKind::Field { .. } | ExprKind::TupleIndex { .. } => self.operator(expr, scope),
            ExprKind::Comptime(_) => self.operator(expr, scope),
        };
        self.new_expr(kind, expr.span)
    }

    /// The kinds that only hold other expressions.
    fn operator(&mut self, expr: &Expr, scope: &Rc<Scope>) -> ExprKind {
        match &expr.kind {
            ExprKind::Binary { op, left, right } => {
                ExprKind::Binary { op: *op, left: self.boxed(left, scope), right: self.boxed(right, scope) }
            }
            ExprKind::Unary { op, operand } => ExprKind::Unary { op: *op, operand: self.boxed(operand, scope) },
            ExprKind::Step { up, prefix, target } => ExprKind::Step { up: *up, prefix: *prefix, target: self.boxed(target, scope) },
            ExprKind::Ternary { condition, then, otherwise } => ExprKind::Ternary {
                condition: self.boxed(condition, scope),
                then: then.as_ref().map(|then| self.boxed(then, scope)),
                otherwise: self.boxed(otherwise, scope),
            },
            ExprKind::Tuple(items) => ExprKind::Tuple(items.iter().map(|item| self.expr(item, scope)).collect()),
            ExprKind::Record(items) => ExprKind::Record(items.iter().map(|(name, item)| (name.clone(), self.expr(item, scope))).collect()),
            ExprKind::Field { base, field } => ExprKind::Field { base: self.boxed(base, scope), field: field.clone() },
            ExprKind::TupleIndex { base, index } => ExprKind::TupleIndex { base: self.boxed(base, scope), index: index.clone() },
            ExprKind::Comptime(inner) => ExprKind::Comptime(self.boxed(inner, scope)),
            ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Bool(_) | ExprKind::Variable(_) | ExprKind::Map(_) => expr.kind.clone(),
            ExprKind::MapElement { .. } | ExprKind::Param(_) | ExprKind::ParamCount | ExprKind::Ident(_) | ExprKind::Call { .. } => {
                expr.kind.clone()
            }
            ExprKind::If { .. } | ExprKind::Block(_) | ExprKind::Cast { .. } | ExprKind::Index { .. } | ExprKind::SizeOf(_) => {
                expr.kind.clone()
            }
            ExprKind::OffsetOf(..) | ExprKind::TypeInfo(_) | ExprKind::Error => expr.kind.clone(),
        }
    }

    fn boxed(&mut self, expr: &Expr, scope: &Rc<Scope>) -> Box<Expr> {
        Box::new(self.expr(expr, scope))
    }

    pub(super) fn new_expr(&mut self, kind: ExprKind, span: Span) -> Expr {
        let id = ExprId(self.next_id);
        self.next_id += 1;
        Expr { id, span, kind }
    }

    /// `x[k]`, where `x` may stand for a map.
    fn index(&mut self, base: &Expr, index: &Expr, scope: &Rc<Scope>) -> ExprKind {
        let (base, index) = (self.boxed(base, scope), self.boxed(index, scope));
        if let ExprKind::Map(map) = base.kind {
            return ExprKind::MapElement { map: Name { node: map, span: base.span }, key: vec![*index] };
        }
        ExprKind::Index { base, index }
    }

    fn map(&mut self, name: &str, span: Span, scope: &Scope) -> String {
        scope.map(name).unwrap_or_else(|| {
            let message = format!("Unhygienic access to map: @{name}. Maps must be passed into the macro as arguments.");
            self.push(Diagnostic::error(span, message).because("not a parameter of this macro"), scope);
            name.to_string()
        })
    }

    fn ident(&mut self, expr: &Expr, name: &str, scope: &Rc<Scope>) -> Expr {
        if let Some(plain) = plain_builtin(name) {
            return self.new_expr(ExprKind::Ident(plain.to_string()), expr.span);
        }
        let candidates = self.definitions.named(name, scope, self.sink);
        match choose(&candidates, &[], scope) {
            Some(definition) => self.expand(definition, &[], expr.span, scope),
            None => self.new_expr(expr.kind.clone(), expr.span),
        }
    }

    fn call(&mut self, expr: &Expr, function: &Name, args: &[Arg], scope: &Rc<Scope>) -> Expr {
        if let Some(plain) = plain_builtin(&function.node) {
            let function = Name { node: plain.to_string(), span: function.span };
            return self.plain_call(expr.span, function, args, scope);
        }
        let candidates = self.definitions.named(&function.node, scope, self.sink);
        if candidates.is_empty() {
            return self.plain_call(expr.span, function.clone(), args, scope);
        }
        let args_kept: Vec<Rc<Arg>> = args.iter().cloned().map(Rc::new).collect();
        if let Some(definition) = choose(&candidates, &args_kept, scope) {
            return self.expand(definition, &args_kept, expr.span, scope);
        }
        if !is_builtin(&function.node) {
            self.push(mismatch(&function.node, expr.span, &candidates, &args_kept, scope), scope);
            return self.new_expr(ExprKind::Error, expr.span);
        }
        self.plain_call(expr.span, function.clone(), args, scope)
    }

    fn plain_call(&mut self, span: Span, function: Name, args: &[Arg], scope: &Rc<Scope>) -> Expr {
        let args = args.iter().map(|arg| self.arg(arg, scope)).collect();
        self.new_expr(ExprKind::Call { function, args }, span)
    }

    /// The body of a macro in the place of its call.
    fn expand(&mut self, definition: Rc<Definition>, args: &[Rc<Arg>], call: Span, caller: &Rc<Scope>) -> Expr {
        if let Err(error) = self.allowed(&definition, call, caller) {
            self.push(error, caller);
            return self.new_expr(ExprKind::Error, call);
        }
        let link = Link { definition: definition.clone(), call, outer: caller.link.clone() };
        let scope = Scope::of_call(link, args, caller, self.fresh_mark());
        let body = &definition.item.body;
        let mut block = self.block(body, &scope);
        // What is said of the whole is about the call. Plain values stand for themselves: formats and the like want literals.
        let expr = match block.value.take_if(|value| block.stmts.is_empty() && is_plain(value)) {
            Some(value) => Expr { span: call, ..*value },
            None => self.new_expr(ExprKind::Block(block), call),
        };
        self.expansions.add(expr.id, Origin { within: body.span, call });
        expr
    }

    fn allowed(&self, definition: &Rc<Definition>, call: Span, caller: &Scope) -> Result<(), Diagnostic> {
        let outer = links(caller);
        let name = |definition: &Definition| definition.item.name.node.clone();
        if outer.iter().any(|link| Rc::ptr_eq(&link.definition, definition)) {
            let mut chain: Vec<String> = outer.iter().rev().map(|link| name(&link.definition)).collect();
            chain.push(name(definition));
            let message = format!("Recursive macro call detected. Call chain: {}", chain.join(" > "));
            return Err(Diagnostic::error(call, message).because("a macro is replaced by its body, so it would never end"));
        }
        if outer.len() >= MOST_CALLS || self.next_id > MOST {
            return Err(too_much(call));
        }
        Ok(())
    }

    fn fresh_mark(&mut self) -> u32 {
        self.next_mark += 1;
        self.next_mark
    }

    /// What a parameter stands for, copied once more.
    fn passed(&mut self, passed: &Passed, span: Span, scope: &Scope) -> Expr {
        match self.arg_of(passed, span, scope) {
            Arg::Expr(expr) => expr,
            Arg::Type(ty) => {
                self.sink.push(
                    Diagnostic::error(span, "a type is no value").because("the caller passes a type here").label(ty.span, "this one"),
                );
                self.new_expr(ExprKind::Error, span)
            }
        }
    }

    pub(super) fn arg_of(&mut self, passed: &Passed, span: Span, scope: &Scope) -> Arg {
        if self.next_id > MOST {
            return Arg::Expr(self.too_much(span, scope));
        }
        let declared = match &*passed.arg {
            Arg::Expr(expr) => declarations(expr),
            Arg::Type(_) => Vec::new(),
        };
        if declared.is_empty() {
            return self.arg(&passed.arg, &passed.scope);
        }
        let scope = passed.scope.with_own(&declared, self.fresh_mark());
        self.arg(&passed.arg, &scope)
    }

    /// An error in the place of what is left out; said once.
    fn too_much(&mut self, span: Span, scope: &Scope) -> Expr {
        if !self.full {
            self.full = true;
            self.push(too_much(span), scope);
        }
        self.new_expr(ExprKind::Error, span)
    }

    /// Says something about the text of a scope.
    pub(super) fn push(&mut self, diagnostic: Diagnostic, scope: &Scope) {
        let links = links(scope);
        for link in links.iter().rev() {
            self.sink.enter(Origin { within: link.definition.item.body.span, call: link.call });
        }
        self.sink.push(diagnostic);
        links.iter().for_each(|_| self.sink.leave());
    }
}

/// Values in which nothing can be wrong.
fn is_plain(value: &Expr) -> bool {
    matches!(value.kind, ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Bool(_) | ExprKind::Map(_))
}

/// The calls around a text, the innermost first.
fn links(scope: &Scope) -> Vec<Rc<Link>> {
    std::iter::successors(scope.link.clone(), |link| link.outer.clone()).collect()
}

/// Fields that a parameter names: `offsetof(t, member)`.
fn field_path(path: &[Name], scope: &Scope) -> Vec<Name> {
    path.iter().map(|name| passed_word(name, scope).unwrap_or_else(|| name.clone())).collect()
}

fn passed_word(name: &Name, scope: &Scope) -> Option<Name> {
    let passed = scope.exprs.get(&name.node)?;
    let Arg::Expr(Expr { kind: ExprKind::Ident(word), span, .. }) = &*passed.arg else { return None };
    let word = Name { node: word.clone(), span: *span };
    Some(passed_word(&word, &passed.scope).unwrap_or(word))
}

fn too_much(span: Span) -> Diagnostic {
    let error = Diagnostic::error(span, "macros expand to too much code");
    error.because(format!("more than {MOST} expressions, {DEEPEST} of them inside each other, or {MOST_CALLS} macros inside each other"))
}

fn is_builtin(name: &str) -> bool {
    functions::by_name(name).is_some() || variables::by_name(name).is_some() || aggregations::by_name(name).is_some()
}

/// `__builtin_comm` is the builtin `comm`, whatever macros are called so.
fn plain_builtin(name: &str) -> Option<&str> {
    name.strip_prefix(PLAIN).filter(|name| is_builtin(name))
}
