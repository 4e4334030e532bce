//! The list of named value types.

pub mod cgroup_path;
pub mod inet;
pub mod kernel_stack;
pub mod kernel_symbol;
pub mod mac_address;
pub mod timestamp;
pub mod user_stack;
pub mod user_symbol;
pub mod username;

pub mod stack;

use rbtrace_types::Type;

use crate::row::NamedType;

/// Every row.
pub static ALL: &[&NamedType] = &[
    &cgroup_path::ROW,
    &inet::ROW,
    &kernel_stack::ROW,
    &kernel_symbol::ROW,
    &mac_address::ROW,
    &timestamp::ROW,
    &username::ROW,
    &user_stack::ROW,
    &user_symbol::ROW,
];

/// The row of a name. A row whose name ends in `_` or `[` is that of all names which begin so: the rest are parameters of the type.
pub fn by_name(name: &str) -> Option<&'static NamedType> {
    ALL.iter().copied().find(|row| row.name == name || (row.name.ends_with(['_', '[']) && name.starts_with(row.name)))
}

/// The type that a declaration means: `let $when : timestamp;`.
pub fn declared(name: &str) -> Option<Type> {
    let row = ALL.iter().find(|row| row.written.contains(&name))?;
    row.ty.map(|ty| ty())
}

/// The type that a declaration with a size means: `inet[16]`. An address has room for its longest form, whatever size is written.
pub fn sized(name: &str) -> Option<Type> {
    inet::ROW.written.contains(&name).then(inet::ty)
}
