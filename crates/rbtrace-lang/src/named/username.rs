//! `username_t`: a user id that is shown as the user's name.

use rbtrace_types::Type;

use crate::row::NamedType;
use crate::value::{Value, read_int};

/// Bytes: the uid as u64.
pub const SIZE: u32 = 8;

/// The row.
pub static ROW: NamedType = NamedType {
    name: NAME,
    written: &[NAME],
    ty: Some(ty),
    is_number: true,
    show: |world, bytes| {
        let uid = read_int(bytes, 8, false)? as u32;
        // A user that is not in the table is shown as its number, so that nothing is lost.
        Ok(Value::Text(world.user_name(uid).unwrap_or_else(|| uid.to_string())))
    },
};

const NAME: &str = "username_t";

/// The type.
pub fn ty() -> Type {
    Type::named(NAME, SIZE, 8)
}
