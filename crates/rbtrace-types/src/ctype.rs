//! C type texts (`const char *`, `unsigned long[6]`, `struct sk_buff *`) → [`Type`]. Knows C's own integers and the
//! kernel's shorthands for them; every other name is asked of [`Facts`].

use std::sync::Arc;

use crate::facts::Facts;
use crate::ty::{Space, Struct, Type};

/// The type a C text says, without a declared name; pointers get `space`. `None` when a name in it is unknown.
///
/// `char[N]` is `string[N]`. The target of a pointer to a struct has a name but no fields: ask `Facts` when they are needed.
pub fn c_type(text: &str, space: Space, facts: &dyn Facts) -> Option<Type> {
    let (front, lengths) = split_lengths(text)?;
    let (base, pointers) = split_pointers(front);
    let mut ty = if pointers > 0 { pointee(base, facts)? } else { base_type(base, facts)? };
    // What is behind the last star is each CPU's own.
    let innermost = if base.split_whitespace().any(|word| word == "__percpu") { Space::PerCpu } else { space };
    for star in 0..pointers {
        ty = ty.pointer(if star == 0 { innermost } else { space });
    }
    for (position, length) in lengths.iter().rev().enumerate() {
        let is_text = position == 0 && pointers == 0 && ty == Type::int(1, true);
        ty = if is_text { Type::String(*length) } else { Type::Array(Arc::new(ty), *length) };
    }
    Some(ty)
}

/// C's own integer types and the kernel's names for them on a 64-bit machine.
pub fn c_integer(words: &str) -> Option<Type> {
    let fixed = words.strip_prefix("__").unwrap_or(words);
    Some(match fixed {
        "_Bool" | "bool" => Type::Bool,
        "char" | "signed char" | "s8" | "int8_t" => Type::int(1, true),
        "unsigned char" | "u8" | "uint8_t" => Type::int(1, false),
        "short" | "short int" | "signed short" | "s16" | "int16_t" => Type::int(2, true),
        "unsigned short" | "short unsigned int" | "unsigned short int" | "u16" | "uint16_t" | "umode_t" => Type::int(2, false),
        "int" | "signed" | "signed int" | "s32" | "int32_t" | "pid_t" => Type::I32,
        "unsigned" | "unsigned int" | "u32" | "uint32_t" | "uid_t" | "gid_t" | "uint" | "dev_t" | "gfp_t" => Type::U32,
        "long" | "long int" | "signed long" | "long long" | "long long int" | "signed long long" => Type::I64,
        "s64" | "int64_t" | "ssize_t" | "off_t" | "loff_t" => Type::I64,
        "unsigned long" | "long unsigned int" | "unsigned long int" | "unsigned long long" | "long long unsigned int" => Type::U64,
        "u64" | "uint64_t" | "size_t" | "ino_t" | "sector_t" => Type::U64,
        _ => return None,
    })
}

/// `u8[2][3]` → (`u8`, [2, 3]); `[]` has length 0.
fn split_lengths(text: &str) -> Option<(&str, Vec<u32>)> {
    let Some(open) = text.find('[') else { return Some((text, Vec::new())) };
    let (front, suffix) = text.split_at(open);
    let lengths = suffix.strip_prefix('[')?.trim_end().strip_suffix(']')?.split("][");
    let lengths = lengths.map(|length| if length.trim().is_empty() { Some(0) } else { length.trim().parse().ok() });
    Some((front, lengths.collect::<Option<Vec<u32>>>()?))
}

/// The words before the first `*`, and how many stars there are.
fn split_pointers(text: &str) -> (&str, usize) {
    let base = text.split('*').next().unwrap_or(text);
    (base, text.bytes().filter(|&byte| byte == b'*').count())
}

/// The words that say a type; qualifiers and sparse's annotations (`__user`, `__seg_gs`, `__rcu`) do not.
fn type_words(base: &str) -> String {
    let is_type = |word: &&str| {
        let annotation = matches!(*word, "const" | "volatile" | "__user" | "__rcu" | "__percpu" | "__iomem" | "__seg_gs" | "__seg_fs");
        !annotation
    };
    base.split_whitespace().filter(is_type).collect::<Vec<_>>().join(" ")
}

fn base_type(base: &str, facts: &dyn Facts) -> Option<Type> {
    let words = type_words(base);
    match words.as_str() {
        "void" => Some(Type::Void),
        words => c_integer(words).or_else(|| facts.kernel_type(words)),
    }
}

/// What a pointer points to: an unknown struct is still a good target, its address can be printed.
fn pointee(base: &str, facts: &dyn Facts) -> Option<Type> {
    let name = type_words(base);
    if name.starts_with("struct ") || name.starts_with("union ") {
        return Some(Type::Struct(Arc::new(Struct { name, fields: Vec::new(), size: 0 })));
    }
    base_type(base, facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    fn check(text: &str, expected: &str) {
        let facts = Fixture::parse("struct s 4\n0 int x\nend\nenum e\nA = 1\nend\n").expect("a good fixture");
        let shown = c_type(text, Space::Kernel, &facts).map(|ty| ty.to_string());
        assert_eq!(shown.as_deref().unwrap_or("unknown"), expected, "{text}");
    }

    #[test]
    fn texts_become_types() {
        check("unsigned long", "uint64");
        check("unsigned long[6]", "uint64[6]");
        check("char[16]", "string[16]");
        check("u8[2][3]", "uint8[3][2]");
        check("const char *", "int8 *");
        check("const char *const *", "int8 * *");
        check("void __seg_gs *", "void *");
        check("struct sk_buff *", "struct sk_buff *");
        check("const struct s", "struct s");
        check("enum e", "enum e");
        check("char[]", "string[0]");
        check("struct unknown", "unknown");
        check("foo_t", "unknown");
        check("u8[x]", "unknown");
        check("", "unknown");
    }
}
