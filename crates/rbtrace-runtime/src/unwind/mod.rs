//! Unwind tables for programs that walk stacks (`rbtrace_ir::unwind` says how they lie in maps): which processes need them, and what is in
//! their memory. Each binary is read once, when the first process is met that has it.

mod reader;
mod tables;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::Metadata;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result};
use rbtrace_host::symbols::mappings::{Code, Mappings, What};
use rbtrace_host::symbols::{Id, MappedFile};
use rbtrace_host::{proc, unwind};
use rbtrace_ir::unwind::{NO_FILE, Row, STRETCH_BYTES};
use rbtrace_ir::{AttachPlan, Manifest};

use self::reader::{Packed, Reader};
pub use self::tables::pattern;
use self::tables::{FileKey, Rows, Tables};
use crate::load::Loaded;
use crate::processes::Change;
use crate::{Options, StoppedChild};

/// See the module.
pub struct Unwinder {
    tables: Tables,
    /// By file.
    binaries: HashMap<Id, Rows>,
    /// Those that are being read, and the processes that wait for them.
    reading: HashMap<Id, (Rc<MappedFile>, BTreeSet<u32>)>,
    reader: Reader,
    vdso: Option<Rows>,
    chain: Rows,
    /// Processes that are unwound, and what they had in memory the last time, so that nothing is written twice.
    processes: HashMap<u32, Vec<[u64; WORDS]>>,
    /// Who has one of these files in memory before anything fires is prepared.
    targets: HashSet<Id>,
    /// Only these; none: all.
    only: Option<BTreeSet<u32>>,
}

const WORDS: usize = STRETCH_BYTES as usize / 8;

/// What the programs that walk stacks are about.
#[derive(Debug, Default)]
struct Scope {
    /// Processes that the user named for this.
    named: Vec<u32>,
    /// The process that all of the run is about.
    process: Option<u32>,
    /// The command that has not begun its program.
    child: Option<u32>,
    /// What it may run.
    programs: Vec<PathBuf>,
}

impl Unwinder {
    /// Whose stack is unwound at its first event, too: the processes that the user named, and those that have the code which is probed.
    pub fn start(manifest: &Manifest, loaded: &Loaded<'_>, mappings: &RefCell<Mappings>, options: &Options) -> Result<Option<Self>> {
        let (child, named) = (options.child.as_ref(), options.unwound.clone());
        let programs = child.map(StoppedChild::programs).unwrap_or_default();
        let scope = Scope { named, process: options.pid, child: child.map(StoppedChild::id), programs };
        let map = |name: &str| Ok(loaded.map(name).map(|map| map.as_fd().try_clone_to_owned()).transpose()?);
        let mut unwinder = Self::new(manifest, map, &scope).context("preparing to unwind stacks")?;
        if let Some(unwinder) = &mut unwinder {
            unwinder.prepare(&scope, &mut mappings.borrow_mut())?;
        }
        Ok(unwinder)
    }

    /// Its maps are there if the script walks stacks.
    fn new(manifest: &Manifest, map: impl Fn(&str) -> Result<Option<std::os::fd::OwnedFd>>, scope: &Scope) -> Result<Option<Self>> {
        let Some(mut tables) = Tables::open(map)? else { return Ok(None) };
        let chain = tables.add(&Packed::new(&[unwind::chain()]))?;
        tables.tell([0, 0, NO_FILE.anonymous, 0], chain)?;
        // Of others than that of `-p` there are no events.
        let is_limited = !scope.named.is_empty() || scope.process.is_some();
        let only = is_limited.then(|| scope.named.iter().copied().chain(scope.process).chain(scope.child).collect());
        let targets = manifest.programs.iter().filter_map(|program| program.plan.as_ref()).flat_map(files).collect();
        let (binaries, reading, reader) = (HashMap::new(), HashMap::new(), Reader::new()?);
        let mut unwinder = Self { tables, binaries, reading, reader, vdso: None, chain, processes: HashMap::new(), targets, only };
        if unwinder.tables.knows_files() {
            let rows = unwinder.vdso()?;
            unwinder.tables.tell([0, 0, NO_FILE.vdso, 0], rows)?;
        }
        Ok(Some(unwinder))
    }

    /// Prepares those processes that the first event may be about.
    fn prepare(&mut self, scope: &Scope, mappings: &mut Mappings) -> Result<()> {
        scope.programs.iter().try_for_each(|path| self.expect(path))?;
        for &pid in scope.named.iter().chain(&scope.process) {
            self.refresh(pid, mappings)?;
        }
        if self.targets.is_empty() || scope.process.is_some() || self.only.is_some() {
            return self.complete(mappings);
        }
        for pid in proc::processes() {
            let is_target = |code: &Code| matches!(&code.what, What::File(file) if self.targets.contains(&file.id()));
            if mappings.look(pid).iter().any(is_target) {
                self.refresh(pid, mappings)?;
            }
        }
        self.complete(mappings)
    }

    /// Brings what is known of a process up to date, and waits until all of it is.
    pub fn refresh_now(&mut self, pid: u32, mappings: &mut Mappings) -> Result<()> {
        self.refresh(pid, mappings)?;
        self.complete(mappings)
    }

    /// Reads the table of a binary that a process is going to have.
    fn expect(&mut self, path: &Path) -> Result<()> {
        let Ok(found) = std::fs::metadata(path) else { return Ok(()) };
        if !self.tables.knows_files() || self.binaries.contains_key(&id_of(&found)) {
            return Ok(());
        }
        // A script has none.
        let Some(table) = unwind::table_at(path) else { return Ok(()) };
        let rows = self.tables.add(&Packed::new(&table.rows))?;
        self.tables.tell(key_of(id_of(&found), &found), rows)?;
        self.binaries.insert(id_of(&found), rows);
        Ok(())
    }

    /// Waits for all that is being read.
    fn complete(&mut self, mappings: &mut Mappings) -> Result<()> {
        while let Some((id, table)) = self.reader.wait() {
            self.finish(id, table.as_ref(), mappings)?;
        }
        Ok(())
    }

    /// Takes what was read meanwhile.
    pub fn take_read(&mut self, mappings: &mut Mappings) -> Result<()> {
        self.reader.take().into_iter().try_for_each(|(id, table)| self.finish(id, table.as_ref(), mappings))
    }

    /// A binary was read: those who wait for it are told.
    fn finish(&mut self, id: Id, table: Option<&Packed>, mappings: &mut Mappings) -> Result<()> {
        let Some((file, waiting)) = self.reading.remove(&id) else { return Ok(()) };
        self.add(&file, table)?;
        waiting.into_iter().try_for_each(|pid| self.refresh(pid, mappings))
    }

    /// Follows what processes do.
    pub fn follow(&mut self, changes: &[Change], mappings: &mut Mappings) -> Result<()> {
        let mut changed = BTreeSet::new();
        for change in changes {
            match *change {
                // Whoever begins may fire once and be gone.
                Change::Mapped(pid) => drop(changed.insert(pid)),
                // What it had is not where it was; nothing is better than that.
                Change::Executed(pid) if self.processes.contains_key(&pid) => self.put(pid, Vec::new())?,
                Change::Executed(_) => {}
                Change::Forked(parent, child) => {
                    if let Some(code) = self.processes.get(&parent).cloned() {
                        self.put(child, code)?;
                    }
                }
                Change::Ended(pid) => {
                    changed.remove(&pid);
                    self.processes.remove(&pid);
                    // It may be there without a table: programs note whom they asked for.
                    self.tables.forget(pid)?;
                }
            }
        }
        for pid in changed.into_iter().filter(|pid| self.is_wanted(*pid)).collect::<Vec<_>>() {
            let code = mappings.look(pid);
            if code.is_empty() {
                let remembered = mappings.remembered(pid);
                remembered
                    .iter()
                    .filter(|code| !self.is_much_work(code))
                    .collect::<Vec<_>>()
                    .into_iter()
                    .try_for_each(|code| self.learn(code))?;
            } else if self.processes.contains_key(&pid) || !code.iter().any(|code| self.is_much_work(code)) {
                self.note(pid, &code)?;
            }
        }
        Ok(())
    }

    /// Whether a binary takes long to read: it is not read for a process that may never fire.
    fn is_much_work(&self, code: &Code) -> bool {
        const LARGE: usize = 4 << 20;
        match &code.what {
            What::File(file) => {
                !self.binaries.contains_key(&file.id())
                    && !self.targets.contains(&file.id())
                    && file.bytes().is_some_and(|bytes| bytes.len() > LARGE)
            }
            What::Vdso | What::Anonymous | What::Special => false,
        }
    }

    /// Brings what is known of a process up to date.
    pub fn refresh(&mut self, pid: u32, mappings: &mut Mappings) -> Result<()> {
        if !self.is_wanted(pid) {
            return Ok(());
        }
        let code = mappings.look(pid);
        if code.is_empty() {
            return mappings.remembered(pid).iter().try_for_each(|code| self.learn(code));
        }
        self.note(pid, &code)
    }

    fn is_wanted(&self, pid: u32) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&pid))
    }

    fn note(&mut self, pid: u32, code: &[Code]) -> Result<()> {
        let mut stretches = Vec::new();
        for code in code {
            match self.stretch(code)? {
                Stretch::Known(stretch) => stretches.push(stretch),
                Stretch::Reading(id) => {
                    if let Some((_, waiting)) = self.reading.get_mut(&id) {
                        waiting.insert(pid);
                    }
                }
            }
        }
        self.put(pid, stretches)
    }

    /// Reads the table of what a process had that is gone: the next one that has it is walked from its first instruction on.
    fn learn(&mut self, code: &Code) -> Result<()> {
        if self.tables.knows_files() {
            self.stretch(code)?;
        }
        Ok(())
    }

    fn put(&mut self, pid: u32, stretches: Vec<[u64; WORDS]>) -> Result<()> {
        if self.processes.get(&pid) == Some(&stretches) {
            return Ok(());
        }
        if !self.tables.put(pid, &stretches)? {
            // There is no room left; who still matters will be asked about.
            self.processes.clear();
            self.tables.clear()?;
            self.tables.put(pid, &stretches)?;
        }
        self.processes.insert(pid, stretches);
        Ok(())
    }

    fn vdso(&mut self) -> Result<Rows> {
        Ok(match self.vdso {
            Some(rows) => rows,
            None => {
                let rows: Vec<Row> = unwind::vdso().map(|table| table.rows).unwrap_or_default();
                *self.vdso.insert(self.tables.add(&Packed::new(&rows))?)
            }
        })
    }

    /// A stretch of code as it lies in the map.
    fn stretch(&mut self, code: &Code) -> Result<Stretch> {
        let rows = match &code.what {
            What::File(file) => match self.rows(file)? {
                Some(rows) => rows,
                None => return Ok(Stretch::Reading(file.id())),
            },
            What::Vdso => self.vdso()?,
            What::Anonymous => self.chain,
            What::Special => Rows::default(),
        };
        let bias = code.stretch.start.wrapping_sub(code.offset);
        Ok(Stretch::Known([code.stretch.start, code.stretch.end, bias, u64::from(rows.first) | u64::from(rows.count) << 32]))
    }

    /// The rows of a binary; none while it is being read.
    fn rows(&mut self, file: &Rc<MappedFile>) -> Result<Option<Rows>> {
        /// What is smaller is read in a moment.
        const SMALL: usize = 256 << 10;
        if let Some(rows) = self.binaries.get(&file.id()) {
            return Ok(Some(*rows));
        }
        if self.reading.contains_key(&file.id()) {
            return Ok(None);
        }
        match file.bytes() {
            Some(bytes) if bytes.len() > SMALL => {
                let name = file.path.clone();
                self.reader.read(file.id(), bytes.len(), Box::new(move || Packed::read(&name, &bytes)))?;
                self.reading.insert(file.id(), (Rc::clone(file), BTreeSet::new()));
                Ok(None)
            }
            bytes => self.add(file, bytes.and_then(|bytes| Packed::read(&file.path, &bytes)).as_ref()).map(Some),
        }
    }

    /// Puts the table of a binary into the maps. One that has none is taken to keep frame pointers.
    fn add(&mut self, file: &MappedFile, table: Option<&Packed>) -> Result<Rows> {
        let rows = table.map_or(Ok(self.chain), |table| self.tables.add(table))?;
        if let Some(key) = file_key(file) {
            self.tables.tell(key, rows)?;
        }
        Ok(*self.binaries.entry(file.id()).or_insert(rows))
    }
}

/// A stretch of code.
enum Stretch {
    /// As it lies in the map.
    Known([u64; WORDS]),
    /// That file of it is being read.
    Reading(Id),
}

impl AsFd for Unwinder {
    /// Readable when a table was read.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

/// What programs see of a file. The same file with another time of change is another one: its number may have been given anew.
fn file_key(file: &MappedFile) -> Option<FileKey> {
    Some(key_of(file.id(), &std::fs::metadata(file.readable()?).ok()?))
}

fn key_of(Id { device: (major, minor), inode }: Id, found: &Metadata) -> FileKey {
    /// The kernel's own way to put both into a number.
    const MINOR_BITS: u32 = 20;
    [u64::from(major << MINOR_BITS | minor), inode, found.mtime() as u64, found.mtime_nsec() as u64]
}

fn id_of(found: &Metadata) -> Id {
    Id { device: (rustix::fs::major(found.dev()), rustix::fs::minor(found.dev())), inode: found.ino() }
}

/// The files that a program is attached to.
fn files(plan: &AttachPlan) -> Vec<Id> {
    let AttachPlan::Uprobe { files, .. } = plan else { return Vec::new() };
    files.iter().filter_map(|file| std::fs::metadata(&file.path).ok()).map(|found| id_of(&found)).collect()
}
