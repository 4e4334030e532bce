//! `inet`: an IP address.

use std::net::{Ipv4Addr, Ipv6Addr};

use rbtrace_types::Type;

use crate::row::NamedType;
use crate::run::RunError;
use crate::value::{Value, read_int};

/// Bytes: the address family as u64, then 16 bytes as they come over the wire, of which version 4 uses the first four.
pub const SIZE: u32 = 24;

/// `AF_INET`
pub const V4: i64 = 2;
/// `AF_INET6`
pub const V6: i64 = 10;

/// The row.
pub static ROW: NamedType = NamedType {
    name: NAME,
    written: &[NAME, "inet_t"],
    ty: Some(ty),
    is_number: false,
    show: |_, bytes| {
        let family = read_int(bytes, 8, false)?;
        let address: [u8; 16] = bytes.get(8..24).and_then(|bytes| bytes.try_into().ok()).ok_or(RunError::Truncated)?;
        Ok(Value::Text(match family {
            V4 => Ipv4Addr::new(address[0], address[1], address[2], address[3]).to_string(),
            V6 => Ipv6Addr::from(address).to_string(),
            // A value that was never assigned, or a family that is none of the two.
            _ => String::new(),
        }))
    },
};

const NAME: &str = "inet";

/// The type.
pub fn ty() -> Type {
    Type::named(NAME, SIZE, 8)
}
