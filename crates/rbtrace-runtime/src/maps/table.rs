//! A map's entries, merged over the CPUs and sorted (SPEC §9.3). Rows are decoded one by one while they are printed.

use std::cmp::Ordering;

use anyhow::{Context, Result};
use rbtrace_ir::{Aggregate, Int, MapDecl, Storage, Type};
use rbtrace_lang::row::{Aggregation, Showing};
use rbtrace_lang::run::{RunError, World};
use rbtrace_lang::{Value, aggregations, value};

use crate::maps::Entries;
use crate::maps::key::KeyOrder;

/// The rows of a map.
#[derive(Debug)]
pub struct Table<'m> {
    decl: &'m MapDecl,
    kind: Kind<'m>,
    keys: Vec<u8>,
    key_size: usize,
    /// Merged values.
    values: Vec<u64>,
    /// Words of one value.
    words: usize,
    /// Rows in the order they are printed.
    order: Vec<u32>,
    is_set: bool,
}

/// How a value reads.
enum Kind<'m> {
    /// The state of an aggregation.
    Aggregate(&'static Aggregation, &'m Aggregate),
    /// Plain bytes.
    Plain,
}

/// One line of a map.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// None for a scalar map.
    pub key: Option<Value>,
    /// The value.
    pub value: Value,
}

/// Which rows are shown and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cut {
    /// Only the last that many rows; 0: all.
    pub top: u64,
    /// Numbers are divided by it.
    pub div: u64,
}

impl<'m> Table<'m> {
    /// Merges and sorts. `zeroed`: a scalar that counts as set although its state is empty.
    pub fn new(decl: &'m MapDecl, entries: Entries, cpus: usize, zeroed: bool) -> Result<Self> {
        let kind = match &decl.value {
            Type::Aggregate(aggregate) => {
                let row = aggregations::by_name(&aggregate.name);
                Kind::Aggregate(row.with_context(|| format!("no aggregation is called `{}`", aggregate.name))?, aggregate)
            }
            Type::Void | Type::Bool | Type::Int(_) | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..) => Kind::Plain,
            Type::Struct(_) | Type::Enum(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) => Kind::Plain,
        };
        let words = decl.value_size() as usize / 8;
        let values = merge(&kind, entries.values, words, cpus);
        let key_size = decl.key.as_ref().map_or(0, |key| key.size() as usize);
        let mut table = Self { decl, kind, keys: entries.keys, key_size, values, words, order: Vec::new(), is_set: true };
        table.is_set = zeroed || table.holds_data(entries.count);
        table.order = table.sorted(entries.count);
        Ok(table)
    }

    /// The map.
    pub fn decl(&self) -> &'m MapDecl {
        self.decl
    }

    /// Whether there is anything in it: empty maps are not printed at the end.
    pub fn is_set(&self) -> bool {
        self.is_set
    }

    /// `type` of its JSON line.
    pub fn json_type(&self) -> &'static str {
        match self.kind {
            Kind::Aggregate(row, _) => row.json_type,
            Kind::Plain => "map",
        }
    }

    /// Whether values of several rows add up to one of the same kind.
    pub fn adds_up(&self) -> bool {
        match self.kind {
            Kind::Aggregate(row, _) => row.adds_up,
            Kind::Plain => true,
        }
    }

    /// The rows in printing order.
    pub fn rows<'a>(&'a self, cut: Cut, world: &'a dyn World) -> impl Iterator<Item = Result<Row, RunError>> + 'a {
        let skip = match usize::try_from(cut.top) {
            Ok(top) if top > 0 => self.order.len().saturating_sub(top),
            Ok(_) | Err(_) => 0,
        };
        // A histogram or graph of nothing is no line at all, a number is still 0. After `zero` it is there, with nothing in it.
        let skip = if self.is_set || !self.is_drawn() { skip } else { self.order.len() };
        let largest = self.order.last().map_or(0, |&last| self.rank(last));
        self.order[skip..].iter().map(move |&at| {
            let key = self.decl.key.as_ref().map(|ty| value::decode(ty, self.key(at), world)).transpose()?;
            Ok(Row { key, value: self.value(at, cut.div.max(1), largest, world)? })
        })
    }

    fn value(&self, at: u32, div: u64, largest: i128, world: &dyn World) -> Result<Value, RunError> {
        let words = self.state(at);
        if let Kind::Aggregate(row, aggregate) = &self.kind {
            return Ok((row.show)(aggregate, words, &Showing { div, largest, world }));
        }
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let value = value::decode(&self.decl.value, &bytes, world)?;
        if let Value::Int(number) = value {
            return Ok(Value::Int(i64::try_from(div).map_or(0, |div| number / div)));
        }
        Ok(if let Value::UInt(number) = value { Value::UInt(number / div) } else { value })
    }

    fn is_drawn(&self) -> bool {
        match &self.kind {
            Kind::Aggregate(row, _) => row.whole_only,
            Kind::Plain => false,
        }
    }

    fn holds_data(&self, count: usize) -> bool {
        match (self.decl.storage, &self.kind) {
            // Its last word says whether it was ever assigned.
            (Storage::Global, _) => self.values.last().is_some_and(|&word| word != 0),
            (Storage::PerCpuGlobal, Kind::Aggregate(row, aggregate)) => (row.is_set)(aggregate, &self.values),
            (Storage::PerCpuGlobal, Kind::Plain) => self.values.iter().any(|&word| word != 0),
            (Storage::Hash | Storage::LruHash | Storage::PerCpuHash | Storage::LruPerCpuHash, _) => count > 0,
            (Storage::Array | Storage::Arrays, _) => false,
        }
    }

    fn sorted(&self, count: usize) -> Vec<u32> {
        // Equal ranks are in the order of their keys: nothing that is printed may depend on the kernel's hash.
        let keys = self.decl.key.as_ref().map(KeyOrder::of);
        let prefix = |at: u32| keys.as_ref().map_or(0, |order| order.prefix(self.key(at)));
        let mut order: Vec<(i128, u64, u32)> = (0..count as u32).map(|at| (self.rank(at), prefix(at), at)).collect();
        order.sort_unstable_by(|a, b| {
            let by_key = || keys.as_ref().map_or(Ordering::Equal, |order| order.compare(self.key(a.2), self.key(b.2)));
            (a.0, a.1).cmp(&(b.0, b.1)).then_with(by_key)
        });
        // A walk over a map that changes meanwhile may meet an entry twice.
        order.dedup_by(|a, b| self.key_size > 0 && self.key(a.2) == self.key(b.2));
        order.into_iter().map(|(_, _, at)| at).collect()
    }

    /// What is compared first: the value, where it is a number.
    fn rank(&self, at: u32) -> i128 {
        let words = self.state(at);
        match (&self.kind, &self.decl.value) {
            (Kind::Aggregate(row, aggregate), _) => (row.order)(aggregate, words),
            (Kind::Plain, Type::Int(Int { bytes, signed })) => {
                let shift = 64 - 8 * u32::from(*bytes);
                let word = words.first().copied().unwrap_or(0) << shift;
                if *signed { i128::from(word as i64 >> shift) } else { i128::from(word >> shift) }
            }
            (Kind::Plain, Type::Enum(_)) => words.first().map_or(0, |&word| i128::from(word as i64)),
            (Kind::Plain, Type::Void | Type::Bool | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..)) => 0,
            (Kind::Plain, Type::Struct(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_)) => 0,
        }
    }

    fn key(&self, at: u32) -> &[u8] {
        &self.keys[at as usize * self.key_size..][..self.key_size]
    }

    fn state(&self, at: u32) -> &[u64] {
        &self.values[at as usize * self.words..][..self.words]
    }
}

impl std::fmt::Debug for Kind<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Aggregate(row, _) => f.write_str(row.name),
            Self::Plain => f.write_str("plain"),
        }
    }
}

/// Folds the values of the CPUs into one per key, in place.
fn merge(kind: &Kind<'_>, mut values: Vec<u64>, words: usize, cpus: usize) -> Vec<u64> {
    if cpus <= 1 {
        return values;
    }
    let count = values.len() / (words * cpus).max(1);
    let mut total = vec![0; words];
    for at in 0..count {
        let states = &values[at * words * cpus..][..words * cpus];
        match kind {
            Kind::Aggregate(row, aggregate) => {
                total.fill(0);
                states.chunks_exact(words).for_each(|state| (row.merge)(aggregate, &mut total, state));
            }
            Kind::Plain => total.copy_from_slice(&states[..words]),
        }
        values[at * words..][..words].copy_from_slice(&total);
    }
    values.truncate(count * words);
    values
}
