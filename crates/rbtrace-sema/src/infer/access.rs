//! Parts of values during inference: fields, elements, what pointers point to, addresses.

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Span, nearest};
use rbtrace_lang::TypeCx;
use rbtrace_lang::compile::per_cpu_pointer;
use rbtrace_lang::row::Unreadable;
use rbtrace_syntax::ast::{Expr, ExprKind, Name, UnaryOp};
use rbtrace_types::{Space, Struct, Type};

use super::{Infer, Ty, packed};
use crate::args::is_args;

impl Infer<'_> {
    /// A field, and its value where the record is known now (`config.max_strlen`).
    pub(super) fn known_field(&mut self, expr: &Expr, base: &Expr, field: &Name) -> Ty {
        let ty = self.field(base, field);
        if let Some(value) = self.constants.get(&base.id).and_then(|known| known.field(&field.node)) {
            self.keep(expr, value);
        }
        ty
    }

    fn field(&mut self, base: &Expr, field: &Name) -> Ty {
        if is_args(base) {
            let Some(args) = self.body.args.clone() else { return self.args(base.span) };
            if let (None, Some(unreadable)) = (args.field(&field.node), self.unreadable(&field.node)) {
                self.sink.push(Diagnostic::error(field.span, unreadable.message).because(unreadable.why));
                return Ty::VOID;
            }
            self.types[base.id.0 as usize] = Ty::fixed(Type::Struct(Arc::new(packed(&args))));
            return self.struct_field(&args, field, None);
        }
        let ty = self.expr(base);
        let (inner, through) = self.target(&ty.ty);
        match &inner {
            Type::Void => Ty::VOID,
            _ if self.is_per_cpu(&ty.ty, base) => Ty::VOID,
            Type::Struct(s) => {
                let space = through.or_else(|| self.origin(base));
                self.struct_field(s, field, space)
            }
            Type::Record(items) => match items.iter().position(|(name, _)| *name == field.node) {
                Some(index) => ty.element(index).unwrap_or_else(|| Ty::fixed(items[index].1.clone())),
                None => self.no_field(&ty.ty.to_string(), field, items.iter().map(|(name, _)| name.as_str()).collect()),
            },
            other @ (Type::Bool | Type::Int(_) | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..))
            | other @ (Type::Enum(_) | Type::Tuple(_) | Type::Named(_) | Type::Aggregate(_)) => {
                let message = format!("Can not access field '{}' on expression of type '{other}'", field.node);
                self.sink.push(Diagnostic::error(field.span, message).because("not a struct or record"));
                Ty::VOID
            }
        }
    }

    /// Why no program can read an argument that is there.
    fn unreadable(&self, name: &str) -> Option<Unreadable> {
        let place = &self.body.places[0].0;
        let all = (place.probe_type.unreadable_args)(self.shared.facts, place);
        all.into_iter().find(|unreadable| unreadable.name == name)
    }

    /// Whether a pointer that is to be followed is none to follow; says so.
    fn is_per_cpu(&mut self, ty: &Type, pointer: &Expr) -> bool {
        let Type::Pointer(_, Space::PerCpu) = ty else { return false };
        let what = if let ExprKind::Field { field, .. } = &pointer.kind {
            format!("field '{}'", field.node)
        } else if let ExprKind::Variable(name) = &pointer.kind {
            format!("variable '${name}'")
        } else {
            "value".to_string()
        };
        self.sink.push(per_cpu_pointer(pointer.span, &what));
        true
    }

    /// What is behind all pointers, and the memory the last one points into.
    fn target(&self, ty: &Type) -> (Type, Option<Space>) {
        let (mut inner, mut space) = (ty, None);
        while let Type::Pointer(to, of) = inner {
            (inner, space) = (to, Some(*of));
        }
        (self.seen().complete(inner, space.unwrap_or_default()), space)
    }

    /// The memory that a struct or array, which is not behind a pointer itself, is a part of.
    fn origin(&self, expr: &Expr) -> Option<Space> {
        let known = |expr: &Expr| {
            if let Type::Pointer(_, space) = &self.types[expr.id.0 as usize].ty { Some(*space) } else { self.origin(expr) }
        };
        if let ExprKind::Field { base, .. } = &expr.kind {
            return if is_args(base) { None } else { known(base) };
        }
        let (ExprKind::Index { base, .. } | ExprKind::Unary { op: UnaryOp::Deref, operand: base }) = &expr.kind else { return None };
        known(base)
    }

    /// The memory that a text or array is in: where it is read from, or the program's own.
    pub(super) fn home(&self, expr: &Expr, ty: &Type) -> Space {
        let is_argument = matches!(ty, Type::Array(..)) && is_part_of_args(expr);
        let own = if is_argument { self.body.places[0].0.probe_type.space } else { Space::Kernel };
        self.origin(expr).unwrap_or(own)
    }

    fn struct_field(&mut self, s: &Struct, field: &Name, space: Option<Space>) -> Ty {
        match s.field(&field.node) {
            Some(found) => Ty::fixed(within(&found.ty, space)),
            None if s.fields.is_empty() && s.size == 0 => self.unknown_struct(&s.name, field.span),
            None => self.no_field(&s.name, field, s.fields.iter().map(|field| field.name.as_str()).collect()),
        }
    }

    pub(super) fn unknown_struct(&mut self, name: &str, span: Span) -> Ty {
        let error = Diagnostic::error(span, format!("Cannot resolve unknown type \"{name}\"")).because("nothing says what is in it");
        self.sink.push(error.hint("define it at the top of the script, or check that the kernel has BTF"));
        Ty::VOID
    }

    fn no_field(&mut self, of: &str, field: &Name, known: Vec<&str>) -> Ty {
        let message = format!("'{of}' does not contain a field named '{}'", field.node);
        let mut error = Diagnostic::error(field.span, message).because("no such field");
        error = match nearest(&field.node, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() || known.len() > MOST_LISTED => error,
            None => error.hint(format!("its fields: {}", known.join(", "))),
        };
        self.sink.push(error);
        Ty::VOID
    }

    pub(super) fn tuple_index(&mut self, base: &Expr, index: u32, span: Span) -> Ty {
        let ty = self.expr(base);
        match (ty.element(index as usize), ty.ty.elements()) {
            (Some(element), _) => element,
            (None, Some(items)) => {
                let message = format!("Invalid tuple index: {index}. Found {} elements in tuple.", items.len());
                self.sink.push(Diagnostic::error(span, message));
                Ty::VOID
            }
            (None, None) if ty.ty == Type::Void => Ty::VOID,
            (None, None) => {
                let message = format!("Can not access index '{index}' on expression of type '{}'", ty.ty);
                self.sink.push(Diagnostic::error(span, message).because("not a tuple"));
                Ty::VOID
            }
        }
    }

    pub(super) fn index(&mut self, base: &Expr, index: &Expr) -> Ty {
        let (base_ty, index_ty) = (self.expr(base), self.value(index));
        self.expect_integer(index, &index_ty, "an index");
        let constant = self.int_literal(index);
        let (item, len) = match &base_ty.ty {
            Type::Void => return Ty::VOID,
            Type::Pointer(..) if self.is_per_cpu(&base_ty.ty, base) => return Ty::VOID,
            Type::Tuple(_) | Type::Record(_) => return self.constant_tuple_index(base, index, constant),
            Type::Array(of, len) => (within(of, self.origin(base)), Some(*len)),
            Type::Pointer(to, space) if **to != Type::Void => (self.pointed(to, *space, base.span), None),
            Type::String(size) => (Type::int(1, true), Some(*size)),
            other @ (Type::Bool | Type::Int(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Struct(_) | Type::Enum(_))
            | other @ (Type::Named(_) | Type::Aggregate(_)) => {
                let message = format!("The array index operator [] can not be used on expressions of type {other}");
                self.sink.push(Diagnostic::error(base.span, message));
                return Ty::VOID;
            }
        };
        // An array of no length at the end of a struct goes on as far as its memory does.
        if let (Some(at), Some(len)) = (constant, len.filter(|len| *len > 0))
            && !(0..i128::from(len)).contains(&at)
        {
            let message = format!("the index {at} is out of bounds for array of size {len}");
            self.sink.push(Diagnostic::error(index.span, message));
        }
        Ty::fixed(item)
    }

    fn constant_tuple_index(&mut self, base: &Expr, index: &Expr, constant: Option<i128>) -> Ty {
        match constant.and_then(|at| u32::try_from(at).ok()) {
            Some(at) => self.tuple_index(base, at, index.span),
            None => {
                self.sink.push(Diagnostic::error(index.span, "a tuple's index must be a constant").because("its elements differ in type"));
                Ty::VOID
            }
        }
    }

    /// `*p`; an integer is taken as a pointer to `uint64` (SPEC §3.4).
    pub(super) fn deref(&mut self, span: Span, operand: &Expr) -> Ty {
        let ty = self.value(operand);
        match &ty.ty {
            Type::Void => Ty::VOID,
            Type::Pointer(..) if self.is_per_cpu(&ty.ty, operand) => Ty::VOID,
            Type::Pointer(to, space) if **to != Type::Void => Ty::fixed(self.pointed(to, *space, span)),
            Type::Int(_) => Ty::fixed(Type::U64),
            other @ (Type::Bool | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..) | Type::Struct(_))
            | other @ (Type::Enum(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_)) => {
                let message = format!("The * operator can not be used on expressions of types {other}");
                self.sink.push(Diagnostic::error(span, message));
                Ty::VOID
            }
        }
    }

    /// The type that a pointer gives when it is followed.
    fn pointed(&mut self, to: &Type, space: Space, span: Span) -> Type {
        let found = self.seen().complete(to, space);
        if let Type::Struct(s) = &found
            && s.size == 0
            && s.fields.is_empty()
        {
            return self.unknown_struct(&s.name, span).ty;
        }
        within(&found, Some(space))
    }

    /// `&$x`, `&@m`, `&@m[k]`
    pub(super) fn address_of(&mut self, span: Span, operand: &Expr) -> Ty {
        let ty = self.expr(operand);
        match (&operand.kind, &ty.ty) {
            (ExprKind::Map(_) | ExprKind::MapElement { .. }, Type::Aggregate(_)) => {
                let error = Diagnostic::error(span, format!("the address of a `{}` cannot be taken", ty.ty));
                self.sink.push(error.because("it is spread over the CPUs"));
                Ty::VOID
            }
            (ExprKind::Variable(_) | ExprKind::Map(_) | ExprKind::MapElement { .. }, Type::Void) => Ty::VOID,
            (ExprKind::Variable(_) | ExprKind::Map(_) | ExprKind::MapElement { .. }, ty) => {
                Ty::fixed(crate::c_types::pointee(ty.clone()).pointer(Space::Kernel))
            }
            _ => {
                // What is wrong with the value itself was said; what has no value (`&exit()`) has no address either.
                if self.sink.error_within(operand.span).is_none() {
                    let error = Diagnostic::error(span, "only variables and maps have an address");
                    self.sink.push(error.because("this value is not kept anywhere"));
                }
                Ty::VOID
            }
        }
    }
}

/// The most fields that a diagnostic lists.
const MOST_LISTED: usize = 20;

/// A pointer found in some memory points into the same, unless it says that it is the user's.
fn within(ty: &Type, space: Option<Space>) -> Type {
    match (ty, space) {
        (Type::Pointer(to, own), Some(space)) if !matches!(own, Space::User | Space::PerCpu) => Type::Pointer(Arc::clone(to), space),
        (Type::Array(of, len), Some(_)) => Type::Array(Arc::new(within(of, space)), *len),
        (ty, _) => ty.clone(),
    }
}

/// Whether what is in no memory that a pointer leads to is in an argument.
fn is_part_of_args(expr: &Expr) -> bool {
    let (ExprKind::Field { base, .. } | ExprKind::Index { base, .. }) = &expr.kind else { return false };
    is_args(base) || is_part_of_args(base)
}
