//! Addresses → names: of the kernel by kallsyms, of processes by their ELF files. Knows no stack and no text.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;

use blazesym::symbolize::source::{Kernel, Process, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};
use blazesym::{MaybeDefault, Pid};

/// What an address belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name, demangled.
    pub name: String,
    /// Bytes from its start.
    pub offset: u64,
    /// The file it is in; none for the kernel.
    pub module: Option<PathBuf>,
}

/// Names that were asked for once are not looked up again.
#[derive(Debug)]
pub struct Symbols {
    symbolizer: Symbolizer,
    kernel: RefCell<HashMap<u64, Option<Symbol>>>,
    user: RefCell<HashMap<(u32, u64), Option<Symbol>>>,
}

impl Default for Symbols {
    fn default() -> Self {
        // Source lines need DWARF, which is not read here.
        let symbolizer = Symbolizer::builder().enable_code_info(false).enable_inlined_fns(false).build();
        Symbols { symbolizer, kernel: RefCell::default(), user: RefCell::default() }
    }
}

impl Symbols {
    /// The symbol at an address of the kernel.
    pub fn kernel(&self, address: u64) -> Option<Symbol> {
        let find = || {
            // The kernel's image has nothing to add to kallsyms without source lines.
            let kernel = Kernel { vmlinux: MaybeDefault::None, debug_syms: false, ..Kernel::default() };
            self.find(&Source::Kernel(kernel), address)
        };
        self.kernel.borrow_mut().entry(address).or_insert_with(find).clone()
    }

    /// The symbol at an address of a process, as long as the process is there.
    pub fn user(&self, pid: u32, address: u64) -> Option<Symbol> {
        let find = || {
            let process = Process { debug_syms: false, ..Process::new(Pid::from(pid)) };
            self.find(&Source::Process(process), address)
        };
        self.user.borrow_mut().entry((pid, address)).or_insert_with(find).clone()
    }

    fn find(&self, source: &Source, address: u64) -> Option<Symbol> {
        match self.symbolizer.symbolize_single(source, Input::AbsAddr(address)).ok()? {
            Symbolized::Sym(found) => Some(Symbol {
                name: found.name.into_owned(),
                offset: found.offset as u64,
                module: found.module.map(|module| PathBuf::from(module.into_owned())),
            }),
            Symbolized::Unknown(_) => None,
        }
    }
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
    use super::Symbols;

    #[test]
    fn our_own_functions_have_names() {
        let address = our_own_functions_have_names as fn() as usize as u64;
        let found = Symbols::default().user(std::process::id(), address).expect("this binary has symbols");
        assert!(found.name.contains("our_own_functions_have_names"), "{found:?}");
        assert_eq!(found.offset, 0);
        assert!(found.module.is_some());
        assert_eq!(Symbols::default().user(std::process::id(), 1), None);
    }
}
