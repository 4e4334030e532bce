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
        Ok(Value::Text(world.kernel_symbol(address).map_or_else(|| bare(address), |found| found.name.clone())))
    },
};

/// An address that has no name. Zero as upstream writes it, in the way of C.
pub fn bare(address: u64) -> String {
    if address == 0 { "0".to_owned() } else { format!("{address:#x}") }
}

const NAME: &str = "ksym_t";

/// The type.
pub fn ty() -> Type {
    Type::named(NAME, SIZE, 8)
}
