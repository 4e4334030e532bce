//! Expressions during inference: a router and one method per kind.

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Span, nearest};
use rbtrace_lang::compile::Constant;
use rbtrace_lang::row::{Allowed, Builtin, Unreadable};
use rbtrace_lang::{Call, TypeCx, config, functions, variables, warnings};
use rbtrace_syntax::ast::{Arg, Expr, ExprKind, Name, UnaryOp};
use rbtrace_types::{Struct, Type, align_up};

use super::maps::aggregation_call;
use super::{Infer, Ty, join};
use crate::args::{self, is_args};
use crate::fold;
use crate::forms::Target;

/// What a slot holds beside the bytes of a string or record while it is made is not more.
const LARGEST_VALUE: u32 = rbtrace_ir::LARGEST_SLOT - 64;

/// Scalars, strings and tuples that a value is made of, at all levels.
const MOST_PARTS: usize = 4096;

fn parts(ty: &Type) -> usize {
    1 + ty.elements().map_or(0, |elements| elements.into_iter().map(parts).sum())
}

impl Infer<'_> {
    /// The type of an expression; kept in the table.
    pub(super) fn expr(&mut self, expr: &Expr) -> Ty {
        let expansions = self.shared.expansions;
        expansions.enter(expr, self.sink);
        let ty = match fold::int(expr, self.shared) {
            Ok(Some(value)) => Ty::literal(value),
            Ok(None) => self.kind(expr),
            Err(why) => self.fold_error(expr, why),
        };
        if self.last {
            self.expect_room(expr.span, &ty.ty);
        }
        expansions.leave(expr, self.sink);
        self.types[expr.id.0 as usize] = ty.clone();
        ty
    }

    /// Whether a slot can hold a value. Structs and arrays stay in the kernel's memory until a part of them is read.
    fn expect_room(&mut self, span: Span, ty: &Type) {
        let stays = matches!(ty, Type::Struct(_) | Type::Array(..));
        if stays || ty.size() <= LARGEST_VALUE || self.sink.error_within(span).is_some() {
            return;
        }
        let error = Diagnostic::error(span, format!("a value of {} bytes is too large: at most {LARGEST_VALUE} are possible", ty.size()));
        let hint = format!("its strings and buffers may be as long as `{}` says", config::max_strlen::ROW.name);
        self.sink.push(error.because(format!("this is `{ty}`")).hint(hint));
    }

    fn kind(&mut self, expr: &Expr) -> Ty {
        match &expr.kind {
            ExprKind::Int(value) => Ty::literal(i128::from(*value)),
            ExprKind::String(bytes) => self.string(expr.span, bytes),
            ExprKind::Bool(_) => Ty::fixed(Type::Bool),
            ExprKind::Variable(_) => self.names.uses.get(&expr.id).map_or(Ty::VOID, |var| self.vars[var.0 as usize].clone()),
            ExprKind::Map(name) => self.scalar_read(name, expr.span),
            ExprKind::MapElement { map, key } => self.element_read(map, key),
            ExprKind::Param(number) => self.param_text(expr.span, *number),
            ExprKind::ParamCount => Ty::literal(0),
            ExprKind::Ident(name) => self.ident(expr, name),
            ExprKind::Call { function, args } => self.call(expr, function, args),
            ExprKind::Binary { op, left, right } => self.binary(expr, *op, left, right),
            ExprKind::Unary { .. } if is_args(expr) => self.args(expr.span),
            ExprKind::Unary { op: UnaryOp::AddressOf, operand } => self.address_of(expr.span, operand),
            ExprKind::Unary { op: UnaryOp::Deref, operand } => self.deref(expr.span, operand),
            ExprKind::Unary { op, operand } => self.unary(expr.span, *op, operand),
            ExprKind::Step { target, .. } => self.step(target),
            ExprKind::Ternary { condition, then, otherwise } => self.ternary(expr.span, condition, then.as_deref(), otherwise),
            ExprKind::If { condition, then, otherwise } if matches!(condition.kind, ExprKind::Comptime(_)) => {
                self.if_comptime(condition, then, otherwise.as_ref())
            }
            ExprKind::If { condition, then, otherwise } => self.if_(expr.span, condition, then, otherwise.as_ref()),
            ExprKind::Block(block) => self.block(block, false),
            ExprKind::Cast { ty, operand } => self.cast(expr.span, ty, operand),
            ExprKind::Tuple(items) => self.tuple(expr.span, items),
            ExprKind::Record(items) => self.record(expr.span, items),
            ExprKind::Field { base, field } => self.known_field(expr, base, field),
            ExprKind::TupleIndex { base, index } => self.tuple_index(base, index.node, index.span),
            ExprKind::Index { base, index } => self.index(base, index),
            ExprKind::SizeOf(of) => self.size_of(expr, of),
            ExprKind::Comptime(inner) => self.comptime(expr, inner),
            ExprKind::OffsetOf(of, path) => self.offset_of(expr, of, path),
            ExprKind::TypeInfo(of) => self.type_info(expr, of),
            ExprKind::Error => Ty::VOID,
        }
    }

    fn fold_error(&mut self, expr: &Expr, why: fold::FoldError) -> Ty {
        let (message, label) = match why {
            fold::FoldError::Overflow => ("unable to fold literals due to overflow", "the result needs more than 64 bits"),
            fold::FoldError::DivisionByZero => ("unable to fold literals due to division by zero", "the divisor is 0"),
            fold::FoldError::Shift => ("unable to fold literals: the shift count is out of range", "0 to 63 are possible"),
        };
        self.sink.push(Diagnostic::error(expr.span, message).because(label));
        Ty::fixed(Type::I64)
    }

    fn tuple(&mut self, span: Span, items: &[Expr]) -> Ty {
        let elements = items.iter().map(|item| self.value(item)).collect();
        self.gathered(span, Ty::tuple(elements))
    }

    /// A tuple or record, unless it has more parts than any slot holds: of tuples of tuples of tuples there soon are too many to even count.
    fn gathered(&mut self, span: Span, ty: Ty) -> Ty {
        if parts(&ty.ty) <= MOST_PARTS {
            return ty;
        }
        if self.last && self.sink.error_within(span).is_none() {
            self.sink.push(Diagnostic::error(span, format!("a value of more than {MOST_PARTS} parts is too large")));
        }
        Ty::VOID
    }

    fn string(&mut self, span: Span, bytes: &[u8]) -> Ty {
        let most = self.shared.number(config::max_strlen::ROW.name);
        if bytes.len() as u64 >= most {
            let message = format!("String is too long (over {most} bytes): {} bytes", bytes.len());
            self.sink.push(Diagnostic::error(span, message).hint("raise `max_strlen` in a `config` block"));
        }
        Ty::fixed(Type::String(bytes.len() as u32 + 1))
    }

    /// A positional parameter that is no integer is a text.
    fn param_text(&mut self, span: Span, number: u32) -> Ty {
        let text = self.param(number).unwrap_or_default();
        self.string(span, text.as_bytes())
    }

    fn scalar_read(&mut self, name: &str, span: Span) -> Ty {
        self.scalar(name, span);
        self.read_map(name, span)
    }

    fn element_read(&mut self, map: &Name, key: &[Expr]) -> Ty {
        self.keyed(&map.node, map.span, key);
        self.read_map(&map.node, map.span)
    }

    /// `args`, a builtin, or an enum constant.
    fn ident(&mut self, expr: &Expr, name: &str) -> Ty {
        if name == args::NAME {
            return self.args(expr.span);
        }
        if let Some(row) = variables::by_name(name).or_else(|| functions::by_name(name)) {
            return self.builtin(row, Call { name, id: expr.id, span: expr.span, args: Vec::new() });
        }
        if let Some((row, _)) = aggregation_call(expr) {
            return self.stray_aggregation(row.name, row.signature, expr.span);
        }
        let shared = self.shared;
        if let Some(found) = shared.c.c_macro(name) {
            return self.c_macro(found, expr.span, false);
        }
        if let Some((constants, _)) = self.seen().enum_constant(name) {
            return Ty::fixed(Type::Enum(constants));
        }
        let mut unknown = Diagnostic::error(expr.span, format!("Unknown identifier: '{name}'"))
            .because("no builtin and no kernel constant has this name");
        if let Some(near) = nearest(name, variables::ALL.iter().chain(functions::ALL).map(|row| row.name)) {
            unknown = unknown.hint(format!("did you mean `{near}`?"));
        } else {
            unknown = unknown.hint(format!("text needs quotes: `\"{name}\"`; variables a sigil: `${name}` or `@{name}`"));
        }
        self.sink.push(unknown);
        Ty::VOID
    }

    fn stray_aggregation(&mut self, name: &str, signature: &str, span: Span) -> Ty {
        let error = Diagnostic::error(span, format!("{name}() should be assigned to a map")).because("an aggregation lives in a map");
        self.sink.push(error.hint(format!("`@name = {signature}`")));
        Ty::VOID
    }

    /// `args` as a whole: its fields one after the other, as they are copied.
    pub(super) fn args(&mut self, span: Span) -> Ty {
        match &self.body.args {
            Some(args) => {
                self.warn_of_unreadable(span);
                Ty::fixed(Type::Struct(Arc::new(packed(args))))
            }
            None if self.inside.is_some() => self.not_in_function(args::NAME, span),
            None => {
                let place = &self.body.places[0].0;
                let row = place.probe_type;
                let error = match (row.no_args)(self.shared.facts, place) {
                    Some(said) => {
                        let error = Diagnostic::error(span, said.message).because(said.why);
                        said.hint.into_iter().fold(error, Diagnostic::hint)
                    }
                    None => {
                        let message = format!("The args builtin cannot be used in {} probes", row.name);
                        Diagnostic::error(span, message).because(row.without_args)
                    }
                };
                self.sink.push(error);
                Ty::VOID
            }
        }
    }

    /// All of `args` is less than all arguments where some cannot be read.
    fn warn_of_unreadable(&mut self, span: Span) {
        let place = &self.body.places[0].0;
        for Unreadable { name, why, .. } in (place.probe_type.unreadable_args)(self.shared.facts, place) {
            self.sink.push(warnings::LEFT_OUT.at(span, format!("`args` is without `{name}`")).because(why));
        }
    }

    fn call(&mut self, expr: &Expr, function: &Name, args: &[Arg]) -> Ty {
        let name = function.node.as_str();
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                Arg::Expr(arg) => values.push(arg),
                Arg::Type(ty) => {
                    self.sink.push(Diagnostic::error(ty.span, "a type is no argument of this function"));
                }
            }
        }
        if let Some(row) = functions::by_name(name).or_else(|| variables::by_name(name)) {
            return self.builtin(row, Call { name, id: expr.id, span: expr.span, args: values });
        }
        if let Some((row, _)) = aggregation_call(expr) {
            return self.stray_aggregation(row.name, row.signature, expr.span);
        }
        if let Some(value) = self.function_call(function, expr.span, &values) {
            return value;
        }
        if let Some(value) = self.c_call(function, expr.span, &values) {
            return value;
        }
        let shared = self.shared;
        if let Some(found) = shared.c.c_macro(name) {
            return self.c_macro(found, expr.span, true);
        }
        let mut unknown = Diagnostic::error(function.span, format!("Unknown function: '{name}'")).because("no function has this name");
        let known = functions::ALL.iter().chain(variables::ALL).map(|row| row.name);
        let known = known.chain(self.definitions.keys().chain(shared.c_imports.functions.keys()).map(String::as_str));
        if let Some(near) = nearest(name, known.chain(rbtrace_lang::aggregations::ALL.iter().map(|row| row.name))) {
            unknown = unknown.hint(format!("did you mean `{near}`?"));
        }
        self.sink.push(unknown);
        Ty::VOID
    }

    /// What every builtin has in common: argument count, where it is allowed, `--unsafe`.
    fn builtin(&mut self, row: &'static Builtin, call: Call) -> Ty {
        if !self.count_args(row.name, row.args, call.args.len(), call.span) {
            return Ty::VOID;
        }
        let probe = self.body.places[0].0.probe_type.name;
        if let (Allowed::Only(_), Some(_)) = (row.allowed, self.inside) {
            return self.not_in_function(row.name, call.span);
        }
        if let Allowed::Only(probes) = row.allowed
            && !probes.contains(&probe)
        {
            let error = Diagnostic::error(call.span, format!("{} can not be used with \"{probe}\" probes", row.name));
            self.sink.push(error.because(format!("works in: {}", probes.join(", "))));
            return Ty::VOID;
        }
        if row.is_unsafe && !self.is_unsafe() {
            let error = Diagnostic::error(call.span, format!("{}() is unsafe. To use you need the --unsafe flag", row.name));
            self.sink.push(error.because("it can change the system"));
        }
        if self.last && call.name != row.name && row.numbered == 0 {
            let warning = warnings::OLD_NAME.at(call.span, format!("`{}` is now called `{}`", call.name, row.name));
            self.sink.push(warning.because("an old name"));
        }
        if row.handle.is_some() && !row.works_unread && (self.place().probe_type.unread)(self.place()) {
            let error = Diagnostic::error(call.span, format!("{} can not be used in a pinned iterator", row.name));
            self.sink.push(error.because("the probe goes on when nobody is left to do this").hint("`printf` writes to who reads the file"));
        }
        let outer = self.asked_place.replace(false);
        let ty = Ty::fixed((row.type_of)(self, &call));
        self.expect_values(&call.args);
        self.constant_call(row, &call);
        // What an argument asked for was said where the argument is.
        let asked = self.asked_place.replace(outer);
        if self.inside.is_some() && asked {
            return self.not_in_function(row.name, call.span);
        }
        ty
    }

    /// What depends on the probe is not there in a function, which serves all that call it.
    fn not_in_function(&mut self, name: &str, span: Span) -> Ty {
        let error = Diagnostic::error(span, format!("`{name}` cannot be used inside a function")).because("it depends on the probe");
        self.sink.push(error.hint("pass what is needed as an argument, or make it a `macro`"));
        Ty::VOID
    }

    /// Whether the number of arguments is right; says so if not.
    pub(super) fn count_args(&mut self, name: &str, (least, most): (usize, usize), given: usize, span: Span) -> bool {
        if (least..=most).contains(&given) {
            return true;
        }
        let plural = |n: usize| if n == 1 { "argument" } else { "arguments" };
        let wanted = match (least, most) {
            (a, b) if a == b && a == 0 => "no arguments".to_string(),
            (a, b) if a == b => format!("{a} {}", plural(a)),
            (a, _) if given < a => format!("at least {a} {}", plural(a)),
            (_, b) => format!("up to {b} {}", plural(b)),
        };
        self.sink.push(Diagnostic::error(span, format!("{name}() requires {wanted} ({given} provided)")));
        false
    }

    fn unary(&mut self, span: Span, op: UnaryOp, operand: &Expr) -> Ty {
        let ty = self.value(operand);
        match (op, &ty.ty) {
            (_, Type::Void) => Ty::VOID,
            (UnaryOp::Not, Type::Int(_) | Type::Bool | Type::Enum(_) | Type::Pointer(..)) => Ty::fixed(Type::Bool),
            (UnaryOp::Neg, other) if other.is_integer() => Ty::fixed(Type::I64),
            (UnaryOp::BitNot, other) if other.is_integer() => Ty::fixed(Type::int(8, other.is_signed())),
            (op, other) => {
                let message = format!("The {} operator can not be used on expressions of types {other}", op.symbol());
                self.sink.push(Diagnostic::error(span, message));
                Ty::VOID
            }
        }
    }

    fn step(&mut self, target: &Expr) -> Ty {
        if let Some(pointer) = self.kept_pointer(target) {
            self.expr(target);
            return pointer;
        }
        match Target::of(target) {
            Target::Variable => {
                let ty = self.expr(target);
                self.expect_integer(target, &ty, "an increment");
                if let Some(&var) = self.names.uses.get(&target.id) {
                    self.widen_var(var, target.span, &Ty::fixed(Type::int(8, ty.integer().is_none_or(|int| int.int.signed))));
                }
                self.expr(target)
            }
            Target::Map(name) => {
                self.scalar(name, target.span);
                self.widen_value(name, target.span, &Ty::fixed(Type::I64));
                self.read_map(name, target.span)
            }
            Target::Element(map, key) => {
                self.keyed(&map.node, map.span, key);
                self.widen_value(&map.node, target.span, &Ty::fixed(Type::I64));
                self.read_map(&map.node, target.span)
            }
            Target::Part | Target::None => {
                self.sink.push(Diagnostic::error(target.span, "`++` and `--` need a variable or a map"));
                Ty::VOID
            }
        }
    }

    fn ternary(&mut self, span: Span, condition: &Expr, then: Option<&Expr>, otherwise: &Expr) -> Ty {
        let truth = self.condition(condition);
        let a = then.map_or(truth, |then| self.expr(then));
        let b = self.expr(otherwise);
        // `c ? printf("a") : printf("b")`
        if a.ty == Type::Void && b.ty == Type::Void {
            return Ty::VOID;
        }
        let a = then.map_or(a.clone(), |then| self.as_value(then, a));
        let b = self.as_value(otherwise, b);
        match (join(&a, &b), self.known_truth(condition)) {
            // Only one of them is ever there.
            (None, Some(truth)) => {
                if truth {
                    a
                } else {
                    b
                }
            }
            _ => self.branches(span, &a, &b),
        }
    }

    /// Whether a condition that is a constant holds; a text does unless it is empty.
    pub(super) fn known_truth(&mut self, condition: &Expr) -> Option<bool> {
        let known = self.constant(condition)?;
        if let Constant::Text(text) = &known {
            return Some(!text.is_empty());
        }
        // Lowering, which folds nothing but integers and texts, has to know, too.
        if let Constant::Bool(_) = known {
            self.keep(condition, known.clone());
        }
        known.truth()
    }

    fn if_(
        &mut self,
        span: Span,
        condition: &Expr,
        then: &rbtrace_syntax::ast::Block,
        otherwise: Option<&rbtrace_syntax::ast::Block>,
    ) -> Ty {
        self.condition(condition);
        let a = self.block(then, then.value.is_none() || otherwise.is_none_or(|block| block.value.is_none()));
        let Some(otherwise) = otherwise else { return Ty::VOID };
        let b = self.block(otherwise, otherwise.value.is_none());
        // A branch that ends in a call without a value gives none; neither does the whole.
        if a.ty == Type::Void || b.ty == Type::Void {
            return Ty::VOID;
        }
        self.branches(span, &a, &b)
    }

    fn branches(&mut self, span: Span, a: &Ty, b: &Ty) -> Ty {
        if let Some(joined) = join(a, b) {
            return joined;
        }
        let message = format!("Ternary must return the same type: have '{}' and '{}'", a.ty, b.ty);
        self.sink.push(Diagnostic::error(span, message).because("the branches give different types"));
        Ty::VOID
    }

    /// A condition; its type.
    pub(super) fn condition(&mut self, condition: &Expr) -> Ty {
        let ty = self.value(condition);
        match &ty.ty {
            Type::Void | Type::Bool | Type::Int(_) | Type::Enum(_) | Type::Pointer(..) => {}
            Type::String(_) if self.known_truth(condition).is_some() => {}
            other @ (Type::String(_) | Type::Buffer(_) | Type::Array(..) | Type::Struct(_) | Type::Tuple(_) | Type::Record(_))
            | other @ (Type::Named(_) | Type::Aggregate(_)) => {
                let message = format!("Invalid condition: {other}");
                self.sink.push(Diagnostic::error(condition.span, message).because("a condition is an integer, a bool or a pointer"));
            }
        }
        ty
    }

    pub(super) fn expect_integer(&mut self, expr: &Expr, ty: &Ty, what: &str) {
        if ty.ty != Type::Void && ty.integer().is_none() {
            let message = format!("{what} needs an integer, not `{}`", ty.ty);
            self.sink.push(Diagnostic::error(expr.span, message).because(format!("this is `{}`", ty.ty)));
        }
    }

    fn record(&mut self, span: Span, items: &[(Name, Expr)]) -> Ty {
        for (at, (name, _)) in items.iter().enumerate() {
            if let Some((first, _)) = items[..at].iter().find(|(other, _)| other.node == name.node) {
                let error = Diagnostic::error(name.span, format!("the record has two fields called `{}`", name.node));
                self.sink.push(error.because("again here").label(first.span, "the first one"));
                return Ty::VOID;
            }
        }
        let fields = items.iter().map(|(name, item)| (name.node.clone(), self.value(item))).collect();
        self.gathered(span, Ty::record(fields))
    }
}

/// The fields of `args` one after the other with natural alignment; where they were in the probe's record does not matter any more.
pub(crate) fn packed(args: &Struct) -> Struct {
    let mut end = 0;
    let mut fields = args.fields.clone();
    for field in &mut fields {
        field.offset = align_up(end, field.ty.align().max(1));
        field.bits = None;
        field.data_loc = None;
        end = field.offset + field.ty.size();
    }
    Struct { name: args.name.clone(), fields, size: align_up(end, 8) }
}
