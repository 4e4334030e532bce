//! `ksym_t`: an address of the kernel that is shown as the name there.

use rbtrace_types::Type;

use crate::row::NamedType;
use crate::value::{Value, read_int};

/// Bytes: the address.
pub const SIZE: u32 = 8;

/// The row.
pub static ROW: NamedType = NamedType {
    name: NAME,
    written: &[NAME],
    ty: Some(ty),
    is_number: false,
    show: |world, bytes| {
        let address = read_int(bytes, 8, false)? as u64;
        Ok(Value::Text(world.kernel_symbol(address).map_or_else(|| format!("{address:#x}"), |found| found.name.clone())))
    },
};

const NAME: &str = "ksym_t";

/// The type.
pub fn ty() -> Type {
    Type::named(NAME, SIZE, 8)
}
