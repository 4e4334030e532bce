//! Two types that meet in one variable, map or branch → the type that holds both (SPEC §3.3).

use std::sync::Arc;

use rbtrace_types::integer::{self, Flexible};
use rbtrace_types::{Aggregate, Space, Type};

/// A type, and which of its integers are those of literals that have not chosen their sign.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ty {
    /// The type.
    pub ty: Type,
    sign: Sign,
}

/// What of a type may still take another sign.
#[derive(Clone, Debug, PartialEq)]
enum Sign {
    /// Nothing.
    Fixed,
    /// It is an integer, and may.
    Open,
    /// Of a tuple or record, some of its elements. Invariant: as many as the type has, and not all of them fixed.
    Of(Vec<Sign>),
}

impl Sign {
    /// That of a tuple or record of such elements.
    fn of(elements: Vec<Sign>) -> Sign {
        if elements.iter().all(|sign| *sign == Sign::Fixed) { Sign::Fixed } else { Sign::Of(elements) }
    }

    fn open_if(flexible: bool) -> Sign {
        if flexible { Sign::Open } else { Sign::Fixed }
    }

    fn element(&self, index: usize) -> Sign {
        match self {
            Sign::Of(elements) => elements.get(index).cloned().unwrap_or(Sign::Fixed),
            Sign::Fixed | Sign::Open => Sign::Fixed,
        }
    }
}

impl Ty {
    /// Nothing known.
    pub const VOID: Ty = Ty { ty: Type::Void, sign: Sign::Fixed };

    /// A type that is what it is.
    pub fn fixed(ty: Type) -> Ty {
        Ty { ty, sign: Sign::Fixed }
    }

    /// The type of an integer constant.
    pub fn literal(value: i128) -> Ty {
        let Flexible { int, flexible } = integer::of_literal(value);
        Ty { ty: Type::Int(int), sign: Sign::open_if(flexible) }
    }

    /// The type of a tuple.
    pub fn tuple(elements: Vec<Ty>) -> Ty {
        let (types, signs) = elements.into_iter().map(|element| (element.ty, element.sign)).unzip();
        Ty { ty: Type::Tuple(types), sign: Sign::of(signs) }
    }

    /// The type of a record.
    pub fn record(fields: Vec<(String, Ty)>) -> Ty {
        let (types, signs) = fields.into_iter().map(|(name, field)| ((name, field.ty), field.sign)).unzip();
        Ty { ty: Type::Record(types), sign: Sign::of(signs) }
    }

    /// The type of an element of a tuple or record; `None`: there is none.
    pub fn element(&self, index: usize) -> Option<Ty> {
        let ty = (*self.ty.elements()?.get(index)?).clone();
        Some(Ty { ty, sign: self.sign.element(index) })
    }

    /// Whether it is that of a literal that has not chosen its sign.
    pub fn is_open(&self) -> bool {
        self.sign == Sign::Open
    }

    /// As the integer rules see it: bools are `uint8`, enums `uint64`, aggregations 64 bits.
    pub fn integer(&self) -> Option<Flexible> {
        let fixed = |bytes, signed| Some(Flexible { int: rbtrace_types::Int { bytes, signed }, flexible: false });
        match &self.ty {
            Type::Int(int) => Some(Flexible { int: *int, flexible: self.is_open() }),
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
        (x, y) if x == y => Some(Ty { ty: a.ty.clone(), sign: both(&a.sign, &b.sign) }),
        (Type::Void, _) => Some(b.clone()),
        (_, Type::Void) => Some(a.clone()),
        (Type::Pointer(..), Type::Int(_)) if b.is_open() => Some(a.clone()),
        (Type::Int(_), Type::Pointer(..)) if a.is_open() => Some(b.clone()),
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
            let items: Option<Vec<Ty>> = (0..x.len()).map(|index| join_elements(a, index, b, index)).collect();
            bounded(Ty::tuple(items?))
        }
        (Type::Record(x), Type::Record(y)) if x.len() == y.len() => {
            let place = |name: &String| y.iter().position(|(other, _)| other == name);
            let fields = x.iter().enumerate();
            let fields: Option<Vec<_>> =
                fields.map(|(index, (name, _))| Some((name.clone(), join_elements(a, index, b, place(name)?)?))).collect();
            bounded(Ty::record(fields?))
        }
        (Type::Aggregate(x), Type::Aggregate(y)) => join_aggregates(x, y),
        _ => {
            let (joined, _) = integer::promote(a.integer()?, b.integer()?);
            Some(Ty { ty: Type::Int(joined.int), sign: Sign::open_if(joined.flexible) })
        }
    }
}

/// Tuples that widen to deeper ones hold themselves (`@a = (1, @a)`): no type is large enough.
const DEEPEST: usize = 12;

fn bounded(ty: Ty) -> Option<Ty> {
    (depth(&ty.ty) <= DEEPEST).then_some(ty)
}

fn depth(ty: &Type) -> usize {
    ty.elements().map_or(0, |items| 1 + items.iter().map(|item| depth(item)).max().unwrap_or(0))
}

/// What may take another sign on both sides.
fn both(a: &Sign, b: &Sign) -> Sign {
    match (a, b) {
        (Sign::Open, Sign::Open) => Sign::Open,
        (Sign::Of(a), Sign::Of(b)) => Sign::of(a.iter().zip(b).map(|(a, b)| both(a, b)).collect()),
        (Sign::Fixed | Sign::Open, _) | (_, Sign::Fixed | Sign::Open) => Sign::Fixed,
    }
}

fn join_elements(a: &Ty, index: usize, b: &Ty, other: usize) -> Option<Ty> {
    join(&a.element(index)?, &b.element(other)?)
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
