//! The names in a file's tables of symbols, and which of them an address has: the same one whatever else is known of it.

use std::cmp::Reverse;
use std::path::Path;

use object::{Object, ObjectSymbol, ObjectSymbolTable, SymbolIndex, SymbolKind};

use crate::binaries::image::Image;

/// Symbols that are looked at before an address: those that have others inside are few, and have few.
const NEAR: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub struct Names {
    tables: Vec<Table>,
    /// Sorted by address.
    symbols: Vec<Entry>,
}

#[derive(Debug)]
struct Table {
    file: Image,
    /// Only what others call.
    is_dynamic: bool,
}

/// A symbol of code or data.
#[derive(Clone, Copy, Debug)]
struct Entry {
    address: u64,
    /// 0: nobody says.
    size: u64,
    index: u32,
    table: u8,
    binding: Binding,
}

/// Who sees a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binding {
    Global,
    Weak,
    Local,
}

/// A name that an address has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As linkers see it.
    pub name: String,
    /// Bytes from its start.
    pub offset: u64,
    /// Nobody says that it reaches so far, only that nothing else begins in between.
    pub is_guess: bool,
}

impl Names {
    /// Adds a table of a file. `None`: the file cannot be read.
    pub fn add(&mut self, path: &Path, is_dynamic: bool) -> Option<()> {
        let file = Image::open(path, None).ok()?;
        let object = object::File::parse(&*file).ok()?;
        let number = u8::try_from(self.tables.len()).ok()?;
        let symbols = if is_dynamic { object.dynamic_symbols() } else { object.symbols() };
        self.symbols.extend(symbols.filter_map(|symbol| entry(&symbol, number)));
        self.symbols.sort_unstable_by_key(|symbol| (symbol.address, Reverse(symbol.size), symbol.table, symbol.index));
        self.tables.push(Table { file, is_dynamic });
        Some(())
    }

    /// The name at an address.
    pub fn find(&self, address: u64) -> Option<Name> {
        let behind = self.symbols.partition_point(|symbol| symbol.address <= address);
        let before = &self.symbols[..behind];
        let is_dynamic = |symbol: &Entry| self.tables[usize::from(symbol.table)].is_dynamic;
        let found = around(before, address, &is_dynamic)?;
        let first = before.partition_point(|symbol| symbol.address < found.address);
        let same = before[first..].iter().take_while(|symbol| symbol.address == found.address);
        let same = same.filter(|symbol| symbol.size.min(1) == found.size.min(1) && reaches(symbol, address, &is_dynamic));
        let named = same.filter_map(|symbol| Some((symbol.binding, self.name(symbol)?)));
        let (_, name) = named.min_by(|(one, first), (other, second)| rank(*one, first).cmp(&rank(*other, second)))?;
        Some(Name { name, offset: address - found.address, is_guess: found.size == 0 && address > found.address })
    }

    fn name(&self, symbol: &Entry) -> Option<String> {
        let table = &self.tables[usize::from(symbol.table)];
        let object = object::File::parse(&*table.file).ok()?;
        let symbols = if table.is_dynamic { object.dynamic_symbol_table() } else { object.symbol_table() }?;
        let symbol = symbols.symbol_by_index(SymbolIndex(symbol.index as usize)).ok()?;
        let name = String::from_utf8_lossy(symbol.name_bytes().ok()?).into_owned();
        // A version is no part of the name: `memcpy@GLIBC_2.2.5`.
        name.split('@').next().filter(|name| !name.is_empty()).map(str::to_owned)
    }
}

/// The symbol that an address belongs to: one that holds it, or else the last before it.
fn around<'s>(before: &'s [Entry], address: u64, is_dynamic: &dyn Fn(&Entry) -> bool) -> Option<&'s Entry> {
    let holder = before.iter().rev().take(NEAR).find(|symbol| symbol.size > 0 && reaches(symbol, address, is_dynamic));
    holder.or_else(|| before.last().filter(|symbol| reaches(symbol, address, is_dynamic)))
}

/// Whether code at an address may be that of a symbol before it. A table of what others call has too little of the code to say to whom belongs
/// what is behind a symbol without a size.
fn reaches(symbol: &Entry, address: u64, is_dynamic: &dyn Fn(&Entry) -> bool) -> bool {
    let distance = address - symbol.address;
    distance < symbol.size || symbol.size == 0 && (distance == 0 || !is_dynamic(symbol))
}

fn entry<'a>(symbol: &impl ObjectSymbol<'a>, table: u8) -> Option<Entry> {
    // Assembler leaves it out what a symbol is. Where data is between code, such symbols say so: `$d`.
    let is_plain = || symbol.kind() == SymbolKind::Unknown && symbol.name_bytes().is_ok_and(|name| !name.starts_with(b"$"));
    let is_named = matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Data) || is_plain();
    (is_named && !symbol.is_undefined()).then_some(())?;
    let binding = match (symbol.is_local(), symbol.is_weak()) {
        (true, _) => Binding::Local,
        (false, true) => Binding::Weak,
        (false, false) => Binding::Global,
    };
    Some(Entry { address: symbol.address(), size: symbol.size(), index: u32::try_from(symbol.index().0).ok()?, table, binding })
}

/// The smallest is shown: what everybody can call before what a file keeps to itself, and of that what people write (`write`, not `__libc_write`,
/// though the other is the weak one). What the kernel gives to processes keeps the names that tell it from the functions of the C library that it
/// serves.
fn rank(binding: Binding, name: &str) -> (bool, bool, usize, bool, &str) {
    let underscores = name.bytes().take_while(|&byte| byte == b'_').count();
    (binding == Binding::Local, !name.starts_with("__vdso_"), underscores, binding == Binding::Weak, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_people_call_are_shown() {
        let best = |names: &[(Binding, &str)]| {
            names.iter().min_by_key(|(binding, name)| rank(*binding, name)).map(|(_, name)| (*name).to_owned()).unwrap_or_default()
        };
        use Binding::{Global, Local, Weak};
        assert_eq!(best(&[(Global, "__libc_write"), (Weak, "write"), (Global, "__write")]), "write");
        assert_eq!(best(&[(Weak, "clock_gettime"), (Weak, "__vdso_clock_gettime")]), "__vdso_clock_gettime");
        assert_eq!(best(&[(Weak, "add"), (Local, "a"), (Global, "sum_of")]), "sum_of");
        assert_eq!(best(&[(Global, "sum_of"), (Global, "add")]), "add");
    }

    #[test]
    fn our_own_functions() {
        let mut names = Names::default();
        names.add(Path::new("/proc/self/exe"), false).expect("this binary has symbols");
        let all: Vec<(u64, Option<Name>)> =
            names.symbols.iter().step_by(97).map(|symbol| (symbol.address, names.find(symbol.address))).collect();
        assert!(all.len() > 20);
        for (address, name) in all {
            let name = name.unwrap_or_else(|| panic!("{address:#x}"));
            assert_eq!((name.offset, name.is_guess), (0, false), "{address:#x}: {name:?}");
        }
        assert_eq!(names.find(0), None);
    }

    #[test]
    fn what_is_inside_of_another_does_not_end_it() {
        let entry = |(address, size)| Entry { address, size, index: 0, table: 0, binding: Binding::Global };
        let before = |address| {
            [(10, 10), (12, 2), (30, 0), (40, 4)].map(entry).into_iter().filter(move |symbol| symbol.address <= address).collect()
        };
        let at = |address, is_dynamic| {
            let before: Vec<Entry> = before(address);
            around(&before, address, &|_| is_dynamic).map(|symbol| symbol.address)
        };
        let dynamic = [9, 10, 13, 14, 19, 20, 30, 31, 43, 44].map(|address| at(address, true));
        assert_eq!(dynamic, [None, Some(10), Some(12), Some(10), Some(10), None, Some(30), None, Some(40), None]);
        assert_eq!([29, 31, 39].map(|address| at(address, false)), [None, Some(30), Some(30)]);
    }
}
