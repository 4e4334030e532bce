//! `mac_address`: six bytes in hexadecimal.

use rbtrace_types::Type;

use crate::row::NamedType;
use crate::run::RunError;
use crate::value::Value;

/// Bytes of it.
pub const SIZE: u32 = 6;

/// The row.
pub static ROW: NamedType = NamedType {
    name: NAME,
    written: &["macaddr_t", NAME],
    ty: Some(ty),
    is_number: false,
    show: |_, bytes| {
        let bytes = bytes.get(..6).ok_or(RunError::Truncated)?;
        Ok(Value::Text(bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")))
    },
};

const NAME: &str = "mac_address";

/// The type.
pub fn ty() -> Type {
    Type::named(NAME, SIZE, 1)
}
