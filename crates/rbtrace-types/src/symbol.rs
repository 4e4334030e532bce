//! What an address of code is called: the answer of a machine, the question of whoever shows stacks.

/// What an address belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbol {
    /// Its name, demangled.
    pub name: String,
    /// Bytes from its start.
    pub offset: u64,
    /// The file it is in, as its process sees it; none for the kernel.
    pub module: Option<String>,
    /// The line of the code there, where debug information tells.
    pub line: Option<SourceLine>,
    /// Functions that the compiler put into this one and that the address is in, the innermost first.
    pub inlined: Vec<Inlined>,
}

/// A function that is part of another one's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inlined {
    /// Its name, demangled.
    pub name: String,
    /// The line in it.
    pub line: Option<SourceLine>,
}

/// A line of a program's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// The file, as the compiler was told.
    pub path: String,
    /// From 1.
    pub line: u32,
}
