//! What a row sees of the compiler. Implemented by rbtrace-sema.

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Reported, Span};
use rbtrace_ir as ir;
use rbtrace_syntax::ast::{Expr, ExprId};
use rbtrace_types::{Aggregate, Facts, Struct, Type};

use crate::row::{Planned, ProbeType};
use crate::warnings::Warning;

/// One attach point after expansion: a probe type and a place it can be attached to.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its row.
    pub probe_type: &'static ProbeType,
    /// What follows the probe type, wildcards resolved: `["syscalls", "sys_enter_openat"]`.
    pub parts: Vec<String>,
    /// The user's own name for the probe, if given.
    pub alias: Option<String>,
    /// Where it was written.
    pub span: Span,
    /// The body takes the kernel's stack, which is to begin where the event happened, not in the code that calls programs there.
    pub walks_kernel: bool,
    /// The probe has no other place.
    pub is_alone: bool,
}

impl Place {
    /// `tracepoint:syscalls:sys_enter_openat`: what `probe` prints.
    pub fn name(&self) -> String {
        if let Some(alias) = &self.alias {
            return alias.clone();
        }
        std::iter::once(self.probe_type.name).chain(self.parts.iter().map(String::as_str)).collect::<Vec<_>>().join(":")
    }
}

/// A text about an attach point, like its name; or other bytes.
pub type PlaceText = fn(&dyn Facts, &Place) -> Vec<u8>;

/// A call of a builtin function, or the use of a builtin variable (no arguments then).
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The name as written.
    pub name: &'a str,
    /// The whole call.
    pub id: ExprId,
    /// The whole call.
    pub span: Span,
    /// Its arguments.
    pub args: Vec<&'a Expr>,
}

/// A map as inference knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct MapInfo {
    /// Type of its key; `None`: scalar.
    pub key: Option<Type>,
    /// Type of its value; `Type::Void` while nothing is known.
    pub value: Type,
}

/// A value that is known while a script is compiled.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// An integer.
    Int(i128),
    /// `true`, `false`
    Bool(bool),
    /// A text.
    Text(Vec<u8>),
    /// A record, by the names of its fields.
    Record(Vec<(String, Constant)>),
}

impl Constant {
    /// As a condition.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Self::Int(value) => Some(*value != 0),
            Self::Bool(value) => Some(*value),
            Self::Text(_) | Self::Record(_) => None,
        }
    }

    /// For comparisons: `true` is a text of its own.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bool(true) => Some(b"true"),
            Self::Bool(false) => Some(b"false"),
            Self::Int(_) | Self::Record(_) => None,
        }
    }

    /// `typeinfo(x).base_type`
    pub fn field(&self, name: &str) -> Option<Constant> {
        let Self::Record(fields) = self else { return None };
        fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone())
    }
}

/// What is wrong with following a pointer that says where something is within the area of any CPU. `what`: `field 'f'`.
pub fn per_cpu_pointer(span: Span, what: &str) -> Diagnostic {
    let error = Diagnostic::error(span, format!("Attempting to access pointer {what} with unsupported tag attribute: percpu"));
    error.because("every CPU has its own of these: this is no address").hint("cast to `uint64` it is the offset from the area of a CPU")
}

/// Something that went wrong at a place of the script.
#[derive(Clone, Copy, Debug)]
pub struct Complaint<'a> {
    /// What class of warnings it is.
    pub warning: &'static Warning,
    /// Where.
    pub span: Span,
    /// What; empty: what the helper's result means.
    pub text: &'a str,
    /// The helper that failed, and what it returned.
    pub helper: Option<(ir::Helper, ir::Value)>,
}

/// Types, literals and facts: what a row may ask while a call is typed. Asking for a type never fails: an expression in error has type
/// `Void`, and something was reported.
pub trait TypeCx {
    /// The machine.
    fn facts(&self) -> &dyn Facts;
    /// An effective configuration value as text (SPEC §8.4), by the key's name in lower case; `None` for an unknown key.
    fn config(&self, key: &str) -> Option<String>;
    /// The attach point whose program is being compiled (the first one, when several share a program).
    fn place(&self) -> &Place;
    /// All attach points that share the code under way.
    fn places(&self) -> Vec<&Place>;
    /// The kind of program that is being compiled.
    fn program_type(&self) -> ir::ProgramType;
    /// The type of `args` here, if the probe has any.
    fn args_struct(&self) -> Option<Arc<Struct>>;
    /// Type of an expression (an argument of the call).
    fn type_of(&mut self, expr: &Expr) -> Type;
    /// The value of an integer constant expression (literal, folded, positional parameter).
    fn int_literal(&mut self, expr: &Expr) -> Option<i128>;
    /// The bytes of a string constant expression (literal, `str($1)`).
    fn string_literal(&mut self, expr: &Expr) -> Option<Vec<u8>>;
    /// The text of a bare identifier (`kernel modes`, `curr_ns`).
    fn identifier<'e>(&self, expr: &'e Expr) -> Option<&'e str>;
    /// If the expression is a map used whole (`@x`), its name and what is known of it.
    fn map(&mut self, expr: &Expr) -> Option<(String, MapInfo)>;
    /// If the expression is a map element (`@x[k]`), its map's name and what is known of it.
    fn map_element(&mut self, expr: &Expr) -> Option<(String, MapInfo)>;
    /// The text of positional parameter N, if it was given.
    fn param(&self, number: u32) -> Option<String>;
    /// The named parameter `--name`, if it was given; its value, if it has one.
    fn named_param(&self, name: &str) -> Option<Option<String>>;
    /// Process id of the `-c` child or of `-p`.
    fn command_pid(&self) -> Option<u32>;
    /// Whether `--unsafe` was given.
    fn is_unsafe(&self) -> bool;
    /// The expression is a key of that map: lets key types flow (`has_key`, `delete`).
    fn constrain_key(&mut self, map: &str, key: &Expr);
    /// `file:line:col1-col2` of a span.
    fn location(&self, span: Span) -> String;
    /// Bytes of the longest such text of the places here, with its NUL.
    fn place_text_size(&self, text: PlaceText) -> u32;
    /// Says something. During inference nothing is kept; the last round is the one that counts.
    fn report(&mut self, diagnostic: Diagnostic) -> Reported;
}

/// Where the value of an expression is after lowering.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lowered {
    /// No value.
    Void,
    /// Integers, bools, enums, pointers: a 64-bit integer, extended by the sign of its type.
    Int(ir::Value),
    /// Everything else: the address of memory that holds it and may be read directly; valid until the end of the statement.
    Mem(ir::Value),
    /// A struct or array in kernel or user memory that is not read yet: its address as an integer.
    Remote(ir::Value, rbtrace_types::Space),
}

/// What a row may do while a call is lowered. Types are final and nothing can fail any more.
pub trait LowerCx: TypeCx {
    /// The function under construction.
    fn ir(&mut self) -> &mut ir::Builder;
    /// Evaluates an expression.
    fn lower(&mut self, expr: &Expr) -> Lowered;
    /// Evaluates a scalar expression; an aggregate map value is read over all CPUs.
    fn lower_int(&mut self, expr: &Expr) -> ir::Value;
    /// Evaluates an expression into memory as a value of type `ty` (widened, padded); gives the address.
    fn lower_as(&mut self, expr: &Expr, ty: &Type) -> ir::Value;
    /// Writes an evaluated value of type `from` to memory as type `to`. The memory is `to.size()` bytes and aligned to `to.align()`.
    fn store(&mut self, addr: ir::Value, offset: u32, to: &Type, value: Lowered, from: &Type);
    /// Read-only bytes.
    fn constant(&mut self, bytes: &[u8]) -> ir::Value;
    /// Declares an event (equal declarations share one number) and emits it with these values; `args[i]` has type `decl.args[i]`.
    fn emit(&mut self, decl: ir::EventDecl, args: &[Lowered]);
    /// An event declaration for this call: location filled in, all lists empty.
    fn event(&self, handler: &str, span: Span) -> ir::EventDecl;
    /// Says what went wrong whenever the region under way runs: the first times in full, then counted.
    fn complain(&mut self, complaint: Complaint<'_>);
    /// The map of that name.
    fn map_id(&mut self, name: &str) -> ir::MapId;
    /// The declaration of that map.
    fn map_decl(&mut self, name: &str) -> ir::MapDecl;
    /// The map of that name, if the script has one.
    fn find_map(&self, name: &str) -> Option<(ir::MapId, ir::MapDecl)>;
    /// The internal scalar map of that symbol (see [`ir::Manifest::INTERNAL`]), a u64 in `Storage::Global`; declared at first use.
    fn internal_map(&mut self, symbol: &str) -> ir::MapId;
    /// Asks that processes are followed, so that their code has names also when they are gone; `false`: the user wants no names.
    fn follow_processes(&mut self) -> bool;
    /// Says that addresses of the kernel are to have names.
    fn name_kernel(&mut self);
    /// The internal map that keeps stacks of processes (or of the kernel) with room for so many bytes of frames, as [`crate::named::stack`]
    /// says; declared at first use.
    fn stack_table(&mut self, user: bool, frames: u32) -> ir::MapId;
    /// The internal map of that declaration; its symbol begins with [`ir::Manifest::INTERNAL`]. Declared at first use.
    fn internal_table(&mut self, decl: ir::MapDecl) -> ir::MapId;
    /// The number of a text in [`ir::Manifest::texts`]; declared at first use.
    fn text(&mut self, text: &str) -> u32;
    /// The text of the attach point that fired, as a string of [`TypeCx::place_text_size`] bytes.
    fn place_text(&mut self, text: PlaceText) -> Lowered;
    /// Evaluates the key of a map element (`@m[a, b]`) into memory as the map's key type; gives its address.
    fn lower_element_key(&mut self, element: &Expr) -> ir::Value;
    /// Evaluates a key expression into memory as the map's key type; gives its address.
    fn lower_key(&mut self, map: &str, key: &Expr) -> ir::Value;
    /// Reads an aggregation over all CPUs as an integer: `state` gives the state of a CPU. See [`crate::row::Read`].
    fn read_aggregate(&mut self, map: &str, key: Option<ir::Value>, aggregate: &Aggregate) -> ir::Value;
    /// Leaves the probe.
    fn leave(&mut self);
    /// How the program under construction is attached.
    fn planned(&self) -> &Planned;
    /// Whether nobody uses the value of this call: it is a statement.
    fn is_statement(&self, call: &Call) -> bool;
}
