//! The types of the language (SPEC §3.1).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Int {
    /// 1, 2, 4 or 8.
    pub bytes: u8,
    /// Two's complement if true.
    pub signed: bool,
}

/// Which memory a pointer points into (SPEC §3.10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Space {
    /// Kernel memory: read by `probe_read_kernel`.
    Kernel,
    /// Memory of the current process: read by `probe_read_user`.
    User,
    /// Of each CPU its own: an offset into those areas, at which nothing can be read.
    PerCpu,
    /// Not known: the probe's default is used.
    #[default]
    None,
}

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Type {
    /// No value; also the type of an expression in error (something was reported then).
    Void,
    /// `bool`
    Bool,
    /// `int8` … `uint64`
    Int(Int),
    /// `string[n]`: n bytes including room for the NUL. Invariant of memory: zeros from the NUL to the end.
    String(u32),
    /// `buffer[n]`: a u32 length, then n bytes. Invariant of memory: zeros from the length to the end.
    Buffer(u32),
    /// `T *`
    Pointer(Arc<Type>, Space),
    /// `T[n]`
    Array(Arc<Type>, u32),
    /// A C struct or union, or the `args` of a probe.
    Struct(Arc<Struct>),
    /// `enum X`: stored as 8 bytes unsigned.
    Enum(Arc<Enum>),
    /// `(a, b)`
    Tuple(Vec<Type>),
    /// `(a = …, b = …)`
    Record(Vec<(String, Type)>),
    /// A value whose text only user space can make: `username_t`, `timestamp`, `inet`, … Its row in rbtrace-lang knows how.
    Named(Named),
    /// The state of an aggregation; only ever the value of a map.
    Aggregate(Arc<Aggregate>),
}

/// See [`Type::Named`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Named {
    /// As printed in diagnostics; the key of the row that shows it.
    pub name: Arc<str>,
    /// Bytes.
    pub size: u32,
    /// Alignment.
    pub align: u32,
}

/// See [`Type::Aggregate`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Aggregate {
    /// Name of the aggregation's row in rbtrace-lang.
    pub name: Arc<str>,
    /// Its literal parameters, e.g. `[min, max, step]`.
    pub params: Vec<i64>,
    /// Whether its values are signed.
    pub signed: bool,
    /// Bytes of its state on one CPU; a multiple of 8.
    pub size: u32,
}

/// A struct or union, laid out by the kernel, by C rules, or by a tracepoint's format.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Struct {
    /// With its tag: `struct task_struct`, `union u`; for `args` the attach point.
    pub name: String,
    /// In order of declaration. Members of anonymous structs are flattened.
    pub fields: Vec<Field>,
    /// Bytes.
    pub size: u32,
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Byte offset. For the arguments of raw tracepoints and syscalls: index of the argument times 8.
    pub offset: u32,
    /// For a bit-field, and for an enum stored in fewer than 8 bytes: first bit within the integer at `offset`, and width.
    /// Only the bytes that hold these bits may be read: an enum at the end of a struct has nothing behind it.
    pub bits: Option<(u8, u8)>,
    /// For `__data_loc` and `__rel_loc` fields of tracepoints: the u32 at `offset` says where the bytes are.
    pub data_loc: Option<DataLoc>,
}

/// How a dynamic field of a tracepoint is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DataLoc {
    /// Low 16 bits: offset from the start of the record.
    Absolute,
    /// Low 16 bits: offset from the end of the u32 itself.
    Relative,
}

/// An enum and its constants.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Enum {
    /// With its tag: `enum X`.
    pub name: String,
    /// In order of declaration.
    pub constants: Vec<(String, i64)>,
}

impl Type {
    /// `uint64`
    pub const U64: Type = Type::Int(Int { bytes: 8, signed: false });
    /// `int64`
    pub const I64: Type = Type::Int(Int { bytes: 8, signed: true });
    /// `uint32`
    pub const U32: Type = Type::Int(Int { bytes: 4, signed: false });
    /// `int32`
    pub const I32: Type = Type::Int(Int { bytes: 4, signed: true });

    /// An integer type of 1, 2, 4 or 8 bytes.
    pub fn int(bytes: u8, signed: bool) -> Type {
        Type::Int(Int { bytes, signed })
    }

    /// A named value type.
    pub fn named(name: &str, size: u32, align: u32) -> Type {
        Type::Named(Named { name: name.into(), size, align })
    }

    /// A pointer.
    pub fn pointer(self, space: Space) -> Type {
        Type::Pointer(Arc::new(self), space)
    }

    /// Whether values are carried in one register: integers, bools, pointers, enums.
    pub fn is_scalar(&self) -> bool {
        matches!(self, Type::Bool | Type::Int(_) | Type::Pointer(..) | Type::Enum(_))
    }

    /// Whether it is an integer, a bool or an enum.
    pub fn is_integer(&self) -> bool {
        matches!(self, Type::Bool | Type::Int(_) | Type::Enum(_))
    }

    /// Whether a scalar is sign-extended when it is widened.
    pub fn is_signed(&self) -> bool {
        matches!(self, Type::Int(Int { signed: true, .. }))
    }

    /// The elements of a tuple or a record.
    pub fn elements(&self) -> Option<Vec<&Type>> {
        match self {
            Type::Tuple(items) => Some(items.iter().collect()),
            Type::Record(items) => Some(items.iter().map(|(_, ty)| ty).collect()),
            Type::Void | Type::Bool | Type::Int(_) | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..) => None,
            Type::Struct(_) | Type::Enum(_) | Type::Named(_) | Type::Aggregate(_) => None,
        }
    }
}

impl Enum {
    /// Whether a constant is negative: then what is stored in few bytes has a sign.
    pub fn has_negative(&self) -> bool {
        self.constants.iter().any(|(_, value)| *value < 0)
    }
}

impl Struct {
    /// Whether a field is an integer of its own: no bit-field, and no member of a union with others. The kernel lets programs load such a field
    /// directly through a pointer that it knows.
    pub fn is_plain_integer(&self, field: &Field) -> bool {
        let end = field.offset + field.ty.size();
        let overlaps = |other: &&Field| other.offset < end && field.offset < other.offset + other.ty.size().max(1);
        matches!(field.ty, Type::Int(_)) && field.bits.is_none() && self.fields.iter().filter(overlaps).count() == 1
    }

    /// The field of a name. Before 0.12 scripts wrote `data_loc_name` for what a tracepoint keeps behind its other fields.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let old = || name.strip_prefix("data_loc_");
        let dynamic = |name| self.fields.iter().find(|field| field.data_loc.is_some() && field.name == name);
        self.fields.iter().find(|field| field.name == name).or_else(|| old().and_then(dynamic))
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Type::Void => f.write_str("void"),
            Type::Bool => f.write_str("bool"),
            Type::Int(Int { bytes, signed }) => write!(f, "{}int{}", if *signed { "" } else { "u" }, bytes * 8),
            Type::String(size) => write!(f, "string[{size}]"),
            Type::Buffer(size) => write!(f, "buffer[{size}]"),
            Type::Pointer(to, _) => write!(f, "{to} *"),
            Type::Array(of, len) => write!(f, "{of}[{len}]"),
            Type::Struct(s) => f.write_str(&s.name),
            Type::Enum(e) => f.write_str(&e.name),
            Type::Tuple(items) => write_list(f, "(", items.iter().map(|ty| ty.to_string()), ")"),
            Type::Record(items) => write_list(f, "record { ", items.iter().map(|(name, ty)| format!(".{name} = {ty}")), " }"),
            Type::Named(named) => f.write_str(&named.name),
            Type::Aggregate(a) => write!(f, "{}{}_t", if a.signed { "" } else { "u" }, a.name),
        }
    }
}

fn write_list(f: &mut std::fmt::Formatter<'_>, open: &str, items: impl Iterator<Item = String>, close: &str) -> std::fmt::Result {
    write!(f, "{open}{}{close}", items.collect::<Vec<_>>().join(","))
}
