//! What dynamic linking says of a file's code: which functions of others its stubs lead to (`malloc@plt`), which no table of symbols names.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use object::{Architecture, Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, RelocationTarget};

use crate::binaries::file::map;

/// Bytes of a stub on x86-64 where its section does not say it.
const STUB: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub struct Linked {
    /// Where stubs are: libraries with thousands of them are often seen, code in them seldom.
    sections: Vec<Range<u64>>,
    stubs: OnceCell<Stubs>,
}

/// Sorted by address.
type Stubs = Vec<Stub>;

#[derive(Debug)]
struct Stub {
    start: u64,
    end: u64,
    name: String,
}

impl Linked {
    /// What a file says.
    pub fn read(object: &object::File<'_>) -> Linked {
        let sections = stub_sections(object).map(|section| section.address()..section.address().saturating_add(section.size())).collect();
        Linked { sections, stubs: OnceCell::new() }
    }

    /// The stub at an address of the file that was read, and how far the address is in it.
    pub fn stub(&self, file: &Path, address: u64) -> Option<(&str, u64)> {
        self.sections.iter().any(|section| section.contains(&address)).then_some(())?;
        let read = || stubs(&object::File::parse(&*map(file).ok()?).ok()?);
        let stubs = self.stubs.get_or_init(|| read().unwrap_or_default());
        let stub = &stubs[stubs.partition_point(|stub| stub.start <= address).checked_sub(1)?];
        (address < stub.end).then(|| (stub.name.as_str(), address - stub.start))
    }
}

/// The stubs of all sections that have some. Each jumps to where a slot points, and a relocation says what is put into the slot.
fn stubs(object: &object::File<'_>) -> Option<Stubs> {
    let mut found: Vec<(u64, u64, u64)> = Vec::new();
    for section in stub_sections(object) {
        found.extend(jumps(object.architecture(), section.address(), section.data().ok()?));
    }
    let symbols = object.dynamic_symbol_table()?;
    let name = |target| {
        let RelocationTarget::Symbol(index) = target else { return None };
        Some(symbols.symbol_by_index(index).ok()?.name().ok()?.to_owned())
    };
    let slots: HashMap<u64, String> =
        object.dynamic_relocations()?.filter_map(|(slot, relocation)| Some((slot, name(relocation.target())?))).collect();
    found.sort_unstable();
    let named = found.into_iter().filter_map(|(start, end, slot)| Some(Stub { start, end, name: format!("{}@plt", slots.get(&slot)?) }));
    Some(named.collect())
}

fn stub_sections<'data, 'file>(object: &'file object::File<'data>) -> impl Iterator<Item = object::Section<'data, 'file>> {
    [".plt", ".plt.sec", ".plt.got"].into_iter().filter_map(|name| object.section_by_name(name))
}

/// Where the stubs in a section begin and end, and their slots.
#[allow(clippy::wildcard_enum_match_arm, reason = "not our enum: there are forty machines, and two are followed")]
fn jumps(architecture: Architecture, start: u64, code: &[u8]) -> Vec<(u64, u64, u64)> {
    match architecture {
        Architecture::X86_64 => {
            code.chunks(STUB).enumerate().filter_map(|(index, stub)| jump_x86(start + (index * STUB) as u64, stub)).collect()
        }
        Architecture::Aarch64 => jumps_aarch64(start, code),
        _ => Vec::new(),
    }
}

/// `jmp *slot(%rip)`, with or without what marks a place that may be jumped to.
fn jump_x86(start: u64, stub: &[u8]) -> Option<(u64, u64, u64)> {
    let at = stub.windows(2).position(|pair| pair == [0xff, 0x25])?;
    let distance = i32::from_le_bytes(stub.get(at + 2..at + 6)?.try_into().ok()?);
    let slot = (start + at as u64 + 6).wrapping_add_signed(i64::from(distance));
    Some((start, start + stub.len() as u64, slot))
}

/// `bti c`
const BTI_C: u32 = 0xd503_245f;

/// `adrp x16, page; ldr x17, [x16, #offset]`, up to the next of them; before it may stand what marks a place that may be jumped to.
fn jumps_aarch64(start: u64, code: &[u8]) -> Vec<(u64, u64, u64)> {
    let words: Vec<u32> = code.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect();
    let mut found: Vec<(u64, u64, u64)> = Vec::new();
    for (index, pair) in words.windows(2).enumerate() {
        if pair[0] & 0x9f00_001f != 0x9000_0010 || pair[1] & 0xffc0_03ff != 0xf940_0211 {
            continue;
        }
        let from = start + index as u64 * 4;
        let is_marked = index > 0 && words[index - 1] == BTI_C;
        let at = if is_marked { from - 4 } else { from };
        let pages = (i64::from((pair[0] >> 5) & 0x7_ffff) << 2 | i64::from((pair[0] >> 29) & 3)) << 43 >> 43;
        let slot = (from & !0xfff).wrapping_add_signed(pages << 12) + u64::from((pair[1] >> 10) & 0xfff) * 8;
        if let Some(last) = found.last_mut() {
            last.1 = at;
        }
        found.push((at, start + code.len() as u64, slot));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stubs_of_both_processors() {
        // endbr64; jmp *0x2fe6(%rip), as linkers write it.
        let marked = [0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, 0xe6, 0x2f, 0, 0, 0x66, 0x0f, 0x1f, 0x44, 0, 0];
        assert_eq!(jumps(Architecture::X86_64, 0x1000, &marked), [(0x1000, 0x1010, 0x3ff0)]);
        let old = [0xff, 0x25, 0xe2, 0x2f, 0, 0, 0x68, 0, 0, 0, 0, 0xe9, 0xe0, 0xff, 0xff, 0xff];
        assert_eq!(jumps(Architecture::X86_64, 0x1000, &old), [(0x1000, 0x1010, 0x3fe8)]);
        // adrp x16, +31 pages; ldr x17, [x16, #4000]; add; br
        let words = [0xf000_00f0_u32, 0xf947_d211, 0x913e_8210, 0xd61f_0220];
        let code: Vec<u8> = words.iter().chain(&words).flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(jumps(Architecture::Aarch64, 0x1000, &code), [(0x1000, 0x1010, 0x20fa0), (0x1010, 0x1020, 0x20fa0)]);
        // The same behind `bti c`, with a nop at the end.
        let marked = [&[BTI_C], &words[..], &[0xd503_201f]].concat();
        let code: Vec<u8> = marked.iter().chain(&marked).flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(jumps(Architecture::Aarch64, 0x1000, &code), [(0x1000, 0x1018, 0x20fa0), (0x1018, 0x1030, 0x20fa0)]);
        assert_eq!(jumps(Architecture::Arm, 0, &code), []);
    }

    #[test]
    fn our_own_stubs() {
        let bytes = std::fs::read("/proc/self/exe").expect("we are a file");
        let object = object::File::parse(&*bytes).expect("we are ELF");
        let all = stubs(&object).expect("we call into libraries");
        // Where linkers make no stubs there are none; where there are, each is named.
        assert!(all.iter().all(|stub| stub.end > stub.start && stub.name.ends_with("@plt")), "{all:?}");
        assert!(all.is_sorted_by_key(|stub| stub.start));
        let linked = Linked::read(&object);
        for stub in &all {
            assert_eq!(linked.stub(Path::new("/proc/self/exe"), stub.start + 1), Some((stub.name.as_str(), 1)));
        }
        assert_eq!(linked.stub(Path::new("/proc/self/exe"), 0), None);
    }
}
