//! What a generated script has declared so far: maps, macros, structs for the whole of it, variables block by block.

use rbtrace_lang::variables;

use crate::kind::Kind;
use crate::signatures::{Arg, Signature, Signatures};

/// A scratch variable that can be used here.
#[derive(Clone, Debug)]
pub struct Var {
    pub name: String,
    pub kind: Kind,
    /// Whether it may be assigned: the variable of a loop may not.
    pub assignable: bool,
}

/// A map of the script.
#[derive(Clone, Debug)]
pub struct MapVar {
    pub name: String,
    pub key: Option<Kind>,
    pub holds: Holds,
}

/// What a map's values are.
#[derive(Clone, Debug)]
pub enum Holds {
    Plain(Kind),
    /// An aggregation, with the text of its constant arguments, and whether it can be read as a number.
    Aggregate {
        call: Signature,
        constants: Vec<String>,
        readable: bool,
    },
}

/// A C struct that the script defines: its size is at most 64 bytes.
#[derive(Clone, Debug)]
pub struct StructDef {
    pub name: String,
    pub fields: Vec<(String, Kind)>,
}

/// A macro that gives a number.
#[derive(Clone, Debug)]
pub struct MacroDef {
    pub name: String,
    pub params: Vec<Param>,
}

/// A function that was written already.
#[derive(Clone, Debug)]
pub struct FunctionDef {
    pub name: String,
    pub params: Vec<Kind>,
    pub gives: Option<Kind>,
}

/// What `return` takes here.
#[derive(Clone, Debug, Default)]
pub enum Leaves {
    #[default]
    Probe,
    Nothing,
    Value(Kind),
}

/// What a macro's parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Param {
    Value,
    Variable,
}

/// What the script may do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// The same every time, so that it can be compared.
    pub repeatable: bool,
    /// Only what prints the same elsewhere: for the comparison with a peer.
    pub plain: bool,
}

/// The state of the writer that is about names.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    pub signatures: &'a Signatures,
    pub rules: Rules,
    pub vars: Vec<Var>,
    pub maps: Vec<MapVar>,
    pub structs: Vec<StructDef>,
    pub macros: Vec<MacroDef>,
    pub functions: Vec<FunctionDef>,
    pub leaves: Leaves,
    /// Scalar fields behind `args` of this probe, as they are written, with what they are.
    pub args: Vec<(String, Kind)>,
    /// A value that changes from run to run and is a word of user memory's address: `args.regs`.
    pub address: Option<String>,
    /// The probe type.
    pub probe_type: String,
    pub loops: u32,
    /// Inside the walk over a map, whose order is nobody's promise: nothing may depend on it.
    pub unordered: bool,
    pub serial: u32,
}

/// Whether a call means the same in every implementation, about every process.
fn is_plain(call: &Signature) -> bool {
    let plain = |arg: &Arg| matches!(arg, Arg::Int | Arg::Literal | Arg::Str | Arg::Text | Arg::Verbatim(_));
    variables::by_name(call.name).is_none() && call.args.iter().all(plain)
}

impl Scope<'_> {
    pub fn fresh(&mut self, sigil: &str) -> String {
        self.serial += 1;
        format!("{sigil}{}", self.serial)
    }

    pub fn vars_of(&self, kind: &Kind) -> Vec<String> {
        self.vars.iter().filter(|var| var.kind == *kind).map(|var| var.name.clone()).collect()
    }

    /// Calls that can stand here and give such a value.
    pub fn calls_of(&self, kind: &Kind) -> Vec<&Signature> {
        self.calls().filter(|call| call.gives.as_ref() == Some(kind)).collect()
    }

    /// Calls that can stand here.
    pub fn calls(&self) -> impl Iterator<Item = &Signature> {
        let fits = |call: &&Signature| {
            (call.repeatable || !self.rules.repeatable)
                && !(self.unordered && self.rules.repeatable && call.gives.is_none())
                && (!self.rules.plain || is_plain(call))
                && call.only.is_none_or(|types| types.contains(&self.probe_type.as_str()))
        };
        self.signatures.calls.iter().filter(fits)
    }
}
