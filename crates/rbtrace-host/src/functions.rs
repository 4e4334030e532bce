//! Functions of the kernel that can be probed: which there are, where, and which the kernel forbids.
//!
//! Three sources, the best first: the file that the user names, ftrace's own list, the kernel's symbols. All are long; whoever asks about one
//! name is answered by BTF where that is possible (see [`crate::Host`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rbtrace_types::facts::{KernelFunction, VMLINUX, is_copy};

/// Where the kernel lists ranges of its code in which it wants no probes.
const FORBIDDEN: &str = "/sys/kernel/debug/kprobes/blacklist";
const SYMBOLS: &str = "/proc/kallsyms";
/// ftrace's name for a place that belongs to no function any more.
const INVALID: &str = "__ftrace_invalid_address__";
/// Sections of the kernel, by the symbols around them, whose functions cannot be probed: code of the start that is gone, and code that
/// runs where a trap would be fatal.
const UNTRACED: [(&str, &str); 4] = [
    ("_sinittext", "_einittext"),
    ("__noinstr_text_start", "__noinstr_text_end"),
    ("__entry_text_start", "__entry_text_end"),
    ("__kprobes_text_start", "__kprobes_text_end"),
];

/// Name, module and address of a piece of code.
type Address = (Box<str>, Arc<str>, u64);

/// The functions of this machine; each list is read when it is first asked for.
#[derive(Debug, Default)]
pub struct Functions {
    /// `--traceable-functions`
    given: Option<PathBuf>,
    all: OnceLock<Arc<[KernelFunction]>>,
    /// Name, module and address of everything that is code.
    addresses: OnceLock<Vec<Address>>,
    forbidden: OnceLock<BTreeSet<String>>,
}

impl Functions {
    /// Functions that the user's file lists: `name` or `name [module]` a line.
    pub fn of_file(path: PathBuf) -> Functions {
        Functions { given: Some(path), ..Functions::default() }
    }

    /// Whether the user said which functions there are.
    pub fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// Whether the whole list was read already.
    pub fn is_read(&self) -> bool {
        self.all.get().is_some()
    }

    /// All of them, sorted.
    pub fn all(&self, tracefs: Option<&Path>) -> &Arc<[KernelFunction]> {
        self.all.get_or_init(|| {
            let mut found = match &self.given {
                Some(path) => of_ftrace(&fs::read_to_string(path).unwrap_or_default()),
                None => tracefs.and_then(read_ftrace).unwrap_or_else(|| of_symbols(&read_symbols())),
            };
            found.sort_unstable();
            found.into()
        })
    }

    /// Where functions of this name are; in any module if none is said. Addresses that are hidden from us are no answer.
    pub fn addresses(&self, module: Option<&str>, name: &str) -> Vec<u64> {
        let all = self.addresses.get_or_init(|| {
            let mut modules = Modules::default();
            let text = read_symbols();
            let code = symbols(&text).filter(|symbol| symbol.is_code && symbol.address != 0);
            let mut all: Vec<_> = code.map(|symbol| (symbol.name.into(), modules.get(symbol.module), symbol.address)).collect();
            all.sort_unstable();
            all
        });
        let start = all.partition_point(|(known, ..)| **known < *name);
        let named = all[start..].iter().take_while(|(known, ..)| **known == *name);
        named.filter(|(_, of, _)| module.is_none_or(|module| *module == **of)).map(|(.., address)| *address).collect()
    }

    /// Functions that can be probed under another name than theirs: ftrace lists one name for each place, the linker may know several.
    pub fn under_other_names(&self, name: &str, tracefs: Option<&Path>) -> Vec<KernelFunction> {
        let places = self.addresses(None, name);
        if self.is_given() || places.is_empty() {
            return Vec::new();
        }
        let all = self.all(tracefs);
        let is_listed = |name: &str, module: &str| {
            let start = all.partition_point(|function| *function.name < *name);
            all[start..].iter().take_while(|function| *function.name == *name).any(|function| *function.module == *module)
        };
        let symbols = self.addresses.get().into_iter().flatten().filter(|(.., address)| places.contains(address));
        let mut found: Vec<KernelFunction> = symbols
            .filter(|(other, module, _)| is_listed(other, module))
            .map(|(_, module, _)| KernelFunction { module: Arc::clone(module), name: name.into() })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Bytes from the start of a function to the next symbol: what it has at most.
    pub fn size(&self, module: Option<&str>, name: &str) -> Option<u64> {
        let start = *self.addresses(module, name).first()?;
        let next = self.addresses.get()?.iter().map(|(.., address)| *address).filter(|address| *address > start).min()?;
        Some(next - start)
    }

    /// Whether the kernel forbids probes in a function.
    pub fn forbids(&self, name: &str) -> bool {
        let read = || of_forbidden(&fs::read_to_string(FORBIDDEN).unwrap_or_default());
        self.forbidden.get_or_init(read).contains(name)
    }
}

/// Whether a module that can be unloaded is there now. What is built in has a directory, too, but was never loaded.
pub fn has_module(name: &str) -> bool {
    let is_plain = !name.is_empty() && !name.contains(['/', '.']);
    name == VMLINUX || (is_plain && Path::new("/sys/module").join(name).join("initstate").exists())
}

/// The copies that the compiler has made of functions, where they are all that is left of them: `name` → `name.isra.0`, …
pub fn copies_of<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeMap<&'a str, Vec<String>> {
    let text = read_symbols();
    let code: BTreeSet<&str> = symbols(&text).filter(|symbol| symbol.is_code).map(|symbol| symbol.name).collect();
    let copies = |name: &str| {
        let near = code.range(name..).take_while(|known| known.starts_with(name));
        near.filter(|known| is_copy(name, known)).map(|known| (*known).to_owned()).collect::<Vec<_>>()
    };
    let gone = names.into_iter().filter(|name| !name.is_empty() && !code.contains(name));
    gone.map(|name| (name, copies(name))).filter(|(_, copies)| !copies.is_empty()).collect()
}

fn read_symbols() -> String {
    // Names are plain ASCII; a file that cannot be read tells of no function.
    fs::read_to_string(SYMBOLS).unwrap_or_default()
}

/// Why not `available_filter_functions_addrs` (6.5)? Its addresses are those of the instruction that ftrace replaces, a few bytes behind the
/// function's start on some processors, and a link made by them cannot find its cookies.
fn read_ftrace(tracefs: &Path) -> Option<Vec<KernelFunction>> {
    let text = fs::read_to_string(tracefs.join("available_filter_functions")).ok().filter(|text| !text.is_empty())?;
    Some(of_ftrace(&text))
}

/// `NAME [\[MODULE\]]` a line.
fn of_ftrace(text: &str) -> Vec<KernelFunction> {
    let mut modules = Modules::default();
    let mut found = Vec::with_capacity(text.len() / 32);
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(name) = words.next().filter(|name| !name.starts_with(INVALID)) else { continue };
        let module = words.next().map(|word| word.trim_matches(['[', ']'])).unwrap_or(VMLINUX);
        found.push(KernelFunction { module: modules.get(module), name: name.into() });
    }
    found
}

/// The functions among the kernel's symbols, as far as symbols tell. The text is long: it is gone through once.
fn of_symbols(text: &str) -> Vec<KernelFunction> {
    let mut functions = Vec::with_capacity(text.len() / 96);
    let mut marks = HashMap::new();
    for symbol in symbols(text).filter(|symbol| symbol.is_code) {
        if is_mark(symbol.name) {
            marks.insert(symbol.name, symbol.address);
        } else if is_function(&symbol) {
            functions.push(symbol);
        }
    }
    // Addresses that are hidden from us say nothing.
    let untraced: Vec<Range<u64>> =
        UNTRACED.iter().filter_map(|(start, end)| Some(*marks.get(start)?..*marks.get(end)?)).filter(|range| !range.is_empty()).collect();
    let mut modules = Modules::default();
    let traced = functions.iter().filter(|symbol| !untraced.iter().any(|range| range.contains(&symbol.address)));
    traced.map(|symbol| KernelFunction { module: modules.get(symbol.module), name: symbol.name.into() }).collect()
}

/// Whether a symbol only says where a section begins or ends. Few end like one.
fn is_mark(name: &str) -> bool {
    let ends_so = name.ends_with("text") || name.ends_with("_start") || name.ends_with("_end");
    ends_so && UNTRACED.iter().any(|(start, end)| name == *start || name == *end)
}

/// Padding, split-off cold halves and marks of the linker have symbols, too; what BPF and ftrace make at run time is no module.
fn is_function(symbol: &Symbol<'_>) -> bool {
    let plain = symbol.name.strip_prefix("__pi_").unwrap_or(symbol.name);
    let is_padding = plain.starts_with("__pfx_") || plain.starts_with("__cfi_");
    let is_part = symbol.name.contains(".cold") || symbol.name.starts_with('.');
    let is_made = symbol.module == "bpf" || symbol.module.starts_with("__builtin__");
    !is_padding && !is_part && !is_made
}

/// A line of kallsyms.
struct Symbol<'a> {
    address: u64,
    is_code: bool,
    name: &'a str,
    module: &'a str,
}

/// `ADDRESS TYPE NAME[\t[MODULE]]` a line.
fn symbols(text: &str) -> impl Iterator<Item = Symbol<'_>> {
    text.lines().filter_map(|line| {
        let (address, rest) = line.split_once(' ')?;
        let (kind, rest) = rest.split_once(' ')?;
        let (name, module) = rest.split_once('\t').unwrap_or((rest, VMLINUX));
        let is_code = matches!(kind, "t" | "T" | "w" | "W");
        // Nobody asks where data is.
        let address = if is_code { u64::from_str_radix(address, 16).ok()? } else { 0 };
        Some(Symbol { address, is_code, name, module: module.trim_matches(['[', ']', ' ']) })
    })
}

/// `0xSTART-0xEND NAME` a line.
fn of_forbidden(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.split_ascii_whitespace().nth(1)).map(str::to_owned).collect()
}

/// One text for each module, however many functions it has.
#[derive(Default)]
struct Modules(HashMap<String, Arc<str>>);

impl Modules {
    fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        Arc::clone(self.0.entry(name.to_owned()).or_insert_with(|| name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: &[KernelFunction]) -> Vec<String> {
        found.iter().map(|function| format!("{}:{}", function.module, function.name)).collect()
    }

    #[test]
    fn the_list_of_ftrace_names_modules_in_brackets() {
        let text = "vfs_read\n__ftrace_invalid_address___64\nnf_hook [nf_tables]\nfinish_task_switch.isra.0\n";
        assert_eq!(shown(&of_ftrace(text)), ["vmlinux:vfs_read", "nf_tables:nf_hook", "vmlinux:finish_task_switch.isra.0"]);
    }

    #[test]
    fn symbols_that_are_no_functions_are_left_out() {
        let text = "0000000000001000 T _sinittext\n0000000000001010 t start_kernel\n0000000000001100 T _einittext\n\
                    0000000000002000 T vfs_read\n0000000000001ff0 t __pfx_vfs_read\n0000000000002100 t vfs_read.cold\n\
                    0000000000003000 D jiffies\n0000000000004000 t do_it\t[ext4]\n0000000000005000 t bpf_prog_1\t[bpf]\n";
        assert_eq!(shown(&of_symbols(text)), ["vmlinux:vfs_read", "ext4:do_it"]);
    }

    #[test]
    fn the_forbidden_ones_are_named_behind_their_range() {
        let text = "0xffffffff81000000-0xffffffff81000010\tdo_int3\n0xffffffff81000020-0xffffffff81000030\texc_page_fault\n";
        assert_eq!(of_forbidden(text).into_iter().collect::<Vec<_>>(), ["do_int3", "exc_page_fault"]);
    }

    #[test]
    fn this_kernel_has_functions() {
        let all = Arc::clone(Functions::default().all(None));
        if all.is_empty() {
            crate::skip("the kernel's symbols cannot be read");
            return;
        }
        assert!(all.is_sorted() && all.iter().any(|function| &*function.name == "vfs_read"));
        assert!(has_module(VMLINUX) && !has_module("../kernel") && !has_module("no_such_module"));
    }
}
