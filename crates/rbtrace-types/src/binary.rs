//! What a compiler may ask of programs and libraries: their functions, by the names of symbols or as people write them, and their marks.

/// A function of a binary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    /// Its name, as the [`Naming`] that was asked for says it.
    pub name: String,
    /// Its first instruction, as the binary numbers its memory.
    pub address: u64,
    /// Bytes of its code; 0: nobody knows.
    pub size: u64,
    /// The symbol is not the function but chooses one when the binary is loaded (`STT_GNU_IFUNC`).
    pub is_indirect: bool,
}

/// Something in a binary that has a name, whether code or data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Where it is, as the binary numbers its memory.
    pub address: u64,
    /// Its bytes; 0: nobody knows.
    pub size: u64,
    /// The binary is loaded where it says, and not elsewhere in every process.
    pub is_fixed: bool,
}

/// A place that a program marks for tracers (USDT). A mark may be at several places, each with arguments of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marker {
    /// Whose it is.
    pub provider: String,
    /// Its name.
    pub name: String,
    /// Where it is, as the binary numbers its memory.
    pub address: u64,
    /// Where in the file the counter of its watchers begins, if it has one.
    pub semaphore: Option<u64>,
    /// Its arguments as operands of the assembler: `-4@%eax 8@-8(%rbp)`.
    pub arguments: String,
}

/// How functions are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Naming {
    /// As the linker names them: `_ZN2ns1fEi`.
    Symbol,
    /// As C++ and Rust programs say them: `ns::f(int)`. Functions whose symbols are plain names are left out.
    Demangled,
}

/// Those of sorted functions that have a name.
pub fn named<'a>(functions: &'a [Function], name: &str) -> &'a [Function] {
    let first = functions.partition_point(|function| function.name.as_str() < name);
    let count = functions[first..].iter().take_while(|function| function.name == name).count();
    &functions[first..first + count]
}
