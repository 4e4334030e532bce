//! Two types that meet in one variable, map or branch → the type that holds both (SPEC §3.3).

use std::sync::Arc;

use rbtrace_types::integer::{self, Flexible};
use rbtrace_types::{Aggregate, Space, Type};

/// A type, and whether it is that of a literal that has not chosen its sign.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ty {
    /// The type.
    pub ty: Type,
    /// Only ever true for integers.
    pub flexible: bool,
}

impl Ty {
    /// Nothing known.
    pub const VOID: Ty = Ty { ty: Type::Void, flexible: false };

    /// A type that is what it is.
    pub fn fixed(ty: Type) -> Ty {
        Ty { ty, flexible: false }
    }

    /// The type of an integer constant.
    pub fn literal(value: i128) -> Ty {
        let Flexible { int, flexible } = integer::of_literal(value);
        Ty { ty: Type::Int(int), flexible }
    }

    /// As the integer rules see it: bools are `uint8`, enums `uint64`, aggregations 64 bits.
    pub fn integer(&self) -> Option<Flexible> {
        let fixed = |bytes, signed| Some(Flexible { int: rbtrace_types::Int { bytes, signed }, flexible: false });
        match &self.ty {
            Type::Int(int) => Some(Flexible { int: *int, flexible: self.flexible }),
            Type::Bool => Some(Flexible { int: rbtrace_types::Int { bytes: 1, signed: false }, flexible: true }),
            Type::Enum(_) => fixed(8, false),
            Type::Aggregate(aggregate) => fixed(8, aggregate.signed),
            Type::Void | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..) | Type::Struct(_) => None,
            Type::Tuple(_) | Type::Record(_) | Type::Named(_) => None,
        }
    }
}

/// The type that holds both; `None`: there is none.
pub(crate) fn join(a: &Ty, b: &Ty) -> Option<Ty> {
    match (&a.ty, &b.ty) {
        (x, y) if x == y => Some(Ty { ty: a.ty.clone(), flexible: a.flexible && b.flexible }),
        (Type::Void, _) => Some(b.clone()),
        (_, Type::Void) => Some(a.clone()),
        (Type::Pointer(..), Type::Int(_)) if b.flexible => Some(a.clone()),
        (Type::Int(_), Type::Pointer(..)) if a.flexible => Some(b.clone()),
        (Type::String(x), Type::String(y)) => Some(Ty::fixed(Type::String(*x.max(y)))),
        (Type::Buffer(x), Type::Buffer(y)) => Some(Ty::fixed(Type::Buffer(*x.max(y)))),
        (Type::Pointer(x, space), Type::Pointer(y, other)) if **x == Type::Void || **y == Type::Void || same_pointee(x, y) => {
            let to = if **x == Type::Void { y } else { x };
            let space = if *space == Space::None { other } else { space };
            Some(Ty::fixed(Type::Pointer(Arc::clone(to), *space)))
        }
        (Type::Pointer(x, space), Type::Pointer(y, other)) if matches!((&**x, &**y), (Type::Int(_), Type::Int(_))) => {
            let space = if *space == Space::None { other } else { space };
            Some(Ty::fixed(Type::Pointer(Arc::new(join_plain(x, y)?), *space)))
        }
        (Type::Tuple(x), Type::Tuple(y)) if x.len() == y.len() => {
            let items: Option<Vec<Type>> = x.iter().zip(y).map(|(x, y)| join_plain(x, y)).collect();
            bounded(Type::Tuple(items?))
        }
        (Type::Record(x), Type::Record(y)) if x.len() == y.len() => {
            let field = |name: &String| y.iter().find(|(other, _)| other == name).map(|(_, ty)| ty);
            let items: Option<Vec<_>> = x.iter().map(|(name, ty)| Some((name.clone(), join_plain(ty, field(name)?)?))).collect();
            bounded(Type::Record(items?))
        }
        (Type::Aggregate(x), Type::Aggregate(y)) => join_aggregates(x, y),
        _ => {
            let (joined, _) = integer::promote(a.integer()?, b.integer()?);
            Some(Ty { ty: Type::Int(joined.int), flexible: joined.flexible })
        }
    }
}

/// Tuples that widen to deeper ones hold themselves (`@a = (1, @a)`): no type is large enough.
const DEEPEST: usize = 12;

fn bounded(ty: Type) -> Option<Ty> {
    (depth(&ty) <= DEEPEST).then(|| Ty::fixed(ty))
}

fn depth(ty: &Type) -> usize {
    ty.elements().map_or(0, |items| 1 + items.iter().map(|item| depth(item)).max().unwrap_or(0))
}

fn join_plain(a: &Type, b: &Type) -> Option<Type> {
    join(&Ty::fixed(a.clone()), &Ty::fixed(b.clone())).map(|joined| joined.ty)
}

/// Structs behind pointers are the same if their names are: one may be known more deeply than the other.
fn same_pointee(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Struct(a), Type::Struct(b)) => a.name == b.name,
        _ => a == b,
    }
}

/// The same function with the same literals; signed if either is.
fn join_aggregates(a: &Arc<Aggregate>, b: &Arc<Aggregate>) -> Option<Ty> {
    let same = a.name == b.name && a.params == b.params && a.size == b.size;
    same.then(|| Ty::fixed(Type::Aggregate(Arc::new(Aggregate { signed: a.signed || b.signed, ..(**a).clone() }))))
}
