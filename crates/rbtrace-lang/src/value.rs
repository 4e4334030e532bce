//! Values in user space: bytes + [`Type`] → [`Value`] → text. Bytes from the kernel are input: every read is checked.

use rbtrace_types::{Aggregate, Enum, Int, Layout, Struct, Type};

use crate::aggregations;
use crate::named;
use crate::named::stack::Stack;
use crate::row::Showing;
use crate::run::{RunError, World};

/// A value as it is printed.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing to show.
    None,
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// `true`, `false`
    Bool(bool),
    /// `0x…`
    Pointer(u64),
    /// A constant's name, else the number.
    Enum(i64, Option<String>),
    /// Bytes of a string up to its NUL; a truncated one already has the trailer appended.
    Str(Vec<u8>),
    /// A buffer.
    Bytes(Vec<u8>),
    /// `[a,b]`
    Array(Vec<Value>),
    /// `(a, b)`
    Tuple(Vec<Value>),
    /// `{ .a = 1 }`
    Struct(Vec<(String, Value)>),
    /// A named value, resolved.
    Text(String),
    /// `kstack`, `ustack`.
    Stack(Stack),
    /// `hist` and `lhist`.
    Histogram(Vec<Bucket>),
    /// `tseries`.
    Series(Series),
}

/// One row of a histogram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// `[2, 4)`
    pub label: String,
    /// Smallest value; `None`: open below.
    pub min: Option<i64>,
    /// Largest value (inclusive); `None`: open above.
    pub max: Option<i64>,
    /// How many.
    pub count: u64,
}

/// Values over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Nanoseconds between two points.
    pub interval: i64,
    /// Whether values may be negative.
    pub signed: bool,
    /// One for each interval from the first that has a value on.
    pub points: Vec<Point>,
}

/// An interval of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// When it started: nanoseconds since the epoch.
    pub start: i64,
    /// The same as local time: `23:59:59.999`.
    pub time: String,
    /// `None`: there was none.
    pub value: Option<i128>,
}

/// Decodes a value of a type from the start of `bytes`.
pub fn decode(ty: &Type, bytes: &[u8], world: &dyn World) -> Result<Value, RunError> {
    let bytes = bytes.get(..ty.size() as usize).ok_or(RunError::Truncated)?;
    Ok(match ty {
        Type::Void | Type::Aggregate(_) => Value::None,
        Type::Bool => Value::Bool(read_int(bytes, 1, false)? != 0),
        Type::Int(Int { bytes: width, signed: true }) => Value::Int(read_int(bytes, *width, true)?),
        Type::Int(Int { bytes: width, signed: false }) => Value::UInt(read_int(bytes, *width, false)? as u64),
        Type::Pointer(..) => Value::Pointer(read_int(bytes, 8, false)? as u64),
        Type::Enum(e) => enumerator(e, read_int(bytes, 8, false)?),
        Type::String(_) => Value::Str(string(bytes, world.trailer())),
        Type::Buffer(_) => buffer(bytes)?,
        Type::Array(of, _) if let Type::Aggregate(aggregate) = &**of => states(aggregate, bytes, world),
        Type::Array(of, len) => {
            let step = of.size() as usize;
            let items = (0..*len as usize).map(|i| decode(of, bytes.get(i * step..).ok_or(RunError::Truncated)?, world));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Type::Struct(s) => structure(s, bytes, world)?,
        Type::Tuple(items) => Value::Tuple(elements(items.iter(), bytes, world)?),
        Type::Record(items) => {
            let values = elements(items.iter().map(|(_, ty)| ty), bytes, world)?;
            Value::Struct(items.iter().map(|(name, _)| name.clone()).zip(values).collect())
        }
        Type::Named(named) => match named::by_name(&named.name) {
            Some(row) => (row.show)(world, bytes)?,
            None => Value::None,
        },
    })
}

/// The states of an aggregation on all CPUs, one behind the other, as one value.
fn states(aggregate: &Aggregate, bytes: &[u8], world: &dyn World) -> Value {
    let Some(row) = aggregations::by_name(&aggregate.name) else { return Value::None };
    let mut total = vec![0; aggregate.size as usize / 8];
    for state in bytes.chunks_exact(aggregate.size.max(8) as usize) {
        let words: Vec<u64> = state.chunks_exact(8).map(|word| read_int(word, 8, false).unwrap_or(0) as u64).collect();
        (row.merge)(aggregate, &mut total, &words);
    }
    let showing = Showing { div: 1, largest: (row.order)(aggregate, &total), world };
    (row.show)(aggregate, &total, &showing)
}

/// A little-endian integer of 1, 2, 4 or 8 bytes, extended to 64 bits.
pub fn read_int(bytes: &[u8], width: u8, signed: bool) -> Result<i64, RunError> {
    // One arm per width: every number that is printed or sorted comes through here, and a copy of unknown length is a call.
    Ok(match (width, signed) {
        (1, false) => u8::from_le_bytes(first(bytes)?).into(),
        (1, true) => i8::from_le_bytes(first(bytes)?).into(),
        (2, false) => u16::from_le_bytes(first(bytes)?).into(),
        (2, true) => i16::from_le_bytes(first(bytes)?).into(),
        (4, false) => u32::from_le_bytes(first(bytes)?).into(),
        (4, true) => i32::from_le_bytes(first(bytes)?).into(),
        (8, _) => i64::from_le_bytes(first(bytes)?),
        (_, _) => return Err(RunError::Failed(format!("no integer has {width} bytes"))),
    })
}

fn first<const N: usize>(bytes: &[u8]) -> Result<[u8; N], RunError> {
    bytes.first_chunk().copied().ok_or(RunError::Truncated)
}

/// Text up to the NUL; without one the string was cut off and gets the trailer (SPEC §3.6).
fn string(bytes: &[u8], trailer: &str) -> Vec<u8> {
    match bytes.iter().position(|&byte| byte == 0) {
        Some(end) => bytes[..end].to_vec(),
        None => [bytes, trailer.as_bytes()].concat(),
    }
}

fn buffer(bytes: &[u8]) -> Result<Value, RunError> {
    let len = read_int(bytes, 4, false)? as usize;
    let content = &bytes[4..];
    Ok(Value::Bytes(content[..len.min(content.len())].to_vec()))
}

fn elements<'a>(types: impl Iterator<Item = &'a Type> + Clone, bytes: &[u8], world: &dyn World) -> Result<Vec<Value>, RunError> {
    let layout = Layout::of(types.clone());
    let at = |offset: u32| bytes.get(offset as usize..).ok_or(RunError::Truncated);
    types.zip(layout.offsets).map(|(ty, offset)| decode(ty, at(offset)?, world)).collect()
}

fn structure(s: &Struct, bytes: &[u8], world: &dyn World) -> Result<Value, RunError> {
    let mut fields = Vec::with_capacity(s.fields.len());
    for field in &s.fields {
        let rest = bytes.get(field.offset as usize..).ok_or(RunError::Truncated)?;
        let value = match field.bits {
            None => decode(&field.ty, rest, world)?,
            Some((first, width)) => bit_field(&field.ty, rest, field.storage_bytes(), first, width)?,
        };
        fields.push((field.name.clone(), value));
    }
    Ok(Value::Struct(fields))
}

fn bit_field(ty: &Type, bytes: &[u8], storage: u8, first: u8, width: u8) -> Result<Value, RunError> {
    let word = read_int(bytes, storage, false)? as u64;
    let (up, down) = (64 - u32::from(first) - u32::from(width), 64 - u32::from(width));
    let raised = word << up;
    Ok(if let Type::Enum(e) = ty {
        enumerator(e, (raised >> down) as i64)
    } else if *ty == Type::Bool {
        Value::Bool(raised != 0)
    } else if ty.is_signed() {
        Value::Int(raised as i64 >> down)
    } else {
        Value::UInt(raised >> down)
    })
}

/// A constant's name, else the number.
fn enumerator(of: &Enum, number: i64) -> Value {
    // A narrow one was stored without its sign.
    let same = |value: i64| value == number || (number >> 32 == 0 && i64::from(number as i32) == value);
    // Where constants share a number, the one that was declared last gives the name.
    Value::Enum(number, of.constants.iter().rev().find(|(_, value)| same(*value)).map(|(name, _)| name.clone()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rbtrace_types::{Field, Space};

    use super::*;
    use crate::named::{timestamp, username};

    /// A world where user 7 is `seven` and the machine started at 1000 ns.
    struct Seven;

    impl World for Seven {
        fn user_name(&self, uid: u32) -> Option<String> {
            (uid == 7).then(|| "seven".into())
        }
        fn strftime(&self, format: &str, epoch_ns: i64) -> String {
            format!("{format}@{epoch_ns}")
        }
        fn boot_to_epoch(&self, boot_ns: u64) -> i64 {
            boot_ns as i64 + 1000
        }
        fn tai_to_epoch(&self, tai_ns: u64) -> i64 {
            tai_ns as i64 - 37
        }
        fn text(&self, number: u64) -> Option<&str> {
            ["%H", "%M"].get(number as usize).copied()
        }
    }

    fn check(ty: &Type, bytes: &[u8], expected: Value) {
        assert_eq!(decode(ty, bytes, &Seven), Ok(expected), "{ty}");
    }

    fn two_fields() -> Type {
        let field = |name: &str, ty, offset, bits| Field { name: name.into(), ty, offset, bits, data_loc: None };
        let fields = vec![
            field("a", Type::int(2, true), 2, None),
            field("low", Type::int(1, false), 0, Some((1, 3))),
            field("high", Type::int(1, true), 0, Some((4, 4))),
        ];
        Type::Struct(Arc::new(Struct { name: "struct s".into(), fields, size: 4 }))
    }

    #[test]
    fn integers_extend_by_their_sign() {
        check(&Type::int(1, true), &[0xff], Value::Int(-1));
        check(&Type::int(1, false), &[0xff, 1], Value::UInt(255));
        check(&Type::I32, &(-5i32).to_ne_bytes(), Value::Int(-5));
        check(&Type::U64, &u64::MAX.to_ne_bytes(), Value::UInt(u64::MAX));
        check(&Type::Bool, &[2], Value::Bool(true));
        check(&Type::Void.pointer(Space::Kernel), &16u64.to_ne_bytes(), Value::Pointer(16));
    }

    #[test]
    fn strings_end_at_their_nul_or_say_that_they_were_cut() {
        check(&Type::String(4), b"ab\0x", Value::Str(b"ab".to_vec()));
        check(&Type::String(4), b"abcd", Value::Str(b"abcd..".to_vec()));
        check(&Type::String(2), b"\xff\0", Value::Str(b"\xff".to_vec()));
    }

    #[test]
    fn buffers_never_read_behind_their_capacity() {
        let bytes = |len: u32| [&len.to_ne_bytes()[..], b"abc"].concat();
        check(&Type::Buffer(3), &bytes(2), Value::Bytes(b"ab".to_vec()));
        check(&Type::Buffer(3), &bytes(u32::MAX), Value::Bytes(b"abc".to_vec()));
    }

    #[test]
    fn composites() {
        let mut bytes = vec![1u8, 0, 0, 0];
        bytes.extend(7u32.to_ne_bytes());
        let items = vec![Type::int(1, true), Type::U32];
        check(&Type::Tuple(items.clone()), &bytes, Value::Tuple(vec![Value::Int(1), Value::UInt(7)]));
        let record = Type::Record(vec![("a".into(), items[0].clone()), ("b".into(), items[1].clone())]);
        check(&record, &bytes, Value::Struct(vec![("a".into(), Value::Int(1)), ("b".into(), Value::UInt(7))]));
        let row = Type::Array(Arc::new(Type::int(1, false)), 2);
        check(&Type::Array(Arc::new(row), 2), &[1, 2, 3, 4], {
            let row = |a, b| Value::Array(vec![Value::UInt(a), Value::UInt(b)]);
            Value::Array(vec![row(1, 2), row(3, 4)])
        });
        let fields = [("a", Value::Int(-2)), ("low", Value::UInt(0b101)), ("high", Value::Int(-1))];
        check(&two_fields(), &[0b1111_1010, 0, 0xfe, 0xff], Value::Struct(fields.map(|(n, v)| (n.into(), v)).to_vec()));
    }

    #[test]
    fn names_come_from_the_world() {
        check(&username::ty(), &7u64.to_ne_bytes(), Value::Text("seven".into()));
        check(&username::ty(), &8u64.to_ne_bytes(), Value::Text("8".into()));
        let stamp = |ns: u64, text: u64| [ns.to_ne_bytes(), text.to_ne_bytes()].concat();
        check(&timestamp::ty(), &stamp(5, 2), Value::Text("%M@1005".into()));
        check(&timestamp::ty(), &stamp(5, 2 | timestamp::TAI), Value::Text("%M@-32".into()));
        check(&timestamp::ty(), &stamp(0, 0), Value::Text("(?)".into()));
        let constants = vec![("FIRST".into(), 1), ("RED".into(), 1)];
        let colour = Type::Enum(Arc::new(Enum { name: "enum c".into(), constants }));
        check(&colour, &1u64.to_ne_bytes(), Value::Enum(1, Some("RED".into())));
        check(&colour, &2u64.to_ne_bytes(), Value::Enum(2, None));
    }

    /// Every type, for every length of every kind of bytes: an error where they are too few, never a panic.
    #[test]
    fn any_bytes_decode_or_are_truncated() {
        let tuple = Type::Tuple(vec![Type::int(2, true), Type::Buffer(5), two_fields(), timestamp::ty()]);
        let bare = [Type::Bool, Type::U64, Type::String(6), Type::Buffer(6), username::ty(), timestamp::ty(), two_fields()];
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        for ty in bare.iter().chain([&tuple, &Type::Array(Arc::new(tuple.clone()), 3)]) {
            for len in 0..=ty.size() as usize + 3 {
                let bytes: Vec<u8> = std::iter::repeat_with(|| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .take(len)
                .collect();
                assert_eq!(decode(ty, &bytes, &Seven).is_ok(), len >= ty.size() as usize, "{ty} from {len} bytes");
            }
        }
    }
}
