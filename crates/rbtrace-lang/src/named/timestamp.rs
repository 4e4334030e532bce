//! `timestamp`: a time on the boot clock and how it is shown.

use rbtrace_types::Type;

use crate::row::NamedType;
use crate::value::{Value, read_int};

/// Bytes: nanoseconds on the boot clock as u64, then as u64 one more than the number of the format among the manifest's texts, so that
/// a value that was never assigned (all zeros) has no format.
pub const SIZE: u32 = 16;

/// The row.
pub static ROW: NamedType = NamedType {
    name: NAME,
    show: |world, bytes| {
        let since_boot = read_int(bytes, 8, false)? as u64;
        let number = read_int(bytes.get(8..).unwrap_or_default(), 8, false)? as u64;
        Ok(match number.checked_sub(1).and_then(|number| world.text(number)) {
            Some(format) => Value::Text(world.strftime(format, world.boot_to_epoch(since_boot))),
            None => Value::Text("(?)".into()),
        })
    },
};

const NAME: &str = "timestamp";

/// The type.
pub fn ty() -> Type {
    Type::named(NAME, SIZE, 8)
}
