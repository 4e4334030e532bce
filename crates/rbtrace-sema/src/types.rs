//! Types as written → types (SPEC §2.18).

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Sink};
use rbtrace_syntax::ast::{Tag, TypeBase, TypeRef, TypeSuffix};
use rbtrace_types::{Facts, Space, Type};

/// The type a reference means. `None`: something was pushed to the sink.
pub(crate) fn resolve(written: &TypeRef, facts: &dyn Facts, sink: &mut Sink) -> Option<Type> {
    let TypeBase::Name(name) = &written.base else {
        sink.push(Diagnostic::error(written.span, "`typeof` is not supported by this version of rbtrace"));
        return None;
    };
    let mut suffixes = written.suffixes.as_slice();
    let sized = match (name.as_str(), suffixes) {
        ("string", [TypeSuffix::Array(Some(size)), rest @ ..]) => {
            suffixes = rest;
            Some(Type::String(u32::try_from(*size).ok()?.max(1)))
        }
        ("buffer", [TypeSuffix::Array(Some(size)), rest @ ..]) => {
            suffixes = rest;
            Some(Type::Buffer(u32::try_from(*size).ok()?))
        }
        _ => None,
    };
    let Some(ty) = sized.or_else(|| base(name, written.tag, facts)) else {
        sink.push(Diagnostic::error(written.span, format!("Cannot find type `{name}`")).because("no builtin or kernel type has this name"));
        return None;
    };
    suffixed(ty, suffixes)
}

/// A type with what follows it: `*` and `[n]`, read from left to right.
pub(crate) fn suffixed(mut ty: Type, suffixes: &[TypeSuffix]) -> Option<Type> {
    for suffix in suffixes {
        ty = match suffix {
            TypeSuffix::Pointer => ty.pointer(Space::None),
            TypeSuffix::Array(Some(len)) => Type::Array(Arc::new(ty), u32::try_from(*len).ok()?),
            TypeSuffix::Array(None) => Type::Array(Arc::new(ty), 0),
        };
    }
    Some(ty)
}

fn base(name: &str, tag: Option<Tag>, facts: &dyn Facts) -> Option<Type> {
    match tag {
        Some(Tag::Struct) => facts.kernel_type(&format!("struct {name}")),
        Some(Tag::Union) => facts.kernel_type(&format!("union {name}")),
        Some(Tag::Enum) => facts.kernel_type(&format!("enum {name}")),
        None => plain(name).or_else(|| facts.kernel_type(name)),
    }
}

/// Builtin names, and the C names whose meaning no kernel changes.
fn plain(name: &str) -> Option<Type> {
    Some(match name {
        "bool" => Type::Bool,
        "void" => Type::Void,
        "string" | "str_t" => Type::String(1),
        "buffer" | "buf_t" => Type::Buffer(0),
        "int8" | "int8_t" | "char" => Type::int(1, true),
        "int16" | "int16_t" | "short" => Type::int(2, true),
        "int32" | "int32_t" | "int" => Type::I32,
        "int64" | "int64_t" | "long" => Type::I64,
        "uint8" | "uint8_t" => Type::int(1, false),
        "uint16" | "uint16_t" => Type::int(2, false),
        "uint32" | "uint32_t" | "unsigned" => Type::U32,
        "uint64" | "uint64_t" | "size_t" => Type::U64,
        _ => return None,
    })
}

/// The type that a bare identifier names, where a type or an expression may stand.
pub(crate) fn named(expr: &rbtrace_syntax::ast::Expr, facts: &dyn Facts) -> Option<Type> {
    match &expr.kind {
        rbtrace_syntax::ast::ExprKind::Ident(name) => base(name, None, facts),
        _ => None,
    }
}
