//! Values in user space: bytes + [`Type`] → [`Value`] → text. Bytes from the kernel are input: every read is checked.

use rbtrace_types::{Int, Layout, Struct, Type};

use crate::named;
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
    /// `hist` and `lhist`.
    Histogram(Vec<Bucket>),
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

/// Decodes a value of a type from the start of `bytes`.
pub fn decode(ty: &Type, bytes: &[u8], world: &dyn World) -> Result<Value, RunError> {
    let bytes = bytes.get(..ty.size() as usize).ok_or(RunError::Truncated)?;
    Ok(match ty {
        Type::Void | Type::Aggregate(_) => Value::None,
        Type::Bool => Value::Bool(read_int(bytes, 1, false)? != 0),
        Type::Int(Int { bytes: width, signed: true }) => Value::Int(read_int(bytes, *width, true)?),
        Type::Int(Int { bytes: width, signed: false }) => Value::UInt(read_int(bytes, *width, false)? as u64),
        Type::Pointer(..) => Value::Pointer(read_int(bytes, 8, false)? as u64),
        Type::Enum(e) => {
            let number = read_int(bytes, 8, false)?;
            Value::Enum(number, e.constants.iter().find(|(_, value)| *value == number).map(|(name, _)| name.clone()))
        }
        Type::String(_) => Value::Str(string(bytes, world.trailer())),
        Type::Buffer(_) => buffer(bytes)?,
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

/// A little-endian integer of 1, 2, 4 or 8 bytes, extended to 64 bits.
pub fn read_int(bytes: &[u8], width: u8, signed: bool) -> Result<i64, RunError> {
    let mut word = [0; 8];
    let width = usize::from(width);
    word.get_mut(..width).ok_or(RunError::Truncated)?.copy_from_slice(bytes.get(..width).ok_or(RunError::Truncated)?);
    let shift = 64 - 8 * width as u32;
    let value = i64::from_ne_bytes(word) << shift;
    Ok(if signed { value >> shift } else { (value as u64 >> shift) as i64 })
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
            Some((first, width)) => bit_field(&field.ty, rest, first, width)?,
        };
        fields.push((field.name.clone(), value));
    }
    Ok(Value::Struct(fields))
}

fn bit_field(ty: &Type, bytes: &[u8], first: u8, width: u8) -> Result<Value, RunError> {
    let storage = read_int(bytes, ty.size() as u8, false)? as u64;
    let up = 64 - u32::from(first) - u32::from(width);
    let down = 64 - u32::from(width);
    Ok(match ty.is_signed() {
        true => Value::Int((storage << up) as i64 >> down),
        false => Value::UInt((storage << up) >> down),
    })
}
