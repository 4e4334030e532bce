//! Casts during inference: which pairs are legal (SPEC §3.5), and types as written.

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_lang::{TypeCx, named};
use rbtrace_syntax::ast::{Expr, TypeRef};
use rbtrace_types::{Int, Type};

use super::{Infer, Ty};

impl Infer<'_> {
    pub(super) fn cast(&mut self, span: Span, written: &TypeRef, operand: &Expr) -> Ty {
        let from = self.value(operand);
        let Some(to) = self.written_type(written) else { return Ty::VOID };
        if from.ty == Type::Void {
            return Ty::fixed(to);
        }
        let to = sized_by(to, &from.ty);
        if let Type::Enum(of) = &to
            && let Some(value) = self.int_literal(operand)
            && of.constants.iter().all(|(_, constant)| i128::from(*constant) != value)
        {
            let message = format!("{} doesn't contain a variant value of {value}", of.name);
            self.sink.push(Diagnostic::error(span, message).because("no constant has this value"));
            return Ty::VOID;
        }
        // `sizeof(((struct x)0).y)`: no such value is ever made.
        let is_meant = self.only_types && from.ty.is_integer() && matches!(to, Type::Struct(_));
        if !is_meant && !Self::is_legal(&from.ty, &to) {
            let message = format!("Cannot cast from \"{}\" to \"{to}\"", from.ty);
            let error = Diagnostic::error(span, message);
            self.sink.push(match (&from.ty, &to) {
                (Type::Struct(_), _) | (_, Type::Struct(_)) => error.hint("cast a pointer to it instead: `(struct x *)p`"),
                (Type::String(_), Type::String(_)) => error.because("the text may not fit"),
                _ => error,
            });
            return Ty::VOID;
        }
        match (to, &from.ty) {
            // A cast keeps the address space of a tagged pointer.
            (Type::Pointer(pointee, _), Type::Pointer(_, space)) => Ty::fixed(Type::Pointer(pointee, *space)),
            (Type::Pointer(pointee, _), Type::String(_) | Type::Array(..)) => {
                Ty::fixed(Type::Pointer(pointee, self.home(operand, &from.ty)))
            }
            (to, _) => Ty::fixed(to),
        }
    }

    fn is_legal(from: &Type, to: &Type) -> bool {
        match (from, to) {
            (Type::Struct(_), _) | (_, Type::Struct(_)) => false,
            (from, to) if from == to => true,
            (Type::String(have), Type::String(want)) => have <= want,
            (Type::Buffer(have), Type::Buffer(want)) => have <= want,
            (Type::String(have), Type::Array(of, len)) => is_byte(of) && have <= len,
            (Type::String(_), Type::Bool) => true,
            // As in C, it is where it begins.
            (Type::String(_) | Type::Array(..), Type::Pointer(..)) => true,
            // An integer is widened to fill an array of up to 8 bytes.
            (from, Type::Array(of, _)) if from.is_scalar() => {
                let bytes = to.size();
                matches!(**of, Type::Int(_) | Type::Bool) && bytes > 0 && bytes <= 8 && (bytes >= from.size() || of.size() == bytes)
            }
            (from, Type::Named(named)) if from.is_integer() => named::by_name(&named.name).is_some_and(|row| row.is_number),
            (Type::Array(of, _), to) if to.is_integer() => array_bytes(of, from) == Some(to.size()),
            (from, to) => from.is_scalar() && to.is_scalar(),
        }
    }
}

/// `(T[])x`: as many elements as `x` has room for.
fn sized_by(to: Type, from: &Type) -> Type {
    if let Type::Array(of, 0) = &to
        && of.size() > 0
    {
        return Type::Array(of.clone(), from.size() / of.size());
    }
    to
}

/// Bytes of an array that an integer can fill.
fn array_bytes(of: &Type, array: &Type) -> Option<u32> {
    (matches!(of, Type::Int(_) | Type::Bool) && matches!(array.size(), 1 | 2 | 4 | 8)).then(|| array.size())
}

fn is_byte(ty: &Type) -> bool {
    matches!(ty, Type::Int(Int { bytes: 1, .. }))
}
