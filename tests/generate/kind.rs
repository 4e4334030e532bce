//! What a generated expression is: types as coarse as the writer needs them, for widths and capacities grow by themselves.

use rbtrace_types::{Int, Type};

/// The kind of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Int,
    Bool,
    Str,
    Buf,
    /// Of integers: their type as it is written, and how many.
    Array(String, u32),
    /// To an integer, as it is written.
    Pointer(String),
    Enum(String),
    Tuple(Vec<Kind>),
    Record(Vec<(String, Kind)>),
    /// Opaque to the language: `inet`, `timestamp`, stacks, structs by value. Only made by one builtin and handed on.
    Other(String),
}

impl Kind {
    /// The kind of what a builtin gives.
    pub fn of(ty: &Type) -> Option<Kind> {
        Some(match ty {
            Type::Void | Type::Aggregate(_) => return None,
            Type::Bool => Kind::Bool,
            Type::Int(_) => Kind::Int,
            Type::String(_) => Kind::Str,
            Type::Buffer(_) => Kind::Buf,
            Type::Pointer(to, _) => match &**to {
                Type::Int(_) => Kind::Pointer(to.to_string()),
                _ => Kind::Other(ty.to_string()),
            },
            Type::Array(of, len) => match &**of {
                Type::Int(Int { .. }) => Kind::Array(of.to_string(), *len),
                _ => Kind::Other(ty.to_string()),
            },
            Type::Enum(of) => Kind::Enum(of.name.clone()),
            Type::Tuple(items) => Kind::Tuple(items.iter().map(Kind::of).collect::<Option<_>>()?),
            Type::Record(items) => Kind::Record(items.iter().map(|(name, ty)| Some((name.clone(), Kind::of(ty)?))).collect::<Option<_>>()?),
            Type::Struct(_) | Type::Named(_) => Kind::Other(ty.to_string()),
        })
    }
}
