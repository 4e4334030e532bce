//! Entries → [`Type`]. Typedefs and qualifiers are looked through, anonymous members and base classes flattened, bit-fields placed.
//!
//! As with the kernel's types, a struct that a pointer points to has its name and size but no fields: whoever goes through the pointer asks for it
//! by its name.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use gimli::constants as dw;
use gimli::{AttributeValue, Operation};
use rbtrace_types::{Enum, Field, Space, Struct, Type};

use super::session::{At, Entry, Session};

/// A struct by value cannot contain itself, so only a broken file nests deeper.
const MAX_DEPTH: u32 = 64;

/// How much of a struct is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Fields,
    NameOnly,
}

/// The type at an entry.
pub(super) fn convert(session: &Session<'_>, at: At) -> Result<Type> {
    ty(session, Some(at), Detail::Fields, 0)
}

/// Bytes that the program gives a type: not ours for enums, which are 8 bytes wide for us.
pub(super) fn bytes(session: &Session<'_>, at: Option<At>) -> Result<u32> {
    let Some((at, entry)) = strip(session, at)?.plain else { return Ok(0) };
    if let Some(size) = Session::number(&entry, dw::DW_AT_byte_size) {
        return Ok(u32::try_from(size).unwrap_or(u32::MAX));
    }
    Ok(ty(session, Some(at), Detail::NameOnly, 0)?.size())
}

/// A type after its typedefs and qualifiers.
pub(super) struct Stripped<'a> {
    /// `None`: `void`.
    pub plain: Option<(At, Entry<'a>)>,
    /// The innermost typedef: the name of a struct that has no other.
    alias: Option<String>,
}

/// Looks through typedefs and qualifiers.
pub(super) fn strip<'a>(session: &Session<'a>, mut at: Option<At>) -> Result<Stripped<'a>> {
    let mut alias = None;
    for _ in 0..MAX_DEPTH {
        let Some(here) = at else { return Ok(Stripped { plain: None, alias }) };
        let entry = session.entry(here)?;
        match entry.tag() {
            dw::DW_TAG_typedef => alias = session.name(here, &entry)?,
            tag if is_qualifier(tag) => {}
            // It stands for a type that is in a unit of its own.
            _ if entry.has_attr(dw::DW_AT_signature) => {
                at = session.referred(here, &entry, dw::DW_AT_signature)?;
                continue;
            }
            _ => return Ok(Stripped { plain: Some((here, entry)), alias }),
        }
        at = session.referred(here, &entry, dw::DW_AT_type)?;
    }
    bail!("typedefs in a circle")
}

/// `const` and its like.
pub(super) fn is_qualifier(tag: dw::DwTag) -> bool {
    matches!(tag, dw::DW_TAG_const_type | dw::DW_TAG_volatile_type | dw::DW_TAG_restrict_type | dw::DW_TAG_atomic_type)
}

fn ty(session: &Session<'_>, at: Option<At>, detail: Detail, depth: u32) -> Result<Type> {
    ensure!(depth < MAX_DEPTH, "types nested without end");
    let stripped = strip(session, at)?;
    let Some((at, entry)) = &stripped.plain else { return Ok(Type::Void) };
    let size = u32::try_from(Session::number(entry, dw::DW_AT_byte_size).unwrap_or(0)).unwrap_or(u32::MAX);
    Ok(match entry.tag() {
        dw::DW_TAG_base_type => base(entry, size),
        dw::DW_TAG_pointer_type | dw::DW_TAG_reference_type | dw::DW_TAG_rvalue_reference_type => pointer(session, *at, entry, depth)?,
        dw::DW_TAG_enumeration_type => Type::Enum(Arc::new(enumeration(session, *at, entry, stripped.alias)?)),
        dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type => {
            structure(session, *at, entry, stripped.alias, detail, depth)?
        }
        dw::DW_TAG_array_type => array(session, *at, entry, detail, depth)?,
        // A pointer to a member function is two words; one to a member is its offset.
        dw::DW_TAG_ptr_to_member_type if size == 16 => Type::Array(Arc::new(Type::U64), 2),
        dw::DW_TAG_ptr_to_member_type => Type::U64,
        // A function has an address and nothing to read; what is not known has no more.
        _ => Type::Void,
    })
}

fn base(entry: &Entry<'_>, size: u32) -> Type {
    let Some(AttributeValue::Encoding(encoding)) = entry.attr_value(dw::DW_AT_encoding) else { return opaque("unknown".into(), size) };
    let (bytes, signed) = (size as u8, matches!(encoding, dw::DW_ATE_signed | dw::DW_ATE_signed_char));
    match (encoding, size) {
        (dw::DW_ATE_boolean, 1) => Type::Bool,
        (dw::DW_ATE_float, _) => opaque(format!("float{}", u64::from(size) * 8), size),
        (dw::DW_ATE_complex_float | dw::DW_ATE_imaginary_float | dw::DW_ATE_decimal_float, _) => opaque("complex".into(), size),
        (_, 1 | 2 | 4 | 8) => Type::int(bytes, signed),
        (_, 16) => Type::Array(Arc::new(Type::U64), 2),
        (_, 0) => Type::Void,
        _ => opaque("unknown".into(), size),
    }
}

fn pointer<'a>(session: &Session<'a>, at: At, entry: &Entry<'a>, depth: u32) -> Result<Type> {
    let target = session.referred(at, entry, dw::DW_AT_type)?;
    let pointee = ty(session, target, Detail::NameOnly, depth + 1)?;
    Ok(stored(session, pointee, target)?.pointer(Space::User))
}

fn array<'a>(session: &Session<'a>, at: At, entry: &Entry<'a>, detail: Detail, depth: u32) -> Result<Type> {
    let element = session.referred(at, entry, dw::DW_AT_type)?;
    let mut lengths = Vec::new();
    for (_, range) in session.children(at)? {
        if range.tag() == dw::DW_TAG_subrange_type {
            let last = || Some(Session::number(&range, dw::DW_AT_upper_bound)?.wrapping_add(1));
            // Unsigned arithmetic makes the bound of an empty array one less than 0.
            let length = Session::number(&range, dw::DW_AT_count).or_else(last).unwrap_or(0);
            lengths.push(u32::try_from(length).unwrap_or(0));
        }
    }
    let plain = strip(session, element)?.plain;
    if let ([length], true) = (lengths.as_slice(), plain.as_ref().is_some_and(|(at, entry)| is_char(session, *at, entry))) {
        return Ok(Type::String(*length));
    }
    let inner = ty(session, element, detail, depth + 1)?;
    let inner = stored(session, inner, element)?;
    if lengths.is_empty() {
        lengths.push(0);
    }
    Ok(lengths.into_iter().rev().fold(inner, |inner, length| Type::Array(Arc::new(inner), length)))
}

/// `char`, whether the machine takes it as signed or not, holds text in arrays, as does every signed byte; `unsigned char` holds bytes.
fn is_char<'a>(session: &Session<'a>, at: At, entry: &Entry<'a>) -> bool {
    let is_byte = entry.tag() == dw::DW_TAG_base_type && Session::number(entry, dw::DW_AT_byte_size) == Some(1);
    let is_signed = matches!(entry.attr_value(dw::DW_AT_encoding), Some(AttributeValue::Encoding(dw::DW_ATE_signed_char)));
    is_byte && (is_signed || session.name(at, entry).is_ok_and(|name| name.as_deref() == Some("char")))
}

fn structure<'a>(session: &Session<'a>, at: At, entry: &Entry<'a>, alias: Option<String>, detail: Detail, depth: u32) -> Result<Type> {
    let keyword = if entry.tag() == dw::DW_TAG_union_type { "union" } else { "struct" };
    let name = session.name(at, entry)?;
    // What has no name cannot be asked for later.
    let can_be_asked = name.is_some() || alias.is_some();
    let name = tagged(session, keyword, at, name, alias);
    let size = u32::try_from(Session::number(entry, dw::DW_AT_byte_size).unwrap_or(0)).unwrap_or(u32::MAX);
    if (detail == Detail::NameOnly && can_be_asked) || Session::flag(entry, dw::DW_AT_declaration) {
        return Ok(opaque(name, size));
    }
    let mut fields = Vec::new();
    members(session, at, 0, depth, &mut fields)?;
    Ok(Type::Struct(Arc::new(Struct { name, fields, size })))
}

/// Appends the members of a struct that begins so many bits into the outer one.
fn members(session: &Session<'_>, of: At, base: u64, depth: u32, fields: &mut Vec<Field>) -> Result<()> {
    ensure!(depth < MAX_DEPTH, "types nested without end");
    let own = fields.len();
    for (at, entry) in session.children(of)? {
        // Members that belong to the class and not to its objects are declarations.
        let is_wanted = !Session::flag(&entry, dw::DW_AT_external) && !Session::flag(&entry, dw::DW_AT_declaration);
        // The pointer to the table of virtual functions is the compiler's.
        let is_hidden = Session::flag(&entry, dw::DW_AT_artificial);
        match entry.tag() {
            dw::DW_TAG_inheritance => inherited(session, at, &entry, base, depth, fields)?,
            dw::DW_TAG_member if is_wanted && !is_hidden => member(session, at, &entry, base, depth, fields)?,
            _ => {}
        }
    }
    ensure!(fields.len() < 1_000_000, "a struct with {} fields", fields.len());
    hide_overridden(fields, own);
    Ok(())
}

/// The members of a base class. A virtual one is found at run time only.
fn inherited<'a>(session: &Session<'a>, at: At, entry: &Entry<'a>, base: u64, depth: u32, fields: &mut Vec<Field>) -> Result<()> {
    let Some(offset) = location(session, at, entry)? else { return Ok(()) };
    let Some((class, _)) = strip(session, session.referred(at, entry, dw::DW_AT_type)?)?.plain else { return Ok(()) };
    members(session, class, base + offset * 8, depth + 1, fields)
}

/// Where a member of a class has the name of one of a base class, the name alone means the class's own.
fn hide_overridden(fields: &mut Vec<Field>, from: usize) {
    let mut seen = std::collections::HashSet::new();
    let mut index = fields.len();
    while index > from {
        index -= 1;
        if !seen.insert(fields[index].name.clone()) {
            fields.remove(index);
        }
    }
}

fn member<'a>(session: &Session<'a>, at: At, entry: &Entry<'a>, base: u64, depth: u32, fields: &mut Vec<Field>) -> Result<()> {
    let target = session.referred(at, entry, dw::DW_AT_type)?;
    let plain = strip(session, target)?.plain;
    let name = session.name(at, entry)?;
    let unit = Session::number(entry, dw::DW_AT_byte_size).map_or_else(|| bytes(session, target), |size| Ok(size as u32))?;
    let width = Session::number(entry, dw::DW_AT_bit_size).unwrap_or(0);
    let offset = location(session, at, entry)?.unwrap_or(0).saturating_mul(8);
    let bits = match (Session::number(entry, dw::DW_AT_data_bit_offset), Session::number(entry, dw::DW_AT_bit_offset)) {
        (Some(bits), _) => bits,
        // DWARF 2 counts from the most significant bit of the unit.
        (None, Some(from_top)) => offset.saturating_add((u64::from(unit) * 8).saturating_sub(from_top.saturating_add(width))),
        (None, None) => offset,
    };
    let bits = base.saturating_add(bits);
    match (&plain, name) {
        (Some((inner, entry)), None) if is_composite(entry.tag()) => members(session, *inner, bits, depth + 1, fields),
        // Padding.
        (_, None) => Ok(()),
        (_, Some(name)) => {
            let ty = ty(session, target, Detail::Fields, depth + 1)?;
            fields.push(place(name, ty, unit, bits, width)?);
            Ok(())
        }
    }
}

/// A field, `unit` bytes wide, that begins at a bit; `width` is that of a bit-field, or 0.
fn place(name: String, ty: Type, unit: u32, bits: u64, width: u64) -> Result<Field> {
    let (offset, bits) = match (width, &ty) {
        (0, Type::Enum(_)) if unit < 8 => (bits / 8, Some((0, unit as u8 * 8))),
        (0, _) => (bits / 8, None),
        (width, _) => {
            ensure!(matches!(unit, 1 | 2 | 4 | 8) && width <= 64, "bit-field `{name}` of {width} bits in {unit} bytes");
            let whole = u64::from(unit) * 8;
            let first = bits % whole;
            // A packed struct lets bit-fields cross their unit: then they are counted from the byte they begin in.
            let (offset, first) = if first + width <= whole { (bits / whole * u64::from(unit), first) } else { (bits / 8, bits % 8) };
            (offset, Some((first as u8, width as u8)))
        }
    };
    let Ok(offset) = u32::try_from(offset) else { bail!("a member beyond 4 GB") };
    Ok(Field { name, ty, offset, bits, data_loc: None })
}

/// The bytes between the beginning of a struct and a member; none where they are known at run time only.
fn location<'a>(session: &Session<'a>, at: At, entry: &Entry<'a>) -> Result<Option<u64>> {
    let Some(value) = entry.attr(dw::DW_AT_data_member_location) else { return Ok(Some(0)) };
    if let Some(offset) = value.udata_value() {
        return Ok(Some(offset));
    }
    let Some(expression) = value.exprloc_value() else { return Ok(None) };
    let unit = session.unit(at.file, at.unit)?;
    let mut operations = expression.operations(unit.encoding());
    let first = operations.next()?;
    let is_alone = operations.next()?.is_none();
    Ok(match first {
        Some(Operation::PlusConstant { value }) if is_alone => Some(value),
        _ => None,
    })
}

fn enumeration<'a>(session: &Session<'a>, at: At, entry: &Entry<'a>, alias: Option<String>) -> Result<Enum> {
    let mut constants = Vec::new();
    for (at, constant) in session.children(at)? {
        let (Some(name), Some(value)) = (session.name(at, &constant)?, constant.attr_value(dw::DW_AT_const_value)) else { continue };
        // Compilers say negative values with a sign; what has none is counted from 0 in all of its bits.
        let value = if let AttributeValue::Sdata(value) = value { value } else { value.udata_value().unwrap_or(0) as i64 };
        constants.push((name, value));
    }
    let name = session.name(at, entry)?;
    Ok(Enum { name: tagged(session, "enum", at, name, alias), constants })
}

fn is_composite(tag: dw::DwTag) -> bool {
    matches!(tag, dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type)
}

/// A narrow enum cannot lie as such in arrays and behind pointers: an enum is 8 bytes wide for us. Its integer can.
fn stored(session: &Session<'_>, ty: Type, at: Option<At>) -> Result<Type> {
    let Type::Enum(of) = &ty else { return Ok(ty) };
    let is_signed = of.constants.iter().any(|(_, value)| *value < 0);
    Ok(match bytes(session, at)? {
        size @ (1 | 2 | 4) => Type::int(size as u8, is_signed),
        _ => ty,
    })
}

fn opaque(name: String, size: u32) -> Type {
    Type::Struct(Arc::new(Struct { name, fields: Vec::new(), size }))
}

/// `struct NAME`; a struct without a tag is known by its typedef.
fn tagged(session: &Session<'_>, keyword: &str, at: At, name: Option<String>, alias: Option<String>) -> String {
    match (name, alias) {
        (Some(name), _) => format!("{keyword} {}", session.qualified(at, &name)),
        (None, Some(alias)) => alias,
        (None, None) => format!("{keyword} (anonymous)"),
    }
}
