//! Names of the kernel's addresses. Reading all names of a kernel takes longer than all else at the end of a run, so a thread of its own does
//! it while the script runs, and answers.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use blazesym::MaybeDefault;
use blazesym::symbolize::source::{Kernel, Source};
use blazesym::symbolize::{Input, Symbolizer};
use rbtrace_types::symbol::Symbol;

/// The first address of the kernel's half on every architecture's smallest address space: nothing is there.
const NOWHERE: u64 = 1 << 63;
/// Nothing in a kernel is as large: what is so far behind the last symbol is not that symbol's.
const LARGEST: u64 = 16 << 20;
/// As long no module is taken to have come.
const AGAIN: Duration = Duration::from_millis(100);

/// The kernel's names as they were when they were read.
#[derive(Debug)]
pub struct KernelNames {
    demangled: bool,
    reader: Option<Reader>,
}

/// Who has read them.
#[derive(Debug)]
struct Reader {
    questions: Sender<u64>,
    answers: Receiver<Option<Symbol>>,
    /// The modules there were, and when that was last looked at.
    modules: Vec<u8>,
    looked: Instant,
}

impl KernelNames {
    /// Reads nothing yet.
    pub fn new(demangled: bool) -> KernelNames {
        KernelNames { demangled, reader: None }
    }

    /// Begins to read, if nobody did.
    pub fn prepare(&mut self) {
        if self.reader.is_none() {
            self.reader = Reader::start(self.demangled);
        }
    }

    /// The symbol at an address; waits until all names are read.
    pub fn find(&mut self, address: u64) -> Option<Symbol> {
        if self.reader.as_mut().is_some_and(Reader::is_outdated) {
            self.reader = None;
        }
        self.prepare();
        match self.reader.as_ref().and_then(|reader| reader.ask(address)) {
            Some(answer) => answer,
            // No thread could be had.
            None => find(&symbolizer(self.demangled), address),
        }
    }
}

impl Reader {
    fn start(demangled: bool) -> Option<Reader> {
        let (questions, asked) = channel();
        let (answer, answers) = channel();
        let modules = modules();
        let read = move || {
            let symbolizer = symbolizer(demangled);
            find(&symbolizer, NOWHERE);
            let _ = asked.iter().try_for_each(|address| answer.send(find(&symbolizer, address)));
        };
        thread::Builder::new().name("kernel names".into()).spawn(read).ok()?;
        Some(Reader { questions, answers, modules, looked: Instant::now() })
    }

    fn ask(&self, address: u64) -> Option<Option<Symbol>> {
        self.questions.send(address).ok()?;
        self.answers.recv().ok()
    }

    /// Whether modules have come or gone since.
    fn is_outdated(&mut self) -> bool {
        if self.looked.elapsed() < AGAIN {
            return false;
        }
        self.looked = Instant::now();
        modules() != self.modules
    }
}

/// Where each module is.
fn modules() -> Vec<u8> {
    // A kernel without modules has no such file.
    let text = std::fs::read("/proc/modules").unwrap_or_default();
    // `name size users dependents state address`: who uses them changes without end.
    let lines = text.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut words = line.split(|&byte| byte == b' ');
        Some([words.next()?, words.nth(4)?].concat())
    });
    lines.flatten().collect()
}

fn symbolizer(demangled: bool) -> Symbolizer {
    Symbolizer::builder().enable_code_info(false).enable_inlined_fns(false).enable_demangling(demangled).build()
}

fn find(symbolizer: &Symbolizer, address: u64) -> Option<Symbol> {
    // The kernel's image has nothing to add to kallsyms without source lines.
    let kernel = Kernel { vmlinux: MaybeDefault::None, debug_syms: false, ..Kernel::default() };
    super::find(symbolizer, &Source::Kernel(kernel), Input::AbsAddr(address)).filter(|found| found.offset < LARGEST)
}

#[cfg(test)]
mod tests {
    use super::KernelNames;

    #[test]
    fn the_kernels_functions_have_names() {
        let Some(address) = super::super::kernel_address("schedule") else { return eprintln!("kallsyms has no addresses for us") };
        let mut names = KernelNames::new(true);
        assert_eq!(names.find(address + 3).map(|found| (found.name, found.offset)), Some(("schedule".into(), 3)));
        names.prepare();
        assert_eq!([0x10, u64::MAX].map(|nowhere| names.find(nowhere)), [None, None]);
    }
}
