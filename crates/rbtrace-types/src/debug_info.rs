//! What debug information says about the functions of a program: how the source declares them. Where arguments are follows from that and from the
//! rules of the machine, which are not kept here.

use crate::ty::Type;

/// How a function is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// In order.
    pub params: Vec<Parameter>,
    /// Whether more may follow.
    pub is_variadic: bool,
    /// What it returns; `void` if nothing.
    pub result: Passed,
    /// Whose rules say where the arguments are.
    pub convention: Convention,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name; one without a name is called after its position, `arg0` the first.
    pub name: String,
    /// Its type.
    pub passed: Passed,
}

/// The type of what is handed over.
#[derive(Clone, Debug, PartialEq)]
pub struct Passed {
    /// As we know it.
    pub ty: Type,
    /// As the source says it: `const char*`.
    pub text: String,
    /// Bytes in the program: for an enum not those of [`Type::size`].
    pub bytes: u32,
    /// A class that cannot be copied byte by byte: its address is handed over.
    pub by_reference: bool,
}

/// Rules of passing arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// Those of C on the machine.
    C,
    /// The same, but empty classes may be passed.
    Cpp,
    /// Rust's own, of which only the simple part is settled.
    Rust,
    /// Those of another language.
    Foreign(&'static str),
    /// The compiler's own for this function: it may have left out arguments, or moved them.
    Changed,
}

/// What the source calls by a name at an instruction: a local variable, or a parameter of a function that has begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type.
    pub passed: Passed,
    /// Where it is, or why it is nowhere.
    pub home: Result<VariableHome, String>,
}

/// Where a variable is at an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableHome {
    /// It is this.
    Value(Computed),
    /// It is in memory at this address.
    Memory(Computed),
    /// So many of its bytes are here, the next ones there or nowhere.
    Pieces(Vec<Piece>),
}

/// Some bytes of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How many.
    pub bytes: u32,
    /// Where they are, not in pieces again; or why nobody can say, which does not matter between the members of a struct.
    pub home: Result<VariableHome, String>,
}

/// A number that is known when the instruction is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Computed {
    /// What is in a register; numbers are those of DWARF for the machine.
    Register(u16),
    /// A constant.
    Int(i64),
    /// The address of the instruction in the process.
    Here,
    /// So many bytes of the process's memory.
    Load(Box<Computed>, u8),
    /// Two of them, put together.
    Math(Math, Box<Computed>, Box<Computed>),
}

/// How two numbers are put together, in 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names say it; shifts to the right without and with a sign, division with one and its rest without, comparisons with one: 0 or 1"
)]
pub enum Math {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    Left,
    Right,
    SignedRight,
    Div,
    Rem,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Computed {
    /// This and another one.
    pub fn with(self, math: Math, other: Computed) -> Computed {
        Computed::Math(math, Box::new(self), Box::new(other))
    }

    /// This and a constant.
    pub fn plus(self, offset: i64) -> Computed {
        if offset == 0 { self } else { self.with(Math::Add, Computed::Int(offset)) }
    }

    /// How many steps it takes to compute it.
    pub fn steps(&self) -> usize {
        match self {
            Computed::Register(_) | Computed::Int(_) | Computed::Here => 1,
            Computed::Load(from, _) => 1 + from.steps(),
            Computed::Math(_, a, b) => 1 + a.steps() + b.steps(),
        }
    }

    /// The registers that it needs.
    pub fn registers(&self) -> Vec<u16> {
        match self {
            Computed::Register(number) => vec![*number],
            Computed::Int(_) | Computed::Here => Vec::new(),
            Computed::Load(from, _) => from.registers(),
            Computed::Math(_, a, b) => [a.registers(), b.registers()].concat(),
        }
    }
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceLine {
    /// The file, by the end of its path: `main.c`, `src/main.c`.
    pub file: String,
    /// From 1.
    pub line: u64,
    /// From 1; none: anywhere in the line.
    pub column: Option<u64>,
}

/// Why a place in the source has no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLine {
    /// There is no debug information, and why.
    DebugInfo(String),
    /// It knows no such file, but these.
    File {
        /// Sorted.
        known: Vec<String>,
    },
    /// No statement begins there, but in these lines.
    Code {
        /// Sorted.
        lines: Vec<u64>,
    },
}
