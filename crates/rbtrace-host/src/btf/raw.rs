//! The bytes of BTF: header, index of type records, strings. Knows kinds and names, gives no record a meaning.
//!
//! The bytes are input: every read is checked, a broken file is an error and never a panic. Records are found through
//! an index of 4 bytes a type, made by one scan; names are compared where they lie.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::ops::{Deref, Range};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail, ensure};

/// `BTF_KIND_*`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Void = 0,
    Int = 1,
    Ptr = 2,
    Array = 3,
    Struct = 4,
    Union = 5,
    Enum = 6,
    Fwd = 7,
    Typedef = 8,
    Volatile = 9,
    Const = 10,
    Restrict = 11,
    Func = 12,
    FuncProto = 13,
    Var = 14,
    Datasec = 15,
    Float = 16,
    DeclTag = 17,
    TypeTag = 18,
    Enum64 = 19,
}

/// Every kind by its number, with the bytes that follow the 12 common ones: so many, and so many more for each member.
/// A table because the index reads it 126,000 times: a `match` would be a mispredicted jump each time.
const KINDS: [(Kind, u8, u8); 20] = [
    (Kind::Void, 0, 0),
    (Kind::Int, 4, 0),
    (Kind::Ptr, 0, 0),
    (Kind::Array, 12, 0),
    (Kind::Struct, 0, 12),
    (Kind::Union, 0, 12),
    (Kind::Enum, 0, 8),
    (Kind::Fwd, 0, 0),
    (Kind::Typedef, 0, 0),
    (Kind::Volatile, 0, 0),
    (Kind::Const, 0, 0),
    (Kind::Restrict, 0, 0),
    (Kind::Func, 0, 0),
    (Kind::FuncProto, 0, 8),
    (Kind::Var, 4, 0),
    (Kind::Datasec, 0, 12),
    (Kind::Float, 0, 0),
    (Kind::DeclTag, 4, 0),
    (Kind::TypeTag, 0, 0),
    (Kind::Enum64, 0, 12),
];

/// The kind in the `info` word of a record, and how many bytes follow the common ones.
fn kind_of(info: u32) -> Option<(Kind, usize)> {
    let (kind, fixed, each) = KINDS.get((info >> 24 & 0x1f) as usize)?;
    Some((*kind, usize::from(*fixed) + usize::from(*each) * (info & 0xffff) as usize))
}

/// Where the bytes live.
#[derive(Debug)]
pub enum Bytes {
    /// Mapped from sysfs.
    Mapped(memmap2::Mmap),
    /// Read from a file that cannot be mapped.
    Owned(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

/// BTF of the kernel, or of a module on top of the kernel's (`base`): ids and string offsets go on where the base ends.
#[derive(Debug)]
pub struct Btf {
    bytes: Bytes,
    types: Range<usize>,
    strings: Range<usize>,
    /// Invariant: each is the place, within `types`, of a record that lies wholly inside.
    records: Vec<u32>,
    base: Option<Arc<Btf>>,
    first_id: u32,
    first_string: u32,
    /// Names that were looked for by walking over all strings.
    walks: AtomicU32,
    /// Hashes of the strings and where they are, once so many names were looked for that this is less work.
    index: OnceLock<HashMap<u64, u32>>,
    /// By kind: the first type of a name, from then on.
    named: [OnceLock<HashMap<u32, u32>>; KINDS.len()],
}

/// Names that are looked for by walking over all strings: a walk costs 0.2 ms, the index of a kernel's strings 10 ms.
const MOST_WALKS: u32 = 64;

/// One type record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    btf: &'a Btf,
    /// Where the common 12 bytes begin, within the type section.
    at: usize,
    /// Bytes behind the common 12.
    extra: usize,
    /// Its kind.
    pub kind: Kind,
    /// How many members, parameters or constants it has.
    pub vlen: usize,
    /// The flag bit of the kind: bit-fields for structs, signedness for enums.
    pub flag: bool,
    /// Size in bytes or id of the type it refers to, as the kind has it.
    pub size_or_type: u32,
}

const HEADER: usize = 24;
const MAGIC: u16 = 0xEB9F;

impl Btf {
    /// Checks the header and indexes the records.
    pub fn parse(bytes: Bytes, base: Option<Arc<Btf>>) -> Result<Btf> {
        let header = bytes.get(..HEADER).context("BTF: shorter than its header")?;
        let word = |at: usize| u32_at(header, at).map(|word| word as usize).context("BTF: shorter than its header");
        let magic = u16::from_ne_bytes([header[0], header[1]]);
        ensure!(magic == MAGIC, "BTF: wrong magic number {magic:#06x}");
        ensure!(header[2] == 1, "BTF: unknown version {}", header[2]);
        let header_len = word(4)?;
        let section = |offset: usize, len: usize| -> Result<Range<usize>> {
            let start = header_len.checked_add(offset).context("BTF: section beyond the file")?;
            let end = start.checked_add(len).filter(|&end| end <= bytes.len()).context("BTF: section beyond the file")?;
            Ok(start..end)
        };
        let types = section(word(8)?, word(12)?)?;
        let strings = section(word(16)?, word(20)?)?;
        let records = index(&bytes[types.clone()])?;
        let (first_id, first_string) = match &base {
            None => (1, 0),
            Some(base) => (base.end_id()?, base.end_string()?),
        };
        u32::try_from(first_id as usize + records.len()).context("BTF: too many types")?;
        let (walks, index, named) = (AtomicU32::new(0), OnceLock::new(), [const { OnceLock::new() }; KINDS.len()]);
        Ok(Btf { bytes, types, strings, records, base, first_id, first_string, walks, index, named })
    }

    fn end_id(&self) -> Result<u32> {
        u32::try_from(self.first_id as usize + self.records.len()).context("BTF: too many types")
    }

    fn end_string(&self) -> Result<u32> {
        u32::try_from(self.first_string as usize + self.strings.len()).context("BTF: too many strings")
    }

    /// The record of a type. Id 0 is `void` and has none.
    pub fn record(&self, id: u32) -> Result<Record<'_>> {
        if id < self.first_id {
            match &self.base {
                Some(base) => return base.record(id),
                None => bail!("BTF: type {id} has no record"),
            }
        }
        let at = *self.records.get((id - self.first_id) as usize).with_context(|| format!("BTF: no type {id}"))? as usize;
        let info = self.word(at + 4)?;
        let (kind, extra) = kind_of(info).with_context(|| format!("BTF: type {id} has an unknown kind"))?;
        let (vlen, flag, size_or_type) = ((info & 0xffff) as usize, info >> 31 == 1, self.word(at + 8)?);
        Ok(Record { btf: self, at, extra, kind, vlen, flag, size_or_type })
    }

    /// The first own type of this kind and name.
    pub fn find(&self, name: &str, kind: Kind) -> Option<u32> {
        let wanted = self.name_offsets(name);
        if wanted == [None, None] {
            return None;
        }
        if self.walks.load(Ordering::Relaxed) >= MOST_WALKS {
            let named = self.named[kind as usize].get_or_init(|| self.named(kind));
            return wanted.into_iter().flatten().filter_map(|offset| named.get(&offset).copied()).min();
        }
        self.own(kind).find(|&(_, at)| self.word(at).is_ok_and(|offset| wanted.contains(&Some(offset)))).map(|(id, _)| id)
    }

    /// The first own type of a kind by where its name is.
    fn named(&self, kind: Kind) -> HashMap<u32, u32> {
        let mut named = HashMap::new();
        for (id, at) in self.own(kind) {
            if let Ok(offset) = self.word(at) {
                named.entry(offset).or_insert(id);
            }
        }
        named
    }

    /// The first own enum that has a constant of this name.
    pub fn find_enum_with(&self, constant: &str) -> Option<u32> {
        let wanted = self.name_offsets(constant);
        if wanted == [None, None] {
            return None;
        }
        let mut enums = self.own(Kind::Enum).map(|(id, _)| (id, 8)).chain(self.own(Kind::Enum64).map(|(id, _)| (id, 12)));
        enums.find_map(|(id, stride)| {
            let record = self.record(id).ok()?;
            let has = (0..record.vlen).any(|i| record.extra(i * stride).is_ok_and(|offset| wanted.contains(&Some(offset))));
            has.then_some(id)
        })
    }

    /// Whether the tool that wrote this file marked signed enums as such (pahole 1.24, Linux 6.0).
    pub fn marks_signed_enums(&self) -> bool {
        let marked = |id| self.record(id).is_ok_and(|record| record.flag);
        let own = self.own(Kind::Enum64).next().is_some() || self.own(Kind::Enum).any(|(id, _)| marked(id));
        own || self.base.as_ref().is_some_and(|base| base.marks_signed_enums())
    }

    /// Own types of a kind whose name starts with `prefix`: (id, rest of the name).
    pub fn with_prefix(&self, prefix: &str, kind: Kind) -> Vec<(u32, &str)> {
        // The names are found first, by one pass over the strings: most types need no look at their name then.
        let needle = [b"\0", prefix.as_bytes()].concat();
        let own = memchr::memmem::find_iter(&self.bytes[self.strings.clone()], &needle).map(|at| at as u32 + 1 + self.first_string);
        let wanted: Vec<u32> = own.collect();
        let named = |at: usize| -> Option<&str> {
            let offset = self.word(at).ok()?;
            let candidate = offset < self.first_string || wanted.binary_search(&offset).is_ok();
            if candidate { self.string(offset).ok()?.strip_prefix(prefix) } else { None }
        };
        self.own(kind).filter_map(|(id, at)| named(at).map(|rest| (id, rest))).collect()
    }

    /// What own declaration tags of this name mark.
    pub fn tagged(&self, tag: &str) -> Vec<u32> {
        let wanted = self.name_offsets(tag);
        let named = |at: usize| self.word(at).is_ok_and(|offset| wanted.contains(&Some(offset)));
        self.own(Kind::DeclTag).filter(|&(_, at)| named(at)).filter_map(|(_, at)| self.word(at + 8).ok()).collect()
    }

    /// Own types of a kind: id, and where the record is.
    fn own(&self, kind: Kind) -> impl Iterator<Item = (u32, usize)> + '_ {
        let types = &self.bytes[self.types.clone()];
        let of_kind = move |at: u32| u32_at(types, at as usize + 4).is_some_and(|info| info >> 24 & 0x1f == kind as u32);
        (self.first_id..).zip(&self.records).filter(move |&(_, &at)| of_kind(at)).map(|(id, &at)| (id, at as usize))
    }

    /// Where a name is among the own strings and among those of the base. Strings are stored once, so comparing offsets
    /// compares names.
    fn name_offsets(&self, name: &str) -> [Option<u32>; 2] {
        let find = |btf: &Btf| Some(btf.own_name(name)? + btf.first_string);
        [find(self), self.base.as_deref().and_then(find)]
    }

    /// Where a name is among the own strings.
    fn own_name(&self, name: &str) -> Option<u32> {
        let strings = &self.bytes[self.strings.clone()];
        let needle = [b"\0", name.as_bytes(), b"\0"].concat();
        if self.walks.fetch_add(1, Ordering::Relaxed) >= MOST_WALKS {
            let at = *self.index.get_or_init(|| places(strings)).get(&hash(name.as_bytes()))?;
            if strings.get(at as usize - 1..)?.starts_with(&needle) {
                return Some(at);
            }
        }
        memchr::memmem::find(strings, &needle).map(|at| at as u32 + 1)
    }

    /// The string at an offset.
    pub fn string(&self, offset: u32) -> Result<&str> {
        if offset < self.first_string {
            return self.base.as_ref().context("BTF: string without a base")?.string(offset);
        }
        let strings = &self.bytes[self.strings.clone()];
        let tail = strings.get((offset - self.first_string) as usize..).context("BTF: string beyond its section")?;
        let len = memchr::memchr(0, tail).context("BTF: string without an end")?;
        std::str::from_utf8(&tail[..len]).context("BTF: a name that is no UTF-8")
    }

    fn word(&self, at: usize) -> Result<u32> {
        u32_at(&self.bytes[self.types.clone()], at).context("BTF: record beyond its section")
    }
}

/// Hashes of all strings behind the first, which is empty, with their places.
fn places(strings: &[u8]) -> HashMap<u64, u32> {
    let ends = memchr::memchr_iter(0, strings);
    let starts = ends.clone().map(|end| end + 1);
    starts.zip(ends.skip(1)).map(|(start, end)| (hash(&strings[start..end]), start as u32)).collect()
}

fn hash(name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(name);
    hasher.finish()
}

impl<'a> Record<'a> {
    /// Its name; empty when it has none.
    pub fn name(&self) -> Result<&'a str> {
        self.btf.string(self.btf.word(self.at)?)
    }

    /// A word of what follows the common part.
    pub fn extra(&self, at: usize) -> Result<u32> {
        ensure!(at + 4 <= self.extra, "BTF: read behind a record");
        self.btf.word(self.at + 12 + at)
    }

    /// A name in what follows the common part; empty when there is none.
    pub fn extra_name(&self, at: usize) -> Result<&'a str> {
        self.btf.string(self.extra(at)?)
    }
}

/// One scan over all records.
fn index(types: &[u8]) -> Result<Vec<u32>> {
    // A record has 12 bytes at least; in the kernel's BTF the mean is 28.
    let mut records = Vec::with_capacity(types.len() / 24);
    let mut at = 0;
    while at < types.len() {
        let info = u32_at(types, at + 4).context("BTF: cut in the middle of a record")?;
        let (_, extra) = kind_of(info).filter(|&(kind, _)| kind != Kind::Void).context("BTF: a record of unknown kind")?;
        records.push(u32::try_from(at).context("BTF: type section of more than 4 GB")?);
        at += 12 + extra;
        ensure!(at <= types.len(), "BTF: cut in the middle of a record");
    }
    Ok(records)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_ne_bytes(*word))
}
