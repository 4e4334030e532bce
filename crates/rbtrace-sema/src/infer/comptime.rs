//! What is known while a script is compiled: `sizeof`, `offsetof`, `typeinfo`, `comptime`, and the builtins whose rows say so (SPEC §2.17).
//!
//! A value found here is kept in a table; lowering looks there first.

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_lang::compile::Constant;
use rbtrace_lang::row::Builtin;
use rbtrace_lang::{Call, TypeCx, config, variables, warnings};
use rbtrace_syntax::ast::{BinaryOp, Block, Expr, ExprKind, Name, TypeBase, TypeOrExpr, TypeRef, UnaryOp};
use rbtrace_types::{Space, Type};

use super::{Infer, Ty};
use crate::{fold, stdlib, types};

impl Infer<'_> {
    /// `sizeof(…)`
    pub(super) fn size_of(&mut self, expr: &Expr, of: &TypeOrExpr) -> Ty {
        if let Some(ty) = self.type_meant(of) {
            let whole = self.seen().complete(&ty, Space::None);
            if matches!(&whole, Type::Struct(s) if s.size == 0 && s.fields.is_empty()) {
                return self.unknown_struct(&ty.to_string(), expr.span);
            }
            self.keep(expr, Constant::Int(i128::from(whole.size())));
        }
        Ty::fixed(Type::U64)
    }

    /// `offsetof(T, a.b)`
    pub(super) fn offset_of(&mut self, expr: &Expr, of: &TypeOrExpr, path: &[Name]) -> Ty {
        let Some(mut ty) = self.type_meant(of) else { return Ty::VOID };
        let mut offset = 0;
        for field in path {
            let found = match &self.seen().complete(&ty, Space::None) {
                Type::Struct(s) => s.field(&field.node).map(|field| (field.offset, field.ty.clone())),
                Type::Record(fields) => {
                    let at = fields.iter().position(|(name, _)| *name == field.node);
                    let types: Vec<Type> = fields.iter().map(|(_, ty)| ty.clone()).collect();
                    at.map(|at| (rbtrace_types::Layout::of(&types).offsets[at], types[at].clone()))
                }
                Type::Void | Type::Bool | Type::Int(_) | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..) => None,
                Type::Enum(_) | Type::Tuple(_) | Type::Named(_) | Type::Aggregate(_) => None,
            };
            let Some((at, inner)) = found else {
                let error = Diagnostic::error(field.span, format!("'{ty}' has no field named '{}'", field.node));
                self.sink.push(error.because("not a field"));
                return Ty::VOID;
            };
            offset += at;
            ty = inner;
        }
        self.keep(expr, Constant::Int(i128::from(offset)));
        Ty::fixed(Type::U64)
    }

    /// `typeinfo(x)`: a record of texts. The library may ask; a script must have said that it wants to.
    pub(super) fn type_info(&mut self, expr: &Expr, of: &TypeOrExpr) -> Ty {
        let key = config::unstable_typeinfo::ROW.name;
        let is_library = stdlib::is_file(&self.shared.sources.get(expr.span.source).name);
        let setting = self.config(key).unwrap_or_default();
        match setting.as_str() {
            "error" if !is_library => {
                let message = format!(
                    "typeinfo feature is not enabled by default. To enable this unstable feature, set the config flag to enable. {key}=enable"
                );
                self.sink.push(Diagnostic::error(expr.span, message));
            }
            "warn" if !is_library => {
                self.sink.push(warnings::UNSTABLE.at(expr.span, "typeinfo is unstable and may change"));
            }
            _ => {}
        }
        let element = match of {
            // An aggregation is asked for as what it is, not as the number that it reads as.
            TypeOrExpr::Expr(of) if matches!(of.kind, ExprKind::MapElement { .. }) => Some(self.expr(of).ty),
            TypeOrExpr::Expr(_) | TypeOrExpr::Type(_) => self.type_meant(of),
        };
        let Some(ty) = element else { return Ty::VOID };
        let texts = [("base_type", base_name(&ty).to_string()), ("full_type", ty.to_string().replace(" *", "*"))];
        let mut types = vec![("btf_id".to_string(), Type::I32)];
        let mut values = vec![("btf_id".to_string(), Constant::Int(0))];
        for (name, text) in texts {
            types.push((name.to_string(), Type::String(text.len() as u32 + 1)));
            values.push((name.to_string(), Constant::Text(text.into_bytes())));
        }
        self.keep(expr, Constant::Record(values));
        Ty::fixed(Type::Record(types))
    }

    /// `comptime e`
    pub(super) fn comptime(&mut self, expr: &Expr, inner: &Expr) -> Ty {
        let ty = self.expr(inner);
        match self.constant(inner) {
            Some(value) => self.keep(expr, value),
            None if self.last && self.sink.error_within(inner.span).is_none() => {
                self.sink.push(Diagnostic::error(expr.span, "Unable to resolve comptime expression").because("not a constant"));
            }
            None => {}
        }
        ty
    }

    /// `if comptime …`: only what runs has types. While the condition is not settled, nothing has.
    pub(super) fn if_comptime(&mut self, condition: &Expr, then: &Block, otherwise: Option<&Block>) -> Ty {
        self.expr(condition);
        let taken = match self.known_truth(condition) {
            Some(true) => Some(then),
            Some(false) => otherwise,
            None => None,
        };
        taken.map_or(Ty::VOID, |block| self.block(block, false))
    }

    /// The value of an expression that was typed already, if it is known now.
    pub(super) fn constant(&mut self, expr: &Expr) -> Option<Constant> {
        if let Some(known) = self.constants.get(&expr.id) {
            return Some(known.clone());
        }
        if let Some(number) = fold::int(expr, self.shared).ok().flatten() {
            return Some(Constant::Int(number));
        }
        match &expr.kind {
            ExprKind::Bool(value) => Some(Constant::Bool(*value)),
            ExprKind::Field { base, field } => self.constant(base)?.field(&field.node),
            ExprKind::Unary { op: UnaryOp::Not, operand } => Some(Constant::Bool(!self.constant(operand)?.truth()?)),
            ExprKind::Binary { op, left, right } => self.constant_binary(*op, left, right),
            ExprKind::Ternary { condition, then: Some(then), otherwise } => match self.constant(condition)?.truth()? {
                true => self.constant(then),
                false => self.constant(otherwise),
            },
            ExprKind::Block(block) => self.constant(block.bare_value()?),
            ExprKind::If { condition, then, otherwise: Some(otherwise) } => {
                let taken = if self.constant(condition)?.truth()? { then } else { otherwise };
                self.constant(taken.bare_value()?)
            }
            ExprKind::Ternary { then: None, .. } | ExprKind::If { otherwise: None, .. } => self.text(expr),
            ExprKind::Int(_) | ExprKind::String(_) | ExprKind::Param(_) | ExprKind::ParamCount | ExprKind::Ident(_) => self.text(expr),
            ExprKind::Variable(_) | ExprKind::Map(_) | ExprKind::MapElement { .. } | ExprKind::Call { .. } => self.text(expr),
            ExprKind::Unary { .. } | ExprKind::Step { .. } | ExprKind::Cast { .. } | ExprKind::Tuple(_) | ExprKind::Record(_) => {
                self.text(expr)
            }
            ExprKind::TupleIndex { .. } | ExprKind::Index { .. } | ExprKind::SizeOf(_) | ExprKind::OffsetOf(..) => self.text(expr),
            ExprKind::TypeInfo(_) | ExprKind::Comptime(_) | ExprKind::Error => self.text(expr),
        }
    }

    fn text(&mut self, expr: &Expr) -> Option<Constant> {
        self.string_literal(expr).map(Constant::Text)
    }

    fn constant_binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Constant> {
        let left = self.constant(left)?;
        // The right side need not be known where the left one decides.
        match (op, left.truth()) {
            (BinaryOp::And, Some(false)) => return Some(Constant::Bool(false)),
            (BinaryOp::Or, Some(true)) => return Some(Constant::Bool(true)),
            _ => {}
        }
        let right = self.constant(right)?;
        if let (BinaryOp::And | BinaryOp::Or, Some(truth)) = (op, right.truth()) {
            return Some(Constant::Bool(truth));
        }
        let (Constant::Int(a), Constant::Int(b)) = (&left, &right) else { return compare(op, left.text()?.cmp(right.text()?)) };
        match fold::binary(op, *a, *b).ok()? {
            Some(number) => Some(Constant::Int(number)),
            None => compare(op, a.cmp(b)),
        }
    }

    pub(super) fn keep(&mut self, expr: &Expr, value: Constant) {
        self.constants.insert(expr.id, value);
    }

    /// A call of a builtin whose row knows its value now.
    pub(super) fn constant_call(&mut self, row: &Builtin, call: &Call) {
        if let Some(value) = row.constant.and_then(|constant| constant(self, call)) {
            self.constants.insert(call.id, value);
        }
    }

    /// The type that `sizeof` and its like are about.
    pub(super) fn type_meant(&mut self, of: &TypeOrExpr) -> Option<Type> {
        match of {
            TypeOrExpr::Type(written) => self.written_type(written),
            TypeOrExpr::Expr(of) => self.type_of_expr(of),
        }
    }

    /// `sizeof(int32)` reads as an identifier: a type of that name wins, but not over a builtin. `pid` is no `struct pid`. A map with keys
    /// stands for the type of its key.
    fn type_of_expr(&mut self, of: &Expr) -> Option<Type> {
        if let ExprKind::Map(name) = &of.kind {
            return self.map_type(name, of.span);
        }
        let is_builtin = matches!(&of.kind, ExprKind::Ident(name) if variables::by_name(name).is_some());
        if let Some(ty) = types::named(of, &self.seen()).filter(|_| !is_builtin) {
            self.types[of.id.0 as usize] = Ty::fixed(ty.clone());
            return Some(ty);
        }
        let outside = std::mem::replace(&mut self.only_types, true);
        let ty = self.value(of).ty;
        self.only_types = outside;
        Some(ty)
    }

    /// A type as written, `typeof(…)` resolved. `None`: something was pushed to the sink, or nothing is known yet.
    pub(super) fn written_type(&mut self, written: &TypeRef) -> Option<Type> {
        let TypeBase::TypeOf(of) = &written.base else { return types::resolve(written, &self.seen(), self.sink) };
        let base = self.type_meant(of)?;
        if base == Type::Void {
            return None;
        }
        types::suffixed(base, &written.suffixes)
    }

    fn map_type(&mut self, name: &str, span: Span) -> Option<Type> {
        self.refuse_unassigned(name, span);
        let state = self.map_state(name, span);
        Some(match &state.key {
            Some(Some(key)) => key.ty.clone(),
            Some(None) | None => state.value.ty.clone(),
        })
    }
}

/// What a comparison of two constants gives.
pub(super) fn compare(op: BinaryOp, order: std::cmp::Ordering) -> Option<Constant> {
    Some(Constant::Bool(match op {
        BinaryOp::Eq => order.is_eq(),
        BinaryOp::Ne => order.is_ne(),
        BinaryOp::Lt => order.is_lt(),
        BinaryOp::Le => order.is_le(),
        BinaryOp::Gt => order.is_gt(),
        BinaryOp::Ge => order.is_ge(),
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::And | BinaryOp::Or => return None,
        BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor | BinaryOp::Shl | BinaryOp::Shr => return None,
    }))
}

/// The kind of a type in one word.
fn base_name(ty: &Type) -> &str {
    match ty {
        Type::Void => "void",
        Type::Bool => "bool",
        Type::Int(_) => "int",
        Type::String(_) => "string",
        Type::Buffer(_) => "buffer",
        Type::Pointer(..) => "pointer",
        Type::Array(..) => "array",
        Type::Struct(_) => "record",
        Type::Enum(_) => "int",
        Type::Tuple(_) => "tuple",
        Type::Record(_) => "record",
        Type::Named(named) => &named.name,
        Type::Aggregate(aggregate) => &aggregate.name,
    }
}
