//! `timestamp`: a time on the boot clock, or TAI, and how it is shown.

use rbtrace_types::Type;

use crate::row::NamedType;
use crate::value::{Value, read_int};

/// Bytes: nanoseconds as u64, then as u64 one more than the number of the format among the manifest's texts, so that a value that was never
/// assigned (all zeros) has no format.
pub const SIZE: u32 = 16;

/// Added to the second word when the time is TAI.
pub const TAI: u64 = 1 << 32;

/// The row.
pub static ROW: NamedType = NamedType {
    name: NAME,
    written: &[NAME, "timestamp_t"],
    ty: Some(ty),
    is_number: false,
    show: |world, bytes| {
        let time = read_int(bytes, 8, false)? as u64;
        let number = read_int(bytes.get(8..).unwrap_or_default(), 8, false)? as u64;
        let epoch = if number & TAI != 0 { world.tai_to_epoch(time) } else { world.boot_to_epoch(time) };
        Ok(match (number & !TAI).checked_sub(1).and_then(|number| world.text(number)) {
            Some(format) => Value::Text(world.strftime(format, epoch)),
            None => Value::Text("(?)".into()),
        })
    },
};

const NAME: &str = "timestamp";

/// The type.
pub fn ty() -> Type {
    Type::named(NAME, SIZE, 8)
}
