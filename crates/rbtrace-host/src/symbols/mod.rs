//! Addresses → names: of the kernel by kallsyms, of processes by the files they have in memory. Knows no stack and no text.

mod files;
mod functions;
mod inlined;
mod jitted;
mod kernel;
mod linked;
pub mod mappings;
mod members;
mod names;
mod sources;
mod vdso;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use blazesym::symbolize::source::Source;
use blazesym::symbolize::{CodeInfo, Input, Sym, Symbolized, Symbolizer};
use rbtrace_types::symbol::{Inlined, SourceLine, Symbol};

pub use self::files::{Id, MappedFile, Stretch};
use self::functions::Functions;
use self::kernel::KernelNames;
use self::mappings::{Mappings, Place};
use self::members::Members;
use self::names::Name;
use self::sources::Sources;
use crate::binaries::DebugPlaces;
use crate::{broken, cut_short};

/// A name that was looked for.
type Found = Option<Rc<Symbol>>;

/// What is to be said of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Source lines and inlined functions, where debug information tells them, which may be in files of its own.
    pub lines: bool,
    /// The names of C++ and Rust as their authors wrote them, not as linkers see them.
    pub demangled: bool,
}

/// Names that were asked for once are not looked up again.
#[derive(Debug)]
pub struct Symbols {
    symbolizer: Symbolizer,
    /// Whether debug information is read.
    lines: bool,
    demangled: bool,
    mappings: RefCell<Mappings>,
    kernel: RefCell<HashMap<u64, Found>>,
    kernel_names: RefCell<KernelNames>,
    /// Code of the kernel that was heard of: kallsyms forgets it as soon as it is gone.
    heard: RefCell<Functions>,
    files: RefCell<HashMap<(*const MappedFile, u64), Found>>,
    places: DebugPlaces,
    /// What names the code of a file, if it can be read.
    sources: RefCell<HashMap<*const MappedFile, Option<Sources>>>,
    /// What is in files that hold several binaries.
    members: RefCell<HashMap<*const MappedFile, Members>>,
    in_vdso: RefCell<HashMap<u64, Found>>,
    vdso: OnceCell<Option<vdso::Image>>,
}

impl Symbols {
    /// `places`: where debug files are.
    pub fn new(Wanted { lines, demangled }: Wanted, places: DebugPlaces) -> Self {
        // It maps the files of processes.
        cut_short::survive();
        // Names are demangled here, where they have an end.
        let builder = Symbolizer::builder().enable_code_info(lines).enable_inlined_fns(lines).enable_demangling(false);
        Symbols {
            // A file that takes the place of one which a process has in memory is another file.
            symbolizer: builder.enable_auto_reload(false).build(),
            lines,
            demangled,
            places,
            sources: RefCell::default(),
            members: RefCell::default(),
            mappings: RefCell::default(),
            kernel: RefCell::default(),
            kernel_names: RefCell::new(KernelNames::new(demangled)),
            heard: RefCell::default(),
            files: RefCell::default(),
            in_vdso: RefCell::default(),
            vdso: OnceCell::new(),
        }
    }

    /// What is known of the memory of processes, to be told more.
    pub fn mappings(&self) -> &RefCell<Mappings> {
        &self.mappings
    }

    /// Begins to read the names of the kernel, which takes a while.
    pub fn prepare_kernel(&self) {
        self.kernel_names.borrow_mut().prepare();
    }

    /// The kernel has, or has no longer, code of that name.
    pub fn heard(&self, start: u64, size: u64, name: &str) {
        self.heard.borrow_mut().insert(start, size, name);
        self.kernel.borrow_mut().retain(|address, _| !(start..start.saturating_add(size)).contains(address));
    }

    /// The symbol at an address of the kernel.
    pub fn kernel(&self, address: u64) -> Found {
        let find = || {
            if let Some((offset, name)) = self.heard.borrow().find(address) {
                return Some(Rc::new(Symbol { name: name.to_owned(), offset, ..Symbol::default() }));
            }
            self.kernel_names.borrow_mut().find(address).map(Rc::new)
        };
        self.kernel.borrow_mut().entry(address).or_insert_with(find).clone()
    }

    /// The symbol at an address of a process, also of one that is gone if its memory was heard of.
    pub fn user(&self, pid: u32, address: u64) -> Found {
        let place = self.mappings.borrow_mut().find(pid, address);
        match place {
            Some(Place::File(file, offset)) => {
                // It may be memory that has a name.
                self.of_file(&file, offset).or_else(|| self.made(pid, address))
            }
            // It is the same in every process, only elsewhere.
            Some(Place::Vdso(offset)) => self.in_vdso.borrow_mut().entry(offset).or_insert_with(|| self.in_vdso(offset)).clone(),
            Some(Place::Anonymous) => self.made(pid, address),
            None => None,
        }
    }

    /// A file that breaks who reads it has no names.
    fn of_file(&self, file: &Rc<MappedFile>, offset: u64) -> Found {
        let find = || broken::attempt(&file.path, || self.in_file(file, offset)).flatten();
        self.files.borrow_mut().entry((Rc::as_ptr(file), offset)).or_insert_with(find).clone()
    }

    fn in_file(&self, file: &Rc<MappedFile>, offset: u64) -> Found {
        let mut sources = self.sources.borrow_mut();
        let sources = sources.entry(Rc::as_ptr(file)).or_insert_with(|| Sources::of(file, &self.places, self.lines)).as_ref()?;
        if sources.holds(offset) || mappings::is_memory(file) {
            return self.by(sources, offset, &file.path);
        }
        let mut members = self.members.borrow_mut();
        let members = members.entry(Rc::as_ptr(file)).or_insert_with(|| Members::of(file));
        let member = members.at(offset, file, &self.places, self.lines)?;
        self.by(&member.sources, offset - member.range.start, &member.name)
    }

    fn in_vdso(&self, offset: u64) -> Found {
        let vdso = self.vdso.get_or_init(vdso::Image::read).as_ref()?;
        let sources = Sources::at(vdso.place(), Path::new(vdso::NAME), None, &self.places, self.lines);
        self.by(&sources, offset, vdso::NAME)
    }

    fn by(&self, sources: &Sources, offset: u64, module: &str) -> Found {
        if let Some((name, offset)) = sources.stub(offset) {
            return Some(Rc::new(Symbol { name: name.to_owned(), offset, module: Some(module.to_owned()), ..Symbol::default() }));
        }
        let described = if self.lines { self.described(sources, offset, module) } else { None };
        let found = match (sources.name(offset), described) {
            // A name is the same whether there is debug information or not; only where tables guess it knows better.
            (Some(Name { name, offset, is_guess }), described) => match described {
                Some(described) if is_guess && !described.name.is_empty() && described.offset < offset => described,
                described => Symbol { name: inlined::shown(name, self.demangled), offset, ..described.unwrap_or_default() },
            },
            (None, described) => described.filter(|described| !described.name.is_empty())?,
        };
        Some(Rc::new(Symbol { module: Some(module.to_owned()), ..found }))
    }

    /// What debug information says of code. Where it breaks who reads it, the code still has the name that tables of symbols give it.
    fn described(&self, sources: &Sources, offset: u64, module: &str) -> Option<Symbol> {
        let (source, input) = sources.lines(offset)?;
        let read = || {
            let found = inlined::demangled(self.find(&source, input)?, self.demangled);
            Some(match sources.around(offset, inlined::is_whole(&found)) {
                Some(around) => inlined::with_inlined(found, around, self.demangled),
                None => found,
            })
        };
        let Some(found) = broken::attempt(module, read) else {
            sources.forget_lines();
            return None;
        };
        found
    }

    /// Code that a program made, whose names may change as long as it runs.
    fn made(&self, pid: u32, address: u64) -> Found {
        let made = self.mappings.borrow_mut().made(pid, address).map(Rc::new);
        made.or_else(|| {
            let (file, offset) = self.mappings.borrow().copied(pid, address)?;
            self.of_file(&file, offset)
        })
    }

    fn find(&self, source: &Source, input: Input<u64>) -> Option<Symbol> {
        find(&self.symbolizer, source, input)
    }
}

fn find(symbolizer: &Symbolizer, source: &Source, input: Input<u64>) -> Option<Symbol> {
    match symbolizer.symbolize_single(source, input).ok()? {
        Symbolized::Sym(found) => Some(symbol(&found)),
        Symbolized::Unknown(_) => None,
    }
}

fn symbol(found: &Sym<'_>) -> Symbol {
    let inlined =
        found.inlined.iter().rev().map(|inner| Inlined { name: inner.name.to_string(), line: inner.code_info.as_ref().and_then(line) });
    Symbol {
        name: found.name.to_string(),
        offset: found.offset as u64,
        module: found.module.as_ref().map(|module| module.to_string_lossy().into_owned()),
        line: found.code_info.as_deref().and_then(line),
        inlined: inlined.collect(),
    }
}

fn line(info: &CodeInfo<'_>) -> Option<SourceLine> {
    Some(SourceLine { path: info.to_path().to_string_lossy().into_owned(), line: info.line? })
}

/// The address of a name of the kernel. Where addresses are hidden from us they all read as 0, which is no answer.
pub fn kernel_address(name: &str) -> Option<u64> {
    let text = std::fs::read("/proc/kallsyms").ok()?;
    let found = text.split(|&byte| byte == b'\n').find_map(|line| {
        let mut words = line.split(|byte| byte.is_ascii_whitespace());
        let (address, symbol) = (words.next()?, words.nth(1)?);
        (symbol == name.as_bytes()).then(|| u64::from_str_radix(std::str::from_utf8(address).ok()?, 16).ok())?
    })?;
    (found != 0).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::{DebugPlaces, Symbols, Wanted};

    fn symbols(lines: bool) -> Symbols {
        Symbols::new(Wanted { lines, demangled: true }, DebugPlaces::default())
    }

    #[test]
    fn our_own_functions_have_names_and_lines() {
        let address = our_own_functions_have_names_and_lines as fn() as usize as u64;
        let found = symbols(true).user(std::process::id(), address).expect("this binary has symbols");
        assert!(found.name.contains("our_own_functions_have_names_and_lines"), "{found:?}");
        assert_eq!(found.offset, 0);
        assert!(found.module.is_some());
        let line = found.line.as_ref().expect("tests are compiled with debug information");
        assert!(line.path.ends_with("symbols/mod.rs"), "{line:?}");
        assert_eq!(symbols(false).user(std::process::id(), address).expect("this binary has symbols").line, None);
        assert_eq!(symbols(false).user(std::process::id(), 1), None);
    }
}
