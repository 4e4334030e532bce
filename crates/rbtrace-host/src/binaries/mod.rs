//! Programs and libraries: which files a text means, and what is in them. Each is opened once, and searched only for what is asked.

pub(crate) mod archive;
pub(crate) mod debug_file;
pub mod debuginfod;
pub(crate) mod described;
pub(crate) mod file;
mod find;
pub(crate) mod image;
mod indirect;
mod instructions;
mod jumps;
mod library_cache;
mod markers;
pub(crate) mod mini_debug;
mod nameless;
mod names;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use rbtrace_types::Type;
use rbtrace_types::binary::{Function, Naming};
use rbtrace_types::debug_info::{Declaration, Variable};

pub use self::debug_file::DebugPlaces;
pub use self::file::Binary;
pub(crate) use self::file::map;
pub(crate) use self::find::{below, root_of};
pub use self::names::demangle;
use crate::dwarf::{DebugInfo, Missing};
use crate::{broken, cached};

/// Answers by what was asked.
type Cache<K, T> = Mutex<HashMap<K, T>>;

/// What was said about the function at an address.
type Declared = Result<Option<Arc<Declaration>>, String>;

/// What was said about the variables at an address.
type Visible = Result<Arc<[Variable]>, String>;

/// The binaries that were asked for, as the traced process sees the file system.
#[derive(Debug, Default)]
pub struct Binaries {
    process: Option<u32>,
    places: DebugPlaces,
    /// Where the process' file system begins; none where it is ours.
    root: OnceLock<Option<PathBuf>>,
    opened: Cache<String, Result<Arc<Binary>, String>>,
    found: Cache<(String, Naming, String), Result<Vec<Function>, String>>,
    declarations: Cache<(String, u64), Declared>,
    variables: Cache<(String, u64), Visible>,
    types: Cache<(String, Option<u64>, String), Option<Type>>,
    described: Cache<String, Result<Arc<DebugInfo>, String>>,
}

impl Binaries {
    /// As a process sees them; `None`: as we do.
    pub fn seen_by(self, process: Option<u32>) -> Binaries {
        Binaries { process, ..self }
    }

    /// With debug files at other places.
    pub fn with_debug_places(self, places: DebugPlaces) -> Binaries {
        Binaries { places, ..self }
    }

    /// Where debug files are.
    pub fn places(&self) -> &DebugPlaces {
        &self.places
    }

    /// The process.
    pub fn process(&self) -> Option<u32> {
        self.process
    }

    /// The names of the binaries that a text means.
    pub fn find(&self, text: &str) -> Vec<String> {
        find::find(text, self.process, self.root())
    }

    /// Why a text means none.
    pub fn why_none(&self, text: &str) -> String {
        find::why_none(text, self.root())
    }

    /// Where the binary of a name can be opened.
    pub fn path(&self, name: &str) -> PathBuf {
        find::below(self.root(), archive::split(name).0)
    }

    /// See [`rbtrace_types::Facts::functions`].
    pub fn functions(&self, name: &str, naming: Naming) -> Result<Arc<[Function]>, String> {
        Ok(self.open(name)?.functions(naming))
    }

    /// See [`rbtrace_types::Facts::function`].
    pub fn function(&self, name: &str, naming: Naming, function: &str) -> Result<Vec<Function>, String> {
        let found = || Ok(self.open(name)?.function(naming, function));
        cached(&self.found, (name.to_owned(), naming, function.to_owned()), found)
    }

    /// See [`rbtrace_types::Facts::is_instruction`].
    pub fn is_instruction(&self, name: &str, function: &Function, address: u64) -> Option<bool> {
        Some(self.open(name).ok()?.instructions(function.address)?.begin_at(address))
    }

    /// See [`rbtrace_types::Facts::nameless_function`].
    pub fn nameless_function(&self, name: &str, address: u64) -> Option<Function> {
        let binary = self.open(name).ok()?;
        broken::attempt(name, || nameless::around(binary.bytes(), address)).flatten()
    }

    /// See [`rbtrace_types::Facts::breakpoint`].
    pub fn breakpoint(&self, name: &str, address: u64) -> Option<u64> {
        self.open(name).ok()?.breakpoint(address)
    }

    /// See [`rbtrace_types::Facts::begins_recognisably`].
    pub fn begins_recognisably(&self, name: &str, address: u64) -> bool {
        self.open(name).is_ok_and(|binary| binary.instructions(address).is_some_and(|code| code.begin_recognisably()))
    }

    /// See [`rbtrace_types::Facts::implementations`].
    pub fn implementations(&self, name: &str, function: &Function) -> Vec<u64> {
        let Ok(binary) = self.open(name) else { return Vec::new() };
        match indirect::chosen_here(&self.path(name), &binary, &function.name) {
            Some(address) => vec![address],
            None => indirect::candidates(&binary, function),
        }
    }

    /// The binary of a name.
    pub fn open(&self, name: &str) -> Result<Arc<Binary>, String> {
        cached(&self.opened, name.to_owned(), || {
            Binary::open(&self.path(name), archive::split(name).1, self.root(), &self.places).map(Arc::new)
        })
    }

    /// What the binary of a name says about its source; why it says nothing.
    pub fn debug_info(&self, name: &str) -> Result<Arc<DebugInfo>, String> {
        cached(&self.described, name.to_owned(), || described::read(name, &self.path(name), self.root(), &self.places).map(Arc::new))
    }

    /// See [`rbtrace_types::Facts::declaration`].
    pub fn declaration(&self, name: &str, address: u64) -> Result<Option<Arc<Declaration>>, String> {
        let read = || {
            let found = self.debug_info(name)?.declaration(address);
            let found = found.map_err(|error| match error.downcast::<Missing>() {
                Ok(elsewhere) => format!("the debug information of {name} is not in it: {elsewhere}"),
                Err(error) => format!("the debug information of {name} is broken: {error:#}"),
            })?;
            Ok(found.map(Arc::new))
        };
        cached(&self.declarations, (name.to_owned(), address), read)
    }

    /// See [`rbtrace_types::Facts::variables`].
    pub fn variables(&self, name: &str, address: u64) -> Visible {
        let read = || {
            let found = self.debug_info(name)?.variables(address);
            found.map(Arc::from).map_err(|error| format!("the debug information of {name} is broken: {error:#}"))
        };
        cached(&self.variables, (name.to_owned(), address), read)
    }

    /// See [`rbtrace_types::Facts::program_type`].
    pub fn named_type(&self, name: &str, near: Option<u64>, of: &str) -> Option<Type> {
        let key = (name.to_owned(), near, of.to_owned());
        cached(&self.types, key, || self.debug_info(name).ok()?.named(of, near))
    }

    fn root(&self) -> Option<&PathBuf> {
        self.root.get_or_init(|| self.process.and_then(find::root_of)).as_ref()
    }
}
