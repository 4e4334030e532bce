//! The fields of a tracepoint's record: C texts, sizes and signs of a format file → types.

use std::sync::Arc;

use rbtrace_types::ctype::c_type;
use rbtrace_types::format::{FormatField, TracepointFormat};
use rbtrace_types::{Facts, Field, Space, Type};

/// All fields that scripts may read.
pub(super) fn fields(format: &TracepointFormat, facts: &dyn Facts) -> Vec<Field> {
    let own = format.fields.iter().filter(|field| !field.common);
    own.map(|field| Field {
        name: field.name.clone(),
        ty: field_type(field, Space::Kernel, facts),
        offset: field.offset,
        bits: None,
        data_loc: field.data_loc,
    })
    .map(narrow_enum(format))
    .collect()
}

/// An enum is 8 bytes to the language and fewer in the record.
fn narrow_enum(format: &TracepointFormat) -> impl Fn(Field) -> Field {
    |field| {
        let size = format.fields.iter().find(|known| known.name == field.name).map_or(8, |known| known.size);
        let bits = (matches!(field.ty, Type::Enum(_)) && size < 8).then(|| (0, 8 * size as u8));
        Field { bits, ..field }
    }
}

/// The type of a field. What the format says of size and sign counts; the C text says whether it is more than an integer.
pub(super) fn field_type(field: &FormatField, space: Space, facts: &dyn Facts) -> Type {
    let text = field.c_type.trim();
    if field.data_loc.is_some() {
        return dynamic(text, facts);
    }
    if text.ends_with(']') {
        return array(field, text, facts);
    }
    if text.ends_with('*') || text.contains("*const") {
        return c_type(text, space, facts).unwrap_or_else(|| Type::Void.pointer(space));
    }
    if ["struct ", "union ", "enum "].iter().any(|tag| text.trim_start_matches("const ").starts_with(tag))
        && let Some(ty) = c_type(text, space, facts).filter(|ty| fits(ty, field.size))
    {
        return ty;
    }
    match field.size {
        1 if matches!(text, "bool" | "_Bool") => Type::Bool,
        1 | 2 | 4 | 8 => Type::int(field.size as u8, field.signed),
        size => bytes(size),
    }
}

/// An enum may be stored in fewer bytes than the language uses.
fn fits(ty: &Type, size: u32) -> bool {
    if matches!(ty, Type::Enum(_)) { matches!(size, 1 | 2 | 4 | 8) } else { ty.size() == size }
}

/// The address of what the field says where to find; a text if it is `char[]`.
fn dynamic(text: &str, facts: &dyn Facts) -> Type {
    let element = text.split('[').next().unwrap_or(text).trim();
    c_type(element, Space::Kernel, facts).unwrap_or(Type::Void).pointer(Space::Kernel)
}

/// The length follows from the size: the text may say it as a constant's name.
fn array(field: &FormatField, text: &str, facts: &dyn Facts) -> Type {
    let element = text.split('[').next().unwrap_or(text).trim();
    match c_type(element, Space::Kernel, facts) {
        Some(ty) if ty == Type::int(1, true) => Type::String(field.size),
        Some(ty) if ty.size() > 0 && field.size.is_multiple_of(ty.size()) => {
            let length = field.size / ty.size();
            Type::Array(Arc::new(ty), length)
        }
        _ => bytes(field.size),
    }
}

fn bytes(size: u32) -> Type {
    Type::Array(Arc::new(Type::int(1, false)), size)
}
