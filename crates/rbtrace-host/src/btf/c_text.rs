//! BTF types → C text, as `bpftool` and libbpf write it: what `-lv 'struct s'` shows.
//!
//! Holes between members that C would not leave by itself are written as unnamed bit-fields, so the text lays out as the kernel does.

use std::cell::Cell;
use std::fmt::Write;

use anyhow::{Result, bail, ensure};

use super::raw::{Btf, Kind, Record};

/// A type nested deeper is broken.
const MAX_DEPTH: u32 = 48;
/// As many steps from a member to its plain type.
const MAX_NESTING: u32 = 100;
/// More members than are looked at for any definition of a real kernel.
const MAX_MEMBERS: u32 = 100_000;
/// The types that fill holes, largest first, with their bits.
const FILLERS: [(&str, u32); 4] = [("long", 64), ("int", 32), ("short", 16), ("char", 8)];

/// The definition of a struct, union or enum, without its `;`.
pub fn definition(btf: &Btf, id: u32) -> Result<String> {
    let writer = Writer { btf, members_left: Cell::new(MAX_MEMBERS), nesting: Cell::new(0) };
    writer.body(&btf.record(id)?, 0)
}

/// The parameters of a function prototype, each as its type and its name, and last what it returns, called `retval`, if anything.
pub fn parameters(btf: &Btf, prototype: &Record<'_>) -> Result<Vec<String>> {
    let writer = Writer { btf, members_left: Cell::new(MAX_MEMBERS), nesting: Cell::new(0) };
    let mut texts = Vec::with_capacity(prototype.vlen + 1);
    for index in 0..prototype.vlen {
        let (name, id) = (prototype.extra_name(index * 8)?, prototype.extra(index * 8 + 4)?);
        // No name and no type: the dots of a function of any number of arguments.
        let text = if id == 0 { "...".to_owned() } else { format!("{} {name}", writer.declare(id, String::new(), 0)?) };
        texts.push(text.trim_end().to_owned());
    }
    if prototype.size_or_type != 0 {
        texts.push(format!("{} retval", writer.declare(prototype.size_or_type, String::new(), 0)?));
    }
    Ok(texts)
}

struct Writer<'a> {
    btf: &'a Btf,
    members_left: Cell<u32>,
    /// How many declarations are under way.
    nesting: Cell<u32>,
}

impl Writer<'_> {
    /// A definition with its members.
    fn body(&self, record: &Record<'_>, depth: u32) -> Result<String> {
        ensure!(depth < MAX_DEPTH, "BTF: types nested without end");
        self.spend(record.vlen)?;
        let mut text = head(record)?;
        if record.vlen == 0 && record.size_or_type == 0 {
            return Ok(text + " {}");
        }
        text += " {\n";
        if is_enum(record) {
            self.constants(record, depth, &mut text)?;
        } else {
            self.members(record, depth, &mut text)?;
        }
        text += &tabs(depth);
        text += "}";
        match (record.kind, record.size_or_type) {
            (Kind::Struct, _) if self.shape(record, depth)?.1 => text += " __attribute__((packed))",
            (Kind::Enum, 1) => text += " __attribute__((mode(byte)))",
            (Kind::Enum, 8) => text += " __attribute__((mode(word)))",
            _ => {}
        }
        Ok(text)
    }

    fn constants(&self, record: &Record<'_>, depth: u32, text: &mut String) -> Result<()> {
        for index in 0..record.vlen {
            text.push_str(&tabs(depth + 1));
            if record.kind == Kind::Enum64 {
                let value = u64::from(record.extra(index * 12 + 8)?) << 32 | u64::from(record.extra(index * 12 + 4)?);
                let name = record.extra_name(index * 12)?;
                let _ = if record.flag { writeln!(text, "{name} = {}LL,", value as i64) } else { writeln!(text, "{name} = {value}ULL,") };
            } else {
                let (name, value) = (record.extra_name(index * 8)?, record.extra(index * 8 + 4)?);
                let _ = if record.flag { writeln!(text, "{name} = {},", value as i32) } else { writeln!(text, "{name} = {value},") };
            }
        }
        Ok(())
    }

    fn members(&self, record: &Record<'_>, depth: u32, text: &mut String) -> Result<()> {
        let is_struct = record.kind == Kind::Struct;
        let (natural, is_packed) = self.shape(record, depth)?;
        let is_packed = is_struct && is_packed;
        let (mut end, mut in_bits) = (0, false);
        for index in 0..record.vlen {
            let (name, id) = (record.extra_name(index * 12)?, record.extra(index * 12 + 4)?);
            let (start, width) = place(record, index)?;
            let align = if is_packed { 1 } else { self.align(id, depth + 1)? };
            in_bits = in_bits && width != 0;
            if is_struct {
                self.spend(fillers(end, start))?;
                fill(end, start, align, in_bits, depth, text);
            }
            let bits = if width == 0 { String::new() } else { format!(": {width}") };
            let size = if width == 0 { self.size(id, depth + 1)?.saturating_mul(8) } else { width };
            in_bits = width != 0;
            end = start.saturating_add(size);
            let _ = writeln!(text, "{}{}{bits};", tabs(depth + 1), self.declare(id, name.to_owned(), depth + 1)?);
        }
        if is_struct {
            let align = if is_packed { 1 } else { natural };
            self.spend(fillers(end, record.size_or_type.saturating_mul(8)))?;
            fill(end, record.size_or_type.saturating_mul(8), align, false, depth, text);
        }
        Ok(())
    }

    /// A declaration of something called `inner`, which already has the brackets and stars that are nearer to the name.
    fn declare(&self, id: u32, inner: String, depth: u32) -> Result<String> {
        self.spend(1)?;
        let nesting = self.nesting.replace(self.nesting.get() + 1);
        ensure!(nesting < MAX_NESTING, "BTF: types nested without end");
        let text = self.declare_around(id, inner, depth);
        self.nesting.set(nesting);
        text
    }

    fn declare_around(&self, id: u32, inner: String, depth: u32) -> Result<String> {
        let joined = |base: &str| if inner.is_empty() { base.to_owned() } else { format!("{base} {inner}") };
        if id == 0 {
            return Ok(joined("void"));
        }
        let record = self.btf.record(id)?;
        Ok(match record.kind {
            Kind::Int | Kind::Float | Kind::Typedef | Kind::Fwd => joined(&base_name(&record)?),
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 if record.name()?.is_empty() => joined(&self.body(&record, depth)?),
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => joined(&head(&record)?),
            Kind::Ptr => {
                let target = self.behind_qualifiers(record.size_or_type)?;
                let is_bracketed = matches!(target, Some(Kind::Array | Kind::FuncProto));
                let inner = if is_bracketed { format!("(*{inner})") } else { format!("*{inner}") };
                self.declare(record.size_or_type, inner, depth)?
            }
            Kind::Array => self.declare(record.extra(0)?, format!("{inner}[{}]", record.extra(8)?), depth)?,
            Kind::FuncProto => {
                let gap = if self.behind_qualifiers(record.size_or_type)? == Some(Kind::Ptr) { " " } else { "" };
                self.declare(record.size_or_type, format!("{gap}{inner}({})", self.parameters(&record, depth)?), depth)?
            }
            Kind::Const => self.qualified("const", &record, inner, depth)?,
            Kind::Volatile => self.qualified("volatile", &record, inner, depth)?,
            Kind::Restrict => self.qualified("restrict", &record, inner, depth)?,
            Kind::TypeTag => self.declare(record.size_or_type, inner, depth)?,
            Kind::Void | Kind::Func | Kind::Var | Kind::Datasec | Kind::DeclTag => bail!("BTF: no type of C"),
        })
    }

    /// A qualifier stands before a plain type and behind a star.
    fn qualified(&self, word: &str, record: &Record<'_>, inner: String, depth: u32) -> Result<String> {
        if self.behind_qualifiers(record.size_or_type)? == Some(Kind::Ptr) {
            let inner = if inner.is_empty() { format!(" {word}") } else { format!(" {word} {inner}") };
            return self.declare(record.size_or_type, inner, depth);
        }
        let text = self.declare(record.size_or_type, inner, depth)?;
        // An array and its elements may both say it.
        Ok(if text.starts_with(word) { text } else { format!("{word} {text}") })
    }

    fn parameters(&self, record: &Record<'_>, depth: u32) -> Result<String> {
        let mut list = Vec::with_capacity(record.vlen);
        for index in 0..record.vlen {
            let (name, id) = (record.extra_name(index * 8)?, record.extra(index * 8 + 4)?);
            let is_last = index + 1 == record.vlen;
            list.push(match (id, record.vlen) {
                (0, 1) => "void".to_owned(),
                (0, _) if is_last => "...".to_owned(),
                _ => self.declare(id, name.to_owned(), depth)?,
            });
        }
        Ok(if list.is_empty() { "void".to_owned() } else { list.join(", ") })
    }

    /// The kind of a type after qualifiers; none for `void`.
    fn behind_qualifiers(&self, mut id: u32) -> Result<Option<Kind>> {
        for _ in 0..MAX_DEPTH {
            if id == 0 {
                return Ok(None);
            }
            let record = self.btf.record(id)?;
            if !matches!(record.kind, Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag) {
                return Ok(Some(record.kind));
            }
            id = record.size_or_type;
        }
        bail!("BTF: qualifiers in a circle")
    }

    fn size(&self, id: u32, depth: u32) -> Result<u32> {
        ensure!(depth < MAX_DEPTH, "BTF: types nested without end");
        if id == 0 {
            return Ok(0);
        }
        let record = self.btf.record(id)?;
        Ok(match record.kind {
            Kind::Int | Kind::Float | Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => record.size_or_type,
            Kind::Ptr => 8,
            Kind::Array => self.size(record.extra(0)?, depth + 1)?.saturating_mul(record.extra(8)?),
            Kind::Typedef | Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag => self.size(record.size_or_type, depth + 1)?,
            Kind::Void | Kind::Fwd | Kind::Func | Kind::FuncProto | Kind::Var | Kind::Datasec | Kind::DeclTag => 0,
        })
    }

    /// The alignment of a type, 1 for a packed one.
    fn align(&self, id: u32, depth: u32) -> Result<u32> {
        ensure!(depth < MAX_DEPTH, "BTF: types nested without end");
        if id == 0 {
            return Ok(1);
        }
        let record = self.btf.record(id)?;
        Ok(match record.kind {
            Kind::Int | Kind::Float | Kind::Enum | Kind::Enum64 => record.size_or_type.clamp(1, 8),
            Kind::Ptr => 8,
            Kind::Array => self.align(record.extra(0)?, depth + 1)?,
            Kind::Typedef | Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag => self.align(record.size_or_type, depth + 1)?,
            Kind::Struct | Kind::Union => match self.shape(&record, depth)? {
                (_, true) => 1,
                (align, false) => align,
            },
            Kind::Void | Kind::Fwd | Kind::Func | Kind::FuncProto | Kind::Var | Kind::Datasec | Kind::DeclTag => 1,
        })
    }

    /// The largest alignment of a struct's members, and whether one of them lies where that alone would not put it.
    fn shape(&self, record: &Record<'_>, depth: u32) -> Result<(u32, bool)> {
        self.spend(record.vlen)?;
        let (mut most, mut is_packed) = (1, false);
        for index in 0..record.vlen {
            let align = self.align(record.extra(index * 12 + 4)?, depth + 1)?;
            let (start, width) = place(record, index)?;
            is_packed |= width == 0 && !start.is_multiple_of(8 * align);
            most = align.max(most);
        }
        Ok((most, is_packed || !record.size_or_type.is_multiple_of(most)))
    }

    /// Counts members looked at, and what fills holes: structs within structs multiply, and a broken one claims a hole of half a gigabyte.
    fn spend(&self, members: usize) -> Result<()> {
        let left = u32::try_from(members).ok().and_then(|members| self.members_left.get().checked_sub(members));
        let Some(left) = left else { bail!("BTF: a type with too many members") };
        self.members_left.set(left);
        Ok(())
    }
}

/// Where a member begins, in bits, and its width if it is a bit-field.
fn place(record: &Record<'_>, index: usize) -> Result<(u32, u32)> {
    let place = record.extra(index * 12 + 8)?;
    Ok(if record.flag { (place & 0xff_ffff, place >> 24) } else { (place, 0) })
}

/// About as many bit-fields are needed from one bit to another.
fn fillers(at: u32, to: u32) -> usize {
    (to.saturating_sub(at) / FILLERS[0].1) as usize
}

/// Unnamed bit-fields from one bit to another, as few as possible.
fn fill(mut at: u32, to: u32, align: u32, in_bits: bool, depth: u32, text: &mut String) {
    if at >= to {
        return;
    }
    let fits = |(_, bits): &&(&str, u32)| at.checked_next_multiple_of(*bits).is_some_and(|start| start <= to);
    let Some((name, bits)) = FILLERS.iter().find(fits) else { return };
    let mut write = |name: &str, bits: u32| {
        let _ = writeln!(text, "{}{name}: {bits};", tabs(depth + 1));
    };
    let start = at.next_multiple_of(*bits);
    if start > at {
        let needs_mark =
            in_bits || (start == to && at.next_multiple_of(align.max(1) * 8) != start) || (start != to && to - start <= start - at);
        if needs_mark {
            write(name, if in_bits { start - at } else { 0 });
        }
        at = start;
    }
    while at < to {
        let part = (to - at).min(*bits);
        let (name, _) =
            if part == *bits { (*name, *bits) } else { *FILLERS.iter().rev().find(|(_, bits)| *bits >= part).unwrap_or(&FILLERS[0]) };
        write(name, part);
        at += part;
    }
}

/// `struct s`, without a name the keyword alone.
fn head(record: &Record<'_>) -> Result<String> {
    let keyword = if record.kind == Kind::Union {
        "union"
    } else if is_enum(record) {
        "enum"
    } else {
        "struct"
    };
    let name = record.name()?;
    Ok(if name.is_empty() { keyword.to_owned() } else { format!("{keyword} {name}") })
}

fn base_name(record: &Record<'_>) -> Result<String> {
    let name = record.name()?;
    let tag = if record.flag { "union" } else { "struct" };
    Ok(if record.kind == Kind::Fwd { format!("{tag} {name}") } else { name.to_owned() })
}

fn is_enum(record: &Record<'_>) -> bool {
    matches!(record.kind, Kind::Enum | Kind::Enum64)
}

fn tabs(depth: u32) -> String {
    "\t".repeat(depth as usize)
}
