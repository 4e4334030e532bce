//! Files that processes have in memory. They are opened as soon as they are heard of: by the time somebody asks for a name the process may be
//! gone, and the path may lead to another file, or in a container to none of ours.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use memmap2::Mmap;
use rustix::fs::{Mode, OFlags};

use crate::binaries::{map, root_of};

/// Files kept open. Those beyond are looked for by their path when they are needed.
const MOST: usize = 512;

/// A file that is code in some process.
#[derive(Debug)]
pub struct MappedFile {
    /// As the process saw it.
    pub path: String,
    id: Id,
    open: Option<File>,
    /// Where the file system begins that the process sees, if it is not ours.
    root: Option<Rc<File>>,
}

/// How the kernel tells files apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Id {
    /// The file system.
    pub device: (u32, u32),
    /// The file in it.
    pub inode: u64,
}

/// A stretch of a process's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// First address.
    pub start: u64,
    /// Behind the last.
    pub end: u64,
}

/// All that are known; equal ones are kept once.
#[derive(Debug, Default)]
pub struct Files {
    /// One identity may have several names.
    known: HashMap<Id, Vec<Rc<MappedFile>>>,
    opened: usize,
    /// By mount namespace and root directory.
    roots: HashMap<(u64, u64, u64), Rc<File>>,
}

impl Files {
    /// The file of that path and identity; opened as a process has it there.
    pub fn get(&mut self, path: &str, id: Id, pid: u32, stretch: Stretch) -> Rc<MappedFile> {
        let same = self.known.get(&id).map_or(&[][..], Vec::as_slice);
        if let Some(known) = same.iter().find(|file| file.path == path) {
            return Rc::clone(known);
        }
        let open = (self.opened < MOST).then(|| open(path, pid, stretch)).flatten();
        self.opened += usize::from(open.is_some());
        let root = if self.opened < MOST { self.root(pid) } else { None };
        let file = Rc::new(MappedFile { path: path.to_owned(), id, open, root });
        self.known.entry(id).or_default().push(Rc::clone(&file));
        file
    }

    /// The root directory of a process that sees other files than we do: there may be debug files there, too.
    fn root(&mut self, pid: u32) -> Option<Rc<File>> {
        let path = root_of(pid)?;
        let (root, namespace) = (std::fs::metadata(&path).ok()?, std::fs::metadata(format!("/proc/{pid}/ns/mnt")).ok()?);
        let key = (namespace.ino(), root.dev(), root.ino());
        if let Some(known) = self.roots.get(&key) {
            return Some(Rc::clone(known));
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = Rc::new(File::from(rustix::fs::open(&path, flags, Mode::empty()).ok()?));
        self.roots.insert(key, Rc::clone(&root));
        Some(root)
    }
}

/// The kernel leads to the file itself, also where the path does not; but only as long as that very stretch is mapped.
fn open(path: &str, pid: u32, Stretch { start, end }: Stretch) -> Option<File> {
    let through_kernel = format!("/proc/{pid}/map_files/{start:x}-{end:x}");
    let through_root = format!("/proc/{pid}/root{path}");
    [through_kernel, through_root, path.to_owned()].iter().find_map(|place| File::open(place).ok().filter(is_regular))
}

/// Devices that are mapped may do anything when they are read.
fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}

impl MappedFile {
    /// Where the paths of its process begin, if not where ours do.
    pub fn root(&self) -> Option<PathBuf> {
        self.root.as_ref().map(|root| PathBuf::from(format!("/proc/self/fd/{}", root.as_raw_fd())))
    }

    /// How the kernel tells it from others.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Its bytes.
    pub fn bytes(&self) -> Option<Mmap> {
        map(&self.readable()?).ok()
    }

    /// Where we can read it. By its own name where that still leads to it: its debug information may be beside it.
    pub fn readable(&self) -> Option<PathBuf> {
        let path = Path::new(&self.path);
        let Some(open) = &self.open else {
            // Never opened; the inode is all there is to tell another file of this name from it.
            let is_it = std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.ino() == self.id.inode);
            return is_it.then(|| path.to_owned());
        };
        let same = |other: &std::fs::Metadata| open.metadata().is_ok_and(|ours| (ours.dev(), ours.ino()) == (other.dev(), other.ino()));
        match std::fs::metadata(path) {
            Ok(found) if same(&found) => Some(path.to_owned()),
            Ok(_) | Err(_) => Some(PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()))),
        }
    }
}
