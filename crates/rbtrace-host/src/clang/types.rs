//! libclang's declarations → [`Type`], as the kernel's are read from BTF: typedefs looked through, anonymous members flattened, bit-fields
//! placed, and behind a pointer a struct's name and size only.

#![expect(non_upper_case_globals, reason = "libclang's constants have their names from C")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use clang_sys::*;
use rbtrace_types::headers::CSized;
use rbtrace_types::{Enum, Field, Space, Struct, Type};

use super::library::{ClangType, Cursor};

/// Deeper nesting is a mistake.
const MAX_DEPTH: u32 = 64;

/// What has been found.
#[derive(Default)]
pub struct Found {
    /// See [`rbtrace_types::headers::Answer`].
    pub types: BTreeMap<String, CSized>,
    /// Likewise.
    pub constants: BTreeMap<String, (Arc<Enum>, i64)>,
    /// Structs that were converted, by name.
    known: HashMap<String, CSized>,
}

impl Found {
    /// Takes a declaration and those inside it.
    pub fn declaration(&mut self, cursor: Cursor<'_>, depth: u32) {
        if depth > MAX_DEPTH {
            return;
        }
        match cursor.kind() {
            CXCursor_StructDecl | CXCursor_UnionDecl if cursor.is_definition() => {
                if let Some(name) = tagged(cursor).filter(|_| cursor.ty().size().is_some() && !cursor.is_invalid()) {
                    let found = self.convert(cursor.ty(), 0);
                    self.types.extend(found.map(|found| (name, found)));
                }
                cursor.children().into_iter().for_each(|inner| self.declaration(inner, depth + 1));
            }
            CXCursor_EnumDecl if cursor.is_definition() => self.enumeration(cursor),
            CXCursor_TypedefDecl => {
                let found = self.convert_as(cursor.underlying(), Some(&cursor.name()), 0);
                self.types.extend(found.map(|found| (cursor.name(), found)));
            }
            _ => {}
        }
    }

    fn enumeration(&mut self, cursor: Cursor<'_>) {
        let of = Arc::new(enumeration(cursor, None));
        self.constants.extend(of.constants.iter().map(|(name, value)| (name.clone(), (Arc::clone(&of), *value))));
        if let (Some(name), Some(size)) = (tagged(cursor), cursor.ty().size()) {
            self.types.insert(name, CSized { ty: Type::Enum(of), size, align: size });
        }
    }

    fn convert(&mut self, ty: ClangType<'_>, depth: u32) -> Option<CSized> {
        self.convert_as(ty, None, depth)
    }

    /// A type; `alias` names a struct that has no other name. `None`: nothing can be read of it.
    fn convert_as(&mut self, ty: ClangType<'_>, alias: Option<&str>, depth: u32) -> Option<CSized> {
        let ty = ty.canonical();
        let (size, align) = (ty.size().unwrap_or(0), ty.align().unwrap_or(1).max(1));
        let found = match ty.kind() {
            _ if depth > MAX_DEPTH => return None,
            CXType_Bool => Type::Bool,
            CXType_Char_S | CXType_Char_U | CXType_SChar => Type::int(1, true),
            CXType_UChar => Type::int(1, false),
            CXType_Short | CXType_Int | CXType_Long | CXType_LongLong | CXType_WChar => Type::int(size as u8, true),
            CXType_UShort | CXType_UInt | CXType_ULong | CXType_ULongLong | CXType_Char16 | CXType_Char32 => Type::int(size as u8, false),
            CXType_Int128 | CXType_UInt128 => Type::Array(Arc::new(Type::U64), 2),
            CXType_Enum => Type::Enum(Arc::new(enumeration(ty.declaration(), alias))),
            CXType_Pointer | CXType_BlockPointer => self.pointee(ty.pointee().canonical(), depth)?.pointer(Space::None),
            CXType_ConstantArray | CXType_IncompleteArray | CXType_VariableArray => self.array(ty, depth)?,
            CXType_Record => return self.record(ty, alias, depth),
            CXType_Float | CXType_Double | CXType_LongDouble | CXType_Float128 | CXType_Half => opaque(format!("float{}", size * 8), size),
            CXType_Void | CXType_FunctionProto | CXType_FunctionNoProto => Type::Void,
            // Vectors, complex numbers, what is yet to come: there, but not readable.
            _ if size > 0 => opaque("(anonymous)".to_owned(), size),
            _ => return None,
        };
        Some(CSized { ty: found, size, align })
    }

    fn pointee(&mut self, ty: ClangType<'_>, depth: u32) -> Option<Type> {
        if ty.kind() == CXType_Record
            && let Some(name) = tagged(ty.declaration())
        {
            return Some(opaque(name, ty.size().unwrap_or(0)));
        }
        self.convert(ty, depth + 1).map(stored)
    }

    fn array(&mut self, ty: ClangType<'_>, depth: u32) -> Option<Type> {
        let element = ty.element().canonical();
        let is_text = matches!(element.kind(), CXType_Char_S | CXType_Char_U | CXType_SChar);
        if is_text {
            return Some(Type::String(ty.length()));
        }
        let element = stored(self.convert(element, depth + 1)?);
        Some(Type::Array(Arc::new(element), ty.length()))
    }

    fn record(&mut self, ty: ClangType<'_>, alias: Option<&str>, depth: u32) -> Option<CSized> {
        let declaration = ty.declaration();
        let own = tagged(declaration);
        if let Some(known) = own.as_ref().and_then(|name| self.known.get(name)) {
            return Some(known.clone());
        }
        let name = own.clone().or_else(|| alias.map(str::to_owned));
        let name = name.unwrap_or_else(|| format!("{} (anonymous)", keyword(declaration)));
        let Some(size) = ty.size() else { return Some(CSized { ty: opaque(name, 0), size: 0, align: 1 }) };
        let mut fields = Vec::new();
        self.fields(ty, 0, depth, &mut fields);
        let found = CSized { ty: Type::Struct(Arc::new(Struct { name, fields, size })), size, align: ty.align().unwrap_or(1).max(1) };
        if let Some(own) = own {
            self.known.insert(own, found.clone());
        }
        Some(found)
    }

    /// Appends the fields of a record that begins `base` bits into the outer one.
    fn fields(&mut self, ty: ClangType<'_>, base: u32, depth: u32, fields: &mut Vec<Field>) {
        if depth > MAX_DEPTH {
            return;
        }
        for cursor in ty.fields() {
            let Some(bit) = cursor.bit_offset().and_then(|bit| bit.checked_add(base)) else { continue };
            let of = cursor.ty().canonical();
            match is_named(&cursor.name()) {
                false if of.kind() == CXType_Record => self.fields(of, bit, depth + 1, fields),
                // Padding.
                false => {}
                true => {
                    let found = self.convert(cursor.ty(), depth + 1);
                    fields.extend(found.and_then(|found| field(cursor, found, bit)));
                }
            }
        }
    }
}

fn field(cursor: Cursor<'_>, found: CSized, bit: u32) -> Option<Field> {
    let (offset, bits) = match (cursor.width(), &found.ty) {
        (None, Type::Enum(_)) if found.size < 8 => (bit / 8, Some((0, found.size as u8 * 8))),
        (None, _) => (bit / 8, None),
        (Some(width), _) => {
            let unit = found.size * 8;
            if !matches!(found.size, 1 | 2 | 4 | 8) || width == 0 || width > unit {
                return None;
            }
            let first = bit % unit;
            // One that crosses its unit is counted from the byte it begins in.
            let (offset, first) = if first + width <= unit { (bit / unit * found.size, first) } else { (bit / 8, bit % 8) };
            (offset, Some((first as u8, width as u8)))
        }
    };
    Some(Field { name: cursor.name(), ty: found.ty, offset, bits, data_loc: None })
}

fn enumeration(cursor: Cursor<'_>, alias: Option<&str>) -> Enum {
    let constants = cursor.children().into_iter().filter(|child| child.kind() == CXCursor_EnumConstantDecl);
    let name = tagged(cursor).or_else(|| alias.map(str::to_owned));
    let is_unsigned = matches!(cursor.integer().canonical().kind(), CXType_UInt | CXType_ULong | CXType_ULongLong);
    Enum {
        name: name.unwrap_or_else(|| "enum (anonymous)".to_owned()),
        constants: constants.map(|child| (child.name(), child.value(is_unsigned))).collect(),
    }
}

/// A narrow enum cannot lie as such in arrays and behind pointers: ours are 8 bytes wide. Its integer can.
fn stored(found: CSized) -> Type {
    let narrow = matches!(found.ty, Type::Enum(_)) && matches!(found.size, 1 | 2 | 4);
    if narrow { Type::int(found.size as u8, false) } else { found.ty }
}

fn opaque(name: String, size: u32) -> Type {
    Type::Struct(Arc::new(Struct { name, fields: Vec::new(), size }))
}

/// `struct NAME`
fn tagged(cursor: Cursor<'_>) -> Option<String> {
    let name = cursor.name();
    is_named(&name).then(|| format!("{} {name}", keyword(cursor)))
}

/// What has no name is described in newer versions: `struct (unnamed at x.h:1:1)`.
fn is_named(name: &str) -> bool {
    !name.is_empty() && !name.contains(['(', ' '])
}

fn keyword(cursor: Cursor<'_>) -> &'static str {
    match cursor.kind() {
        CXCursor_UnionDecl => "union",
        CXCursor_EnumDecl => "enum",
        _ => "struct",
    }
}
