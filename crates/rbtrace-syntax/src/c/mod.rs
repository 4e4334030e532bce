//! C definitions in scripts: text → plain declarations (SPEC §1.4). Knows C's syntax; knows no size, no kernel, no script.
//!
//! [`parse`] never fails: what cannot be read is reported and left out. The road is `token` (texts → words) → `preprocess` (conditionals,
//! macros) → `declaration` (structs, enums, typedefs), with `constant` for the numbers in all of them.

mod constant;
mod declaration;
mod expand;
mod preprocess;
#[cfg(test)]
mod tests;
mod token;

use std::collections::{BTreeMap, HashMap};

use rbtrace_diag::{Sink, SourceId, Span, Spanned};

use crate::ast::{Name, Tag};

/// What C text is read with: what a compiler would know before its first line.
pub struct World<'a> {
    /// Macros without a value.
    pub predefined: &'a [&'a str],
    /// Constants that headers would define.
    pub constant: &'a dyn Fn(&str) -> Option<i64>,
    /// The bytes of a type and whether it is a signed integer, for casts and `sizeof`.
    pub size: &'a dyn Fn(&str) -> Option<(u32, bool)>,
    /// Files that can be included.
    pub headers: &'a Headers,
    /// Names that the script says outside of its C text: only macros that these need get a value.
    pub is_used: &'a dyn Fn(&str) -> bool,
}

/// Files that can be included, as far as they have been asked for.
#[derive(Debug, Default)]
pub struct Headers {
    /// Each file by its place among the sources.
    pub texts: BTreeMap<SourceId, Spanned<String>>,
    /// Which file a name means in a text; `None`: one that is not read here.
    pub asked: HashMap<(SourceId, String), Option<SourceId>>,
}

/// What the C part of a script says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unit {
    /// In the order they are complete: an inner named struct comes before the one around it.
    pub declarations: Vec<Declaration>,
    /// The macros that are defined at the end and that the script uses, directly or by other macros.
    pub macros: Vec<Macro>,
    /// Headers asked for that are not among those which can be included.
    pub includes: Vec<Include>,
}

impl Unit {
    /// Whether it has a macro of this name.
    pub fn defines(&self, name: &str) -> bool {
        self.macros.iter().any(|found| found.name.node == name)
    }
}

/// `#include <NAME>`
#[derive(Clone, Debug, PartialEq)]
pub struct Include {
    /// The header.
    pub name: Name,
    /// Whether it stands in quotes.
    pub is_quoted: bool,
}

/// One definition.
#[derive(Clone, Debug, PartialEq)]
pub enum Declaration {
    /// `struct s { … }`, `union u { … }`
    Composite(Composite),
    /// `enum e { … }`
    Enumeration(Enumeration),
    /// `typedef T name`
    Typedef {
        /// The new name.
        name: Name,
        /// What it means.
        ty: CType,
    },
}

/// A struct or union.
#[derive(Clone, Debug, PartialEq)]
pub struct Composite {
    /// `Tag::Struct` or `Tag::Union`.
    pub tag: Tag,
    /// Its tag, if it has one.
    pub name: Option<String>,
    /// Its head.
    pub span: Span,
    /// In order.
    pub members: Vec<Member>,
    /// What is said about its layout.
    pub attributes: Attributes,
}

/// `__attribute__((packed, aligned(n)))`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Without padding.
    pub packed: bool,
    /// At least this alignment.
    pub align: Option<u32>,
}

/// A member of a struct or union.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// None for an anonymous struct and for padding bits.
    pub name: Option<String>,
    /// Its type.
    pub ty: CType,
    /// Width of a bit-field.
    pub bits: Option<u32>,
    /// What is said about its layout.
    pub attributes: Attributes,
    /// Where.
    pub span: Span,
}

/// An enum.
#[derive(Clone, Debug, PartialEq)]
pub struct Enumeration {
    /// Its tag, if it has one.
    pub name: Option<String>,
    /// Its head.
    pub span: Span,
    /// In order.
    pub constants: Vec<(String, i64)>,
    /// The integer type that it is stored as, where it says one: `enum e : u8 { … }`.
    pub stored_as: Option<String>,
    /// Whether it is as small as can be.
    pub packed: bool,
}

/// A type: where it starts from, and what is around that, innermost first.
#[derive(Clone, Debug, PartialEq)]
pub struct CType {
    /// The specifier.
    pub base: Base,
    /// What the declarator makes of it.
    pub layers: Vec<Layer>,
    /// Where.
    pub span: Span,
}

/// A type specifier.
#[derive(Clone, Debug, PartialEq)]
pub enum Base {
    /// `unsigned long`, `pid_t`
    Words(String),
    /// `struct s`
    Tagged(Tag, String),
    /// A struct without a name.
    Composite(Box<Composite>),
    /// An enum without a name.
    Enumeration(Box<Enumeration>),
}

/// One step of a declarator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// `*`
    Pointer,
    /// `[n]`; `[]` has length 0.
    Array(u64),
    /// `(…)`
    Function,
}

/// `#define NAME body`
#[derive(Clone, Debug, PartialEq)]
pub struct Macro {
    /// Its name.
    pub name: Name,
    /// What stands behind it.
    pub body: Spanned<String>,
    /// How it is written.
    pub params: Params,
    /// Its value, where it is a constant integer expression.
    pub value: Option<i64>,
}

/// What stands between a macro's name and its body.
#[derive(Clone, Debug, PartialEq)]
pub enum Params {
    /// Nothing: `NAME`
    None,
    /// `NAME(a, b)`
    Names(Vec<Name>),
    /// `NAME(a, ...)`, and what cannot be read: part of the body then.
    Others,
}

/// Reads the C items of a script.
pub fn parse(items: &[&Spanned<String>], world: &World, sink: &mut Sink) -> Unit {
    let texts: Vec<token::Text> = items.iter().map(|item| token::lex(item)).collect();
    let headers: BTreeMap<SourceId, token::Text> = world.headers.texts.iter().map(|(id, text)| (*id, token::lex(text))).collect();
    let processed = preprocess::run(&texts, &headers, world, sink);
    let declarations = declaration::parse(&processed.tokens, world, sink);
    Unit { declarations, macros: processed.macros, includes: processed.includes }
}
