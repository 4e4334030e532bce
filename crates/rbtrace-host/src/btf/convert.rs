//! BTF types → [`Type`]. Typedefs and qualifiers are looked through, anonymous members flattened, bit-fields placed.
//!
//! A struct that a pointer points to has its name and size but no fields: the kernel's types form one large knot, and
//! whoever goes through the pointer asks for that struct by its name.

use std::cell::Cell;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use rbtrace_types::{Enum, Field, Space, Struct, Type};

use super::raw::{Btf, Kind, Record};

/// A struct by value cannot contain itself, so only a broken file nests deeper.
const MAX_DEPTH: u32 = 64;
/// More members and constants than any type of a real kernel has; stops files that multiply structs by nesting them.
const MAX_MEMBERS: u32 = 1_000_000;

/// How much of a struct is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Fields,
    NameOnly,
}

/// The type of an id.
pub fn convert(btf: &Btf, id: u32) -> Result<Type> {
    Converter { btf, members_left: Cell::new(MAX_MEMBERS) }.ty(id, Detail::Fields, 0)
}

/// The type of an id as what a pointer points to: a struct is known by its name.
pub fn pointee(btf: &Btf, id: u32) -> Result<Type> {
    let ty = Converter { btf, members_left: Cell::new(MAX_MEMBERS) }.ty(id, Detail::NameOnly, 0)?;
    Ok(stored(ty, strip(btf, id)?.record.as_ref()))
}

/// The parameters of a function prototype, without its first `skip`, as a struct of 8-byte slots. `named` is a prototype of the
/// same parameters that knows their names; without any name a parameter is called after its position, `arg0` the first.
pub fn parameters(btf: &Btf, prototype: &Record<'_>, named: Option<&Record<'_>>, skip: usize, name: String) -> Result<Struct> {
    let converter = Converter { btf, members_left: Cell::new(MAX_MEMBERS) };
    let mut fields = Vec::new();
    for (slot, index) in (skip..prototype.vlen).enumerate() {
        let ty = converter.ty(prototype.extra(index * 8 + 4)?, Detail::Fields, 0)?;
        let name = match named.unwrap_or(prototype).extra_name(index * 8)? {
            "" => format!("arg{slot}"),
            name => name.to_owned(),
        };
        fields.push(Field { name, ty, offset: 8 * slot as u32, bits: None, data_loc: None });
    }
    let size = 8 * fields.len() as u32;
    Ok(Struct { name, fields, size })
}

/// A type after its typedefs, qualifiers and tags.
pub struct Stripped<'a> {
    /// `None` for `void`.
    pub record: Option<Record<'a>>,
    /// The innermost typedef: the name of a struct that has no other.
    alias: Option<&'a str>,
    user: bool,
    percpu: bool,
}

/// Looks through typedefs, qualifiers and type tags.
pub fn strip(btf: &Btf, mut id: u32) -> Result<Stripped<'_>> {
    let mut stripped = Stripped { record: None, alias: None, user: false, percpu: false };
    for _ in 0..MAX_DEPTH {
        if id == 0 {
            return Ok(stripped);
        }
        let record = btf.record(id)?;
        match record.kind {
            Kind::Typedef => stripped.alias = Some(record.name()?),
            Kind::TypeTag => match record.name()? {
                "user" => stripped.user = true,
                "percpu" => stripped.percpu = true,
                _ => {}
            },
            Kind::Volatile | Kind::Const | Kind::Restrict => {}
            Kind::Void | Kind::Int | Kind::Ptr | Kind::Array | Kind::Struct | Kind::Union | Kind::Enum | Kind::Fwd | Kind::Func => {
                return Ok(Stripped { record: Some(record), ..stripped });
            }
            Kind::FuncProto | Kind::Var | Kind::Datasec | Kind::Float | Kind::DeclTag | Kind::Enum64 => {
                return Ok(Stripped { record: Some(record), ..stripped });
            }
        }
        id = record.size_or_type;
    }
    bail!("BTF: typedefs in a circle");
}

struct Converter<'a> {
    btf: &'a Btf,
    members_left: Cell<u32>,
}

impl Converter<'_> {
    fn ty(&self, id: u32, detail: Detail, depth: u32) -> Result<Type> {
        ensure!(depth < MAX_DEPTH, "BTF: types nested without end");
        let stripped = strip(self.btf, id)?;
        let Some(record) = stripped.record else { return Ok(Type::Void) };
        Ok(match record.kind {
            Kind::Int => int(&record)?,
            Kind::Float => float(record.size_or_type)?,
            Kind::Enum | Kind::Enum64 => Type::Enum(Arc::new(self.enumeration(&record, stripped.alias)?)),
            Kind::Ptr => self.pointer(record.size_or_type, depth)?,
            Kind::Array => self.array(&record, detail, depth)?,
            Kind::Struct | Kind::Union => self.structure(&record, stripped.alias, detail, depth)?,
            Kind::Fwd => opaque(tagged(if record.flag { "union" } else { "struct" }, &record, stripped.alias)?, 0),
            // A function has an address and nothing to read.
            Kind::Func | Kind::FuncProto => Type::Void,
            Kind::Var | Kind::Datasec | Kind::DeclTag => bail!("BTF: a type that refers to a variable"),
            Kind::Void | Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => Type::Void,
        })
    }

    fn pointer(&self, target: u32, depth: u32) -> Result<Type> {
        let stripped = strip(self.btf, target)?;
        let space = match (stripped.percpu, stripped.user) {
            (true, _) => Space::PerCpu,
            (false, true) => Space::User,
            (false, false) => Space::Kernel,
        };
        let pointee = self.ty(target, Detail::NameOnly, depth + 1)?;
        Ok(stored(pointee, stripped.record.as_ref()).pointer(space))
    }

    fn array(&self, record: &Record<'_>, detail: Detail, depth: u32) -> Result<Type> {
        let (element_id, length) = (record.extra(0)?, record.extra(8)?);
        let element = strip(self.btf, element_id)?;
        if element.record.as_ref().is_some_and(is_char) {
            return Ok(Type::String(length));
        }
        let ty = stored(self.ty(element_id, detail, depth + 1)?, element.record.as_ref());
        Ok(Type::Array(Arc::new(ty), length))
    }

    fn structure(&self, record: &Record<'_>, alias: Option<&str>, detail: Detail, depth: u32) -> Result<Type> {
        let keyword = if record.kind == Kind::Union { "union" } else { "struct" };
        let name = tagged(keyword, record, alias)?;
        // What has no name cannot be asked for later.
        let can_be_asked = !record.name()?.is_empty() || alias.is_some();
        if detail == Detail::NameOnly && can_be_asked {
            return Ok(opaque(name, record.size_or_type));
        }
        let mut fields = Vec::with_capacity(record.vlen.min(64));
        self.members(record, 0, depth, &mut fields)?;
        Ok(Type::Struct(Arc::new(Struct { name, fields, size: record.size_or_type })))
    }

    /// Appends the members of a struct that begins `base` bits into the outer one.
    fn members(&self, record: &Record<'_>, base: u32, depth: u32, fields: &mut Vec<Field>) -> Result<()> {
        ensure!(depth < MAX_DEPTH, "BTF: types nested without end");
        self.spend(record.vlen)?;
        for index in 0..record.vlen {
            let (name, id, place) = (record.extra_name(index * 12)?, record.extra(index * 12 + 4)?, record.extra(index * 12 + 8)?);
            let (bits, width) = if record.flag { (place & 0xff_ffff, place >> 24) } else { (place, 0) };
            let bits = base.checked_add(bits);
            let Some(bits) = bits else { bail!("BTF: a member beyond 512 MB") };
            let target = strip(self.btf, id)?;
            match &target.record {
                Some(inner) if name.is_empty() && matches!(inner.kind, Kind::Struct | Kind::Union) => {
                    self.members(inner, bits, depth + 1, fields)?;
                }
                // Padding: `int : 0;`
                _ if name.is_empty() => {}
                target => {
                    let ty = self.ty(id, Detail::Fields, depth + 1)?;
                    fields.push(field(name, ty, target.as_ref(), bits, width)?);
                }
            }
        }
        Ok(())
    }

    fn enumeration(&self, record: &Record<'_>, alias: Option<&str>) -> Result<Enum> {
        self.spend(record.vlen)?;
        let mut constants = Vec::with_capacity(record.vlen);
        for index in 0..record.vlen {
            let constant = if record.kind == Kind::Enum64 {
                let (low, high) = (record.extra(index * 12 + 4)?, record.extra(index * 12 + 8)?);
                (record.extra_name(index * 12)?, (u64::from(high) << 32 | u64::from(low)) as i64)
            } else {
                let value = record.extra(index * 8 + 4)?;
                // Before Linux 6.0 no enum was marked as signed: then the sign bit is all there is.
                let signed = value > i32::MAX as u32 && (record.flag || !self.btf.marks_signed_enums());
                (record.extra_name(index * 8)?, if signed { i64::from(value as i32) } else { i64::from(value) })
            };
            constants.push((constant.0.to_owned(), constant.1));
        }
        Ok(Enum { name: tagged("enum", record, alias)?, constants })
    }

    fn spend(&self, members: usize) -> Result<()> {
        let left = self.members_left.get().checked_sub(members as u32);
        let Some(left) = left else { bail!("BTF: a type with more than {MAX_MEMBERS} members") };
        self.members_left.set(left);
        Ok(())
    }
}

fn field(name: &str, ty: Type, target: Option<&Record<'_>>, bits: u32, width: u32) -> Result<Field> {
    let unit = match target {
        Some(record) if matches!(record.kind, Kind::Int | Kind::Enum | Kind::Enum64) => record.size_or_type,
        _ => 0,
    };
    // Before pahole 1.13 the width of a bit-field was a property of its integer type.
    let (bits, width) = match target {
        Some(record) if record.kind == Kind::Int && width == 0 => {
            let encoding = record.extra(0)?;
            let (offset, own_width) = (encoding >> 16 & 0xff, encoding & 0xff);
            if own_width != 0 && own_width != unit.saturating_mul(8) { (bits.saturating_add(offset), own_width) } else { (bits, 0) }
        }
        _ => (bits, width),
    };
    let (offset, place) = match (width, &ty) {
        (0, Type::Enum(_)) if unit < 8 => (bits / 8, Some((0, unit * 8))),
        (0, _) => (bits / 8, None),
        (width, _) => {
            ensure!(matches!(unit, 1 | 2 | 4 | 8) && width <= 64, "BTF: bit-field `{name}` of {width} bits in {unit} bytes");
            let first = bits % (unit * 8);
            // A packed struct lets bit-fields cross their unit: then they are counted from the byte they begin in.
            if first + width <= unit * 8 { (bits / (unit * 8) * unit, Some((first, width))) } else { (bits / 8, Some((bits % 8, width))) }
        }
    };
    let place = place.map(|(first, width)| (first as u8, width as u8));
    Ok(Field { name: name.to_owned(), ty, offset, bits: place, data_loc: None })
}

fn int(record: &Record<'_>) -> Result<Type> {
    let encoding = record.extra(0)? >> 24;
    Ok(match record.size_or_type {
        1 if encoding & 4 != 0 => Type::Bool,
        bytes @ (1 | 2 | 4 | 8) => Type::int(bytes as u8, encoding & 1 != 0),
        16 => Type::Array(Arc::new(Type::U64), 2),
        bytes => bail!("BTF: an integer of {bytes} bytes"),
    })
}

/// What BPF cannot compute with.
fn float(bytes: u32) -> Result<Type> {
    ensure!(matches!(bytes, 2 | 4 | 8 | 12 | 16), "BTF: a floating-point number of {bytes} bytes");
    Ok(opaque(format!("float{}", bytes * 8), bytes))
}

/// `char` and every signed byte hold text in arrays; `u8` holds bytes. Newer kernels build with unsigned `char`, so its name decides.
fn is_char(record: &Record<'_>) -> bool {
    let signed = record.extra(0).is_ok_and(|encoding| encoding >> 24 & 1 != 0);
    record.kind == Kind::Int && record.size_or_type == 1 && (signed || record.name().is_ok_and(|name| name == "char"))
}

/// A narrow enum cannot lie as such in arrays and behind pointers: an enum is 8 bytes wide for us. Its integer can.
fn stored(ty: Type, record: Option<&Record<'_>>) -> Type {
    match (&ty, record) {
        (Type::Enum(_), Some(record)) if matches!(record.size_or_type, 1 | 2 | 4) => Type::int(record.size_or_type as u8, record.flag),
        _ => ty,
    }
}

fn opaque(name: String, size: u32) -> Type {
    Type::Struct(Arc::new(Struct { name, fields: Vec::new(), size }))
}

/// `struct NAME`; a struct without a tag is known by its typedef.
fn tagged(keyword: &str, record: &Record<'_>, alias: Option<&str>) -> Result<String> {
    Ok(match (record.name()?, alias) {
        ("", Some(alias)) => alias.to_owned(),
        ("", None) => format!("{keyword} (anonymous)"),
        (name, _) => format!("{keyword} {name}"),
    })
}
