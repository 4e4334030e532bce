//! Types as written → types (SPEC §2.18).

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Sink};
use rbtrace_lang::named;
use rbtrace_syntax::ast::{Expr, ExprKind, Tag, TypeBase, TypeRef, TypeSuffix};
use rbtrace_types::{Space, Type};

use crate::c_types::{Seen, pointee};

/// The most bytes of an array that is written out.
const MAX_ARRAY: u64 = 1 << 20;

/// The type a reference means. `None`: something was pushed to the sink.
pub(crate) fn resolve(written: &TypeRef, c: &Seen<'_>, sink: &mut Sink) -> Option<Type> {
    let TypeBase::Name(name) = &written.base else { unreachable!("inference resolves `typeof` before it asks for names") };
    let mut suffixes = written.suffixes.as_slice();
    let capacity = match suffixes {
        [TypeSuffix::Array(Some(size)), rest @ ..] => sized(name, *size).inspect(|_| suffixes = rest),
        _ => None,
    };
    let Some(ty) = capacity.or_else(|| base(name, written.tag, c)) else {
        sink.push(Diagnostic::error(written.span, format!("Cannot find type `{name}`")).because("no builtin or kernel type has this name"));
        return None;
    };
    let found = suffixed(ty, suffixes);
    if found.is_none() {
        sink.push(Diagnostic::error(written.span, "this array is too large"));
    }
    found
}

/// A type with what follows it: `*` and `[n]`, read from left to right.
pub(crate) fn suffixed(mut ty: Type, suffixes: &[TypeSuffix]) -> Option<Type> {
    for suffix in suffixes {
        ty = match suffix {
            TypeSuffix::Pointer => pointee(ty).pointer(Space::None),
            TypeSuffix::Array(len) => {
                let len = len.unwrap_or(0);
                let bytes = len.checked_mul(u64::from(ty.size().max(1))).filter(|bytes| *bytes <= MAX_ARRAY);
                bytes.map(|_| Type::Array(Arc::new(ty), len as u32))?
            }
        };
    }
    Some(ty)
}

/// Types whose `[n]` is a capacity.
fn sized(name: &str, size: u64) -> Option<Type> {
    let size = u32::try_from(size).ok()?;
    match name {
        "string" | "str_t" => Some(Type::String(size.max(1))),
        "buffer" | "buf_t" => Some(Type::Buffer(size)),
        _ => named::sized(name),
    }
}

fn base(name: &str, tag: Option<Tag>, c: &Seen<'_>) -> Option<Type> {
    match tag {
        Some(tag) => c.by_name(&format!("{} {name}", tag.keyword())),
        // Scripts of old wrote `(sock *)x` for a struct.
        None => plain(name).or_else(|| c.by_name(name)).or_else(|| c.by_name(&format!("struct {name}"))),
    }
}

/// Builtin names, and the C names whose meaning no kernel changes.
fn plain(name: &str) -> Option<Type> {
    Some(match name {
        "bool" => Type::Bool,
        "void" => Type::Void,
        // Before 0.24 the name of a probe and the text of an error were types of their own.
        "string" | "str_t" | "probe_t" | "strerror_t" => Type::String(1),
        "buffer" | "buf_t" => Type::Buffer(0),
        "int8" | "int8_t" | "char" => Type::int(1, true),
        "int16" | "int16_t" | "short" => Type::int(2, true),
        "int32" | "int32_t" | "int" => Type::I32,
        "int64" | "int64_t" | "long" => Type::I64,
        "uint8" | "uint8_t" => Type::int(1, false),
        "uint16" | "uint16_t" => Type::int(2, false),
        "uint32" | "uint32_t" | "unsigned" => Type::U32,
        "uint64" | "uint64_t" | "size_t" => Type::U64,
        _ => return named::declared(name),
    })
}

/// The type that a bare identifier names, where a type or an expression may stand.
pub(crate) fn named(expr: &Expr, c: &Seen<'_>) -> Option<Type> {
    let ExprKind::Ident(name) = &expr.kind else { return None };
    base(name, None, c)
}
