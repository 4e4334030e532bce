//! `usym_t`: an address of a process that is shown as the name there.

use rbtrace_types::Type;

use super::kernel_symbol;
use crate::row::NamedType;
use crate::value::{Value, read_int};

/// Bytes: the address, then the process as u64.
pub const SIZE: u32 = 16;

/// The row.
pub static ROW: NamedType = NamedType {
    name: NAME,
    written: &[NAME],
    ty: Some(ty),
    is_number: false,
    show: |world, bytes| {
        let address = read_int(bytes, 8, false)? as u64;
        let pid = read_int(bytes.get(8..).unwrap_or_default(), 8, false)? as u32;
        Ok(Value::Text(world.user_symbol(pid, address).map_or_else(|| kernel_symbol::bare(address), |found| found.name.clone())))
    },
};

const NAME: &str = "usym_t";

/// The type.
pub fn ty() -> Type {
    Type::named(NAME, SIZE, 8)
}
