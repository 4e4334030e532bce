//! What a C compiler reads from headers for a script: the question and the answer of [`Facts::headers`](crate::Facts::headers).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ty::{Enum, Type};

/// The C part of a script, for a compiler.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// All of it, as one file.
    pub text: String,
    /// Macros without a value.
    pub predefined: Vec<String>,
    /// Where headers are looked for first, as `-I` says it.
    pub directories: Vec<String>,
    /// Where headers in quotes are looked for before that: the directories of the script's own files.
    pub beside: Vec<String>,
    /// Names whose values are wanted, where they are constants.
    pub names: BTreeSet<String>,
}

/// What the compiler made of it.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Types that are complete, by their C names: `struct s`, `enum e`, `name_t`.
    pub types: BTreeMap<String, CSized>,
    /// Enum constants.
    pub constants: BTreeMap<String, (Arc<Enum>, i64)>,
    /// Of the names that were asked for, those that are macros, and the macros that stand in the bodies of those with parameters.
    pub macros: BTreeMap<String, HeaderMacro>,
    /// What it said, in order.
    pub problems: Vec<Problem>,
}

/// A type with its size and alignment in C, which are not always ours.
#[derive(Clone, Debug, PartialEq)]
pub struct CSized {
    /// The type.
    pub ty: Type,
    /// Bytes.
    pub size: u32,
    /// Alignment.
    pub align: u32,
}

/// A macro of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderMacro {
    /// Its value, where it is a constant integer expression.
    pub value: Option<i64>,
    /// What stands between its name and its body.
    pub params: MacroParams,
    /// What stands behind that.
    pub body: String,
}

/// How a macro of a header is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MacroParams {
    /// `NAME`
    #[default]
    None,
    /// `NAME(a, b)`
    Names(Vec<String>),
    /// `NAME(a, ...)`
    Others,
}

/// Something the compiler said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file; `None`: the text of the question.
    pub file: Option<String>,
    /// Byte offset in it.
    pub offset: u32,
    /// In the compiler's words.
    pub message: String,
    /// A header that it did not find.
    pub missing: Option<String>,
}
