//! Maps during inference: scalar or keyed, the widening of keys and values, aggregations.

use rbtrace_diag::{Diagnostic, Span, nearest};
use rbtrace_lang::{Call, aggregations};
use rbtrace_syntax::ast::{Arg, Expr, ExprKind, Stmt};
use rbtrace_types::Type;

use super::{Infer, MapState, Ty, join};
use crate::forms::called;

impl Infer<'_> {
    /// The state of a map, made on first sight.
    pub(super) fn map_state(&mut self, name: &str, span: Span) -> &mut MapState {
        let new = MapState { key: None, value: Ty::VOID, first: span, declared: None, deletes: false };
        self.maps.entry(name.to_string()).or_insert(new)
    }

    /// The map is used without a key.
    pub(super) fn scalar(&mut self, name: &str, span: Span) {
        let state = self.map_state(name, span);
        let first = state.first;
        match &state.key {
            None => {
                state.key = Some(None);
                self.changed = true;
            }
            Some(None) => {}
            Some(Some(_)) => {
                let message = format!(
                    "@{name} used as a map without an explicit key (scalar map), previously used with an explicit key (non-scalar map)"
                );
                self.sink.push(Diagnostic::error(span, message).because("no key here").label(first, "a key was used here"));
            }
        }
    }

    /// The map is used with a key.
    pub(super) fn keyed(&mut self, name: &str, span: Span, key: &[Expr]) {
        let types: Vec<Ty> = key.iter().map(|part| self.value(part)).collect();
        let ty = match types.as_slice() {
            [one] => one.clone(),
            _ => Ty::tuple(types),
        };
        let place = key.iter().map(|part| part.span).reduce(Span::to).unwrap_or(span);
        let ty = self.possible_key(name, place, ty);
        let state = self.map_state(name, span);
        let first = state.first;
        match state.key.clone() {
            None => {
                state.key = Some(Some(ty));
                self.changed = true;
            }
            Some(None) => {
                let message = format!(
                    "@{name} used as a map with an explicit key (non-scalar map), previously used without an explicit key (scalar map)"
                );
                self.sink.push(Diagnostic::error(span, message).because("a key here").label(first, "no key was used here"));
            }
            Some(Some(known)) => self.widen_key(name, place, &known, &ty),
        }
    }

    fn widen_key(&mut self, name: &str, span: Span, known: &Ty, new: &Ty) {
        let Some(joined) = join(known, new) else {
            let first = self.maps[name].first;
            let message = format!(
                "Argument mismatch for @{name}: trying to access with arguments: '{}' when map expects arguments: '{}'",
                new.ty, known.ty
            );
            self.sink.push(
                Diagnostic::error(span, message)
                    .because(format!("this key is `{}`", new.ty))
                    .label(first, "the key's type was settled here"),
            );
            return;
        };
        let joined = self.possible_key(name, span, joined);
        if joined != *known {
            self.map_state(name, span).key = Some(Some(joined));
            self.changed = true;
        }
    }

    /// The value of an element or scalar map as an expression.
    pub(super) fn read_map(&mut self, name: &str, span: Span) -> Ty {
        let state = self.map_state(name, span);
        let value = state.value.clone();
        self.refuse_unassigned(name, span);
        value
    }

    /// In the last round a map that nothing assigns is a mistake, wherever it is used.
    pub(super) fn refuse_unassigned(&mut self, name: &str, span: Span) {
        if !self.last || self.map_state(name, span).value.ty != Type::Void || self.sink.error_within(span).is_some() {
            return;
        }
        let mut unknown = Diagnostic::error(span, format!("Undefined map: @{name}")).because("no probe assigns it");
        let known = self.maps.iter().filter(|(_, map)| map.value.ty != Type::Void).map(|(name, _)| name.as_str());
        if let Some(near) = nearest(name, known) {
            unknown = unknown.hint(format!("did you mean `@{near}`?"));
        }
        self.sink.push(unknown);
    }

    /// A value of this type is assigned to the map.
    pub(super) fn widen_value(&mut self, name: &str, span: Span, new: &Ty) {
        let state = self.map_state(name, span);
        let (known, first) = (state.value.clone(), state.first);
        let joined = match (&known.ty, &new.ty) {
            (Type::Aggregate(_), Type::Aggregate(_)) | (Type::Void, _) => join(&known, new),
            // An aggregation and a plain value never share a map, although an aggregation reads as an integer.
            (Type::Aggregate(_), _) | (_, Type::Aggregate(_)) => None,
            _ => join(&known, new),
        };
        let Some(joined) = joined else { return self.refuse_value(name, span, new, &known, first) };
        if joined != known {
            self.map_state(name, span).value = joined;
            self.changed = true;
        }
    }

    /// The map cannot hold what is assigned to it.
    fn refuse_value(&mut self, name: &str, span: Span, new: &Ty, known: &Ty, first: Span) {
        let error = match (&known.ty, &new.ty) {
            (Type::Aggregate(known), Type::Aggregate(new)) if known.name == new.name => {
                let message = format!("Different {} bounds in a single map unsupported", new.name);
                Diagnostic::error(span, message).because("the parameters differ").label(first, "from those that are used here")
            }
            _ => {
                let message = format!(
                    "Type mismatch for @{name}: trying to assign value of type '{}' when map already has a type '{}'",
                    new.ty, known.ty
                );
                let error = Diagnostic::error(span, message).because(format!("this is `{}`", new.ty));
                error.label(first, format!("the map holds `{}` since here", known.ty))
            }
        };
        self.sink.push(error);
    }

    /// `count()` and its like: the aggregation's state type, if the expression is one.
    pub(super) fn aggregation(&mut self, value: &Expr) -> Option<Ty> {
        let (row, args) = aggregation_call(value)?;
        for stmt in aggregation_prelude(value) {
            self.stmt(stmt);
        }
        let call = Call { name: row.name, id: value.id, span: value.span, args };
        if !self.count_args(row.name, row.args, call.args.len(), value.span) {
            return Some(Ty::VOID);
        }
        let ty = match (row.type_of)(self, &call) {
            Some(aggregate) => Ty::fixed(Type::Aggregate(std::sync::Arc::new(aggregate))),
            None => Ty::VOID,
        };
        self.expect_values(&call.args);
        self.types[value.id.0 as usize] = ty.clone();
        Some(ty)
    }
}

/// The aggregation that an expression calls, and its arguments.
pub(crate) fn aggregation_call(expr: &Expr) -> Option<(&'static rbtrace_lang::Aggregation, Vec<&Expr>)> {
    if let ExprKind::Block(block) = &expr.kind {
        return aggregation_call(block.value.as_ref()?);
    }
    let row = aggregations::by_name(called(expr)?)?;
    let ExprKind::Call { args, .. } = &expr.kind else { return Some((row, Vec::new())) };
    let args = args.iter().filter_map(|arg| match arg {
        Arg::Expr(arg) => Some(arg),
        Arg::Type(_) => None,
    });
    Some((row, args.collect()))
}

/// What runs before the aggregation of a block: `@ = { let $a = 1; sum($a) }`.
pub(crate) fn aggregation_prelude(expr: &Expr) -> &[Stmt] {
    if let ExprKind::Block(block) = &expr.kind { &block.stmts } else { &[] }
}
