//! What a C compiler makes of a file of BPF functions: the answer of [`Facts::c_object`](crate::Facts::c_object).

use crate::ty::Type;

/// A file of C, compiled for BPF.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CObject {
    /// LLVM's bitcode of it.
    pub bitcode: Vec<u8>,
    /// The functions that others can call, sorted by name.
    pub functions: Vec<CFunction>,
}

/// A function of C.
#[derive(Clone, Debug, PartialEq)]
pub struct CFunction {
    /// Its name.
    pub name: String,
    /// Names and types of its parameters; a name may be empty.
    pub params: Vec<(String, Type)>,
    /// What it returns.
    pub result: Type,
}

/// Why there is no such object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CFailure {
    /// In one line.
    pub why: String,
    /// The compiler's words, where it has some.
    pub said: Vec<String>,
    /// What to do.
    pub remedy: Option<String>,
}
