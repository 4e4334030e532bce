//! Statements during inference.

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_lang::{TypeCx, functions, warnings};
use rbtrace_syntax::ast::{BinaryOp, Block, Expr, ExprKind, ForOver, Name, Stmt, StmtKind};
use rbtrace_types::Type;

use super::functions::held;
use super::maps::aggregation_call;
use super::{Infer, Ty, join};
use crate::fold;
use crate::forms::{Target, called};
use crate::names::VarId;

impl Infer<'_> {
    /// Variables with a declared type have it from the start.
    pub(super) fn declared_vars(&mut self) {
        for (index, var) in self.names.vars.iter().enumerate() {
            let Some(written) = &var.declared else { continue };
            let Some(ty) = self.written_type(written) else { continue };
            if self.vars[index].ty == Type::Void {
                self.vars[index] = Ty::fixed(ty);
            }
        }
    }

    /// A block; the type of its value, which for the body of a probe is an ordinary statement.
    pub(super) fn block(&mut self, block: &Block, is_body: bool) -> Ty {
        let mut left = None;
        let mut dead = None;
        for stmt in &block.stmts {
            dead = dead.or(left.map(|_| stmt.span));
            self.stmt(stmt);
            left = left.or(leaves(stmt).then_some(stmt.span));
        }
        dead = dead.or(left.and(block.value.as_ref().map(|value| value.span)));
        if let (Some(dead), Some(jump), true) = (dead, left, self.last) {
            let warning = warnings::UNREACHABLE.at(dead, "Unreachable statement").because("never runs");
            self.sink.push(warning.label(jump, "control leaves here"));
        }
        match &block.value {
            Some(value) if is_body => {
                self.effect(value);
                Ty::VOID
            }
            Some(value) => self.expr(value),
            None => Ty::VOID,
        }
    }

    pub(super) fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(expr) => self.effect(expr),
            StmtKind::Discard(expr) => drop(self.expr(expr)),
            StmtKind::Assign { target, value } => self.assign(target, value),
            StmtKind::Compound { target, op, value } => self.compound(stmt.span, target, *op, value),
            StmtKind::Let { name, value, .. } => self.let_(name, value.as_ref()),
            StmtKind::Unroll { count, body } => self.unroll(count, body),
            StmtKind::While { condition, body } => {
                if self.last {
                    let warning =
                        warnings::WHILE_LOOP.at(stmt.span, "`while` may never end").because("the kernel stops it after many rounds");
                    self.sink.push(warning.hint("`for ($i : 0..n) { … }` ends for sure"));
                }
                self.condition(condition);
                self.block(body, true);
            }
            StmtKind::For { variable, over, body } => self.for_(variable, over, body),
            StmtKind::Return(value) => self.return_(stmt.span, value.as_ref()),
            StmtKind::Break | StmtKind::Continue | StmtKind::Import(_) | StmtKind::Error => {}
        }
    }

    fn return_(&mut self, span: Span, value: Option<&Expr>) {
        match (self.inside, value) {
            (Some(at), value) => self.return_from_function(at, span, value),
            (None, Some(value)) => {
                let ty = self.value(value);
                self.expect_integer(value, &ty, "`return`");
            }
            (None, None) => {}
        }
    }

    /// An expression whose value nobody takes.
    fn effect(&mut self, expr: &Expr) {
        let ty = self.expr(expr);
        if matches!(ty.ty, Type::Aggregate(_)) {
            self.as_value(expr, ty);
        }
        let Some(name) = called(expr) else { return };
        let pure = functions::by_name(name).is_some_and(|row| !row.has_effect);
        if self.last && pure {
            let warning = warnings::DISCARDED_VALUE.at(expr.span, "Return value discarded.");
            self.sink.push(warning.because("nothing uses this value").hint(format!("write `_ = {name}(…);` if that is meant")));
        }
    }

    fn assign(&mut self, target: &Expr, value: &Expr) {
        let is_map = matches!(target.kind, ExprKind::Map(_) | ExprKind::MapElement { .. });
        if let Some((row, _)) = aggregation_call(value) {
            if !is_map {
                let message = format!("{}() should be assigned to a map", row.name);
                let error = Diagnostic::error(value.span, message).because("an aggregation lives in a map");
                self.sink.push(error.hint(format!("`@name = {}`", row.signature)));
                return;
            }
            let ty = self.aggregation(value).unwrap_or(Ty::VOID);
            return self.assign_to(target, &ty, value.span);
        }
        let ty = self.assigned_value(target, value);
        if let Some(&var) = self.names.uses.get(&target.id).filter(|_| matches!(target.kind, ExprKind::Variable(_)))
            && !self.literal_fits(var, value)
        {
            return;
        }
        if self.last && ty.ty == Type::Void && !self.sink.has_errors() {
            self.sink.push(Diagnostic::error(value.span, "this expression has no value to assign").because("its type is `void`"));
        }
        self.assign_to(target, &ty, value.span);
    }

    /// The value's type; an aggregation that is read into a variable or a plain map is an integer (SPEC §4.4).
    fn assigned_value(&mut self, target: &Expr, value: &Expr) -> Ty {
        let ty = self.expr(value);
        let Type::Aggregate(aggregate) = &ty.ty else { return ty };
        if let (ExprKind::Map(to), ExprKind::Map(_) | ExprKind::MapElement { .. }) = (&target.kind, &value.kind) {
            let typeless = self.maps.get(to).is_none_or(|state| state.value.ty == Type::Void);
            if typeless && !self.last {
                return Ty::VOID;
            }
            if typeless {
                let message = format!(
                    "Map value '{}' cannot be assigned from one map to another. The function that returns this type must be called directly.",
                    ty.ty
                );
                let hint = format!("cast it to copy the number: `(int64)…`, or call `{}()`", aggregate.name);
                self.sink.push(Diagnostic::error(value.span, message).hint(hint));
                return Ty::VOID;
            }
        }
        self.value(value)
    }

    fn assign_to(&mut self, target: &Expr, ty: &Ty, value_span: Span) {
        match Target::of(target) {
            Target::Variable => match self.names.uses.get(&target.id) {
                Some(&var) => self.widen_var(var, value_span, ty),
                None => return,
            },
            Target::Map(name) => {
                self.scalar(name, target.span);
                self.widen_value(name, value_span, ty);
            }
            Target::Element(map, key) => {
                self.keyed(&map.node, map.span, key);
                self.widen_value(&map.node, value_span, ty);
            }
            Target::Part => {
                let error = Diagnostic::error(target.span, "cannot assign to a part of a value")
                    .because("structs, tuples and arrays are immutable");
                self.sink.push(error.hint("assign a whole new value to the variable or map"));
            }
            Target::None => {
                let error = Diagnostic::error(target.span, "cannot assign to this expression").because("neither a variable nor a map");
                self.sink.push(error);
            }
        }
        self.types[target.id.0 as usize] = ty.clone();
    }

    fn compound(&mut self, span: Span, target: &Expr, op: BinaryOp, value: &Expr) {
        let ty = self.value(value);
        self.expect_integer(value, &ty, "a compound assignment");
        let wide = Ty::fixed(Type::int(8, ty.integer().is_some_and(|int| int.int.signed)));
        if matches!(op, BinaryOp::Add | BinaryOp::Sub)
            && let Some(pointer) = self.kept_pointer(target)
        {
            return self.assign_to(target, &pointer, span);
        }
        if !matches!(target.kind, ExprKind::Variable(_)) {
            return self.assign_to(target, &wide, span);
        }
        // `$x op= e` is `$x = $x op e`, and arithmetic is 64 bits wide.
        let known = self.expr(target);
        self.expect_integer(target, &known, "a compound assignment");
        let wide = Ty::fixed(Type::int(8, known.integer().is_none_or(|int| int.int.signed)));
        self.assign_to(target, &wide, span);
        self.expr(target);
    }

    /// The type of a variable or map that holds pointers: adding to one moves it.
    pub(super) fn kept_pointer(&mut self, target: &Expr) -> Option<Ty> {
        let known = match Target::of(target) {
            Target::Variable => self.expr(target),
            Target::Map(name) => self.maps.get(name)?.value.clone(),
            Target::Element(map, _) => self.maps.get(&map.node)?.value.clone(),
            Target::Part | Target::None => return None,
        };
        matches!(known.ty, Type::Pointer(..)).then_some(known)
    }

    fn let_(&mut self, name: &Name, value: Option<&Expr>) {
        let Some(&var) = self.names.declared.get(name) else { return };
        let Some(value) = value else { return };
        if let Some((row, _)) = aggregation_call(value) {
            self.sink.push(Diagnostic::error(value.span, format!("{}() should be assigned to a map", row.name)));
            return;
        }
        let ty = self.value(value);
        if self.literal_fits(var, value) {
            self.widen_var(var, value.span, &ty);
        }
    }

    /// Whether a variable with a declared type can hold what is assigned to it, if that is an integer literal; says so if not. What is only
    /// known when it runs is cut off.
    fn literal_fits(&mut self, var: VarId, value: &Expr) -> bool {
        let index = var.0 as usize;
        let (Some(_), Some(number)) = (&self.names.vars[index].declared, self.int_literal(value)) else { return true };
        let known = self.vars[index].clone();
        let Type::Int(int) = known.ty else { return true };
        let bits = u32::from(int.bytes) * 8;
        let range = if int.signed { -(1i128 << (bits - 1))..1i128 << (bits - 1) } else { 0..1i128 << bits };
        let fits = range.contains(&number);
        if !fits {
            self.var_mismatch(var, value.span, &known, &Ty::literal(number));
        }
        fits
    }

    /// A value of this type is assigned to the variable.
    pub(super) fn widen_var(&mut self, var: VarId, span: Span, new: &Ty) {
        let index = var.0 as usize;
        let (known, decl) = (self.vars[index].clone(), &self.names.vars[index]);
        // `let $x : string` says what it is, `string[8]` also how long.
        let is_sized = decl.declared.as_ref().is_some_and(|ty| !ty.suffixes.is_empty());
        let is_text = matches!(known.ty, Type::String(_) | Type::Buffer(_));
        match held(&known, new, decl.declared.is_some() && (is_sized || !is_text)) {
            Some(joined) => {
                if decl.declared.is_some() {
                    self.warn_if_cut(span, new, &joined.ty);
                }
                self.set_var(index, joined)
            }
            None => self.var_mismatch(var, span, &known, new),
        }
    }

    fn set_var(&mut self, index: usize, ty: Ty) {
        if self.vars[index] != ty {
            self.vars[index] = ty;
            self.changed = true;
        }
    }

    fn var_mismatch(&mut self, var: VarId, span: Span, known: &Ty, new: &Ty) {
        let decl = &self.names.vars[var.0 as usize];
        let message = format!(
            "Type mismatch for ${}: trying to assign value of type '{}' when variable already contains a value of type '{}'",
            decl.name, new.ty, known.ty
        );
        let error = Diagnostic::error(span, message).because(format!("this is `{}`", new.ty));
        self.sink.push(error.label(decl.span, format!("`${}` is `{}` since here", decl.name, known.ty)));
    }

    fn unroll(&mut self, count: &Expr, body: &Block) {
        self.expr(count);
        match fold::int(count, self.shared) {
            Ok(Some(1..=100)) => {}
            Ok(Some(number)) => {
                let text = if number > 100 { "unroll maximum value is 100" } else { "unroll minimum value is 1" };
                self.sink.push(Diagnostic::error(count.span, text).because(format!("this is {number}")));
            }
            Ok(None) | Err(_) => {
                self.sink.push(Diagnostic::error(count.span, "invalid unroll value").because("it must be known at compile time"));
            }
        }
        self.block(body, true);
    }

    fn for_(&mut self, variable: &Name, over: &ForOver, body: &Block) {
        let ty = match over {
            ForOver::Map(map) => self.map_entry(map),
            ForOver::Range(from, to) => {
                let (from_ty, to_ty) = (self.value(from), self.value(to));
                self.expect_integer(from, &from_ty, "a range");
                self.expect_integer(to, &to_ty, "a range");
                Some(join(&from_ty, &to_ty).unwrap_or(Ty::fixed(Type::I64)))
            }
        };
        if let (Some(ty), Some(&var)) = (ty, self.names.declared.get(variable)) {
            self.set_var(var.0 as usize, ty);
        }
        self.block(body, true);
    }

    /// The type of `$kv` in `for ($kv : @map)`.
    fn map_entry(&mut self, map: &Expr) -> Option<Ty> {
        let ExprKind::Map(name) = &map.kind else {
            let error = Diagnostic::error(map.span, "loop expression does not support this type").because("neither a map nor a range");
            self.sink.push(error.hint("`for ($kv : @map) { … }` or `for ($i : 0..10) { … }`"));
            return None;
        };
        let state = self.map_state(name, map.span).clone();
        let value = self.read_map(name, map.span);
        match (&state.key, &value.ty) {
            (Some(None), _) => {
                let error =
                    Diagnostic::error(map.span, format!("@{name} has no explicit keys (scalar map), and cannot be used for iteration"));
                self.sink.push(error.because("a scalar map has one value").hint(format!("use `@{name}` directly")));
                None
            }
            (Some(Some(key)), Type::Aggregate(aggregate)) => {
                let readable = rbtrace_lang::aggregations::is_readable(aggregate);
                if !readable {
                    self.sink.push(
                        Diagnostic::error(map.span, format!("Loop expression does not support type: {}", value.ty))
                            .because("its values cannot be read"),
                    );
                    return None;
                }
                Some(Ty::tuple(vec![key.clone(), Ty::fixed(Type::int(8, aggregate.signed))]))
            }
            (Some(Some(key)), _) => Some(Ty::tuple(vec![key.clone(), value])),
            (None, _) => None,
        }
    }
}

/// Whether control never goes on behind a statement: a jump, or a call whose row says so.
fn leaves(stmt: &Stmt) -> bool {
    match &stmt.kind {
        StmtKind::Break | StmtKind::Continue | StmtKind::Return(_) => true,
        StmtKind::Expr(expr) => called(expr).and_then(functions::by_name).is_some_and(|row| row.leaves),
        StmtKind::Discard(_) | StmtKind::Assign { .. } | StmtKind::Compound { .. } | StmtKind::Let { .. } | StmtKind::Unroll { .. } => {
            false
        }
        StmtKind::While { .. } | StmtKind::For { .. } | StmtKind::Import(_) | StmtKind::Error => false,
    }
}
