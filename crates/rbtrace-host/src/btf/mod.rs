//! What the kernel says about its types: `/sys/kernel/btf/*`, read when first asked and no earlier.
//!
//! `raw` knows the bytes, `convert` the meaning of records. This file knows where the files are and in which order they
//! are asked: the kernel itself, then its modules by name.

mod c_text;
mod convert;
mod object;
mod raw;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result, ensure};
use rbtrace_types::ctype::c_integer;
use rbtrace_types::facts::{Prototype, RawTracepoint};
use rbtrace_types::{Enum, Struct, Type};

use self::raw::{Btf, Bytes, Kind, Record};

pub use object::functions_of;
pub use rbtrace_types::facts::VMLINUX;

/// Where the kernel shows its own types.
pub const VMLINUX_PATH: &str = "/sys/kernel/btf/vmlinux";
/// The kernel declares `typedef void (*btf_trace_NAME)(void *__data, …)` for each raw tracepoint.
const TRACE_PREFIX: &str = "btf_trace_";
/// … and defines `int __traceiter_NAME(void *__data, …)`.
const TRACE_CALLER_PREFIX: &str = "__traceiter_";

/// The kernel defines `int bpf_iter_KIND(…)`, whose parameters are what the program gets …
const ITERATOR_PREFIX: &str = "bpf_iter_";
/// … and `struct bpf_iter__KIND`, which holds them.
const ITERATOR_CONTEXT_PREFIX: &str = "bpf_iter__";
/// The kernel's mark of functions that BPF may call.
const CALLABLE_TAG: &str = "bpf_kfunc";

/// An enum and the value of one of its constants.
type EnumConstant = (Arc<Enum>, i64);

/// BTF of the kernel and its modules.
#[derive(Debug)]
pub struct KernelBtf {
    vmlinux_path: PathBuf,
    modules_directory: PathBuf,
    vmlinux: OnceLock<std::result::Result<Arc<Btf>, String>>,
    modules: OnceLock<Vec<(String, Arc<Btf>)>>,
    /// Raw tracepoints of the kernel itself.
    traced: OnceLock<BTreeSet<String>>,
    /// Every function, as module and id by name: made for those who ask about very many.
    functions: OnceLock<BTreeMap<String, Vec<(usize, u32)>>>,
    /// What was said of a constant: the compiler asks for a name in each of its rounds, and no index says where a constant is.
    constants: Mutex<BTreeMap<String, Option<EnumConstant>>>,
}

impl KernelBtf {
    /// `vmlinux_path` is usually `/sys/kernel/btf/vmlinux`; the modules are its neighbours in `modules_directory`. Reads nothing yet.
    pub fn new(vmlinux_path: PathBuf, modules_directory: PathBuf) -> KernelBtf {
        KernelBtf {
            vmlinux_path,
            modules_directory,
            vmlinux: OnceLock::new(),
            modules: OnceLock::new(),
            traced: OnceLock::new(),
            functions: OnceLock::new(),
            constants: Mutex::default(),
        }
    }

    /// Whether there is a file to read at all.
    pub fn exists(&self) -> bool {
        self.vmlinux_path.exists()
    }

    /// Why there are no types: the file is missing, unreadable or broken.
    pub fn error(&self) -> Option<&str> {
        self.vmlinux_result().as_ref().err().map(String::as_str)
    }

    /// The type of a C name: `struct x`, `union x`, `enum x`, a typedef or an integer.
    pub fn kernel_type(&self, name: &str) -> Option<Type> {
        let (kinds, name): (&[Kind], &str) = match name.split_once(' ') {
            Some(("struct", tag)) => (&[Kind::Struct], tag),
            Some(("union", tag)) => (&[Kind::Union], tag),
            Some(("enum", tag)) => (&[Kind::Enum, Kind::Enum64], tag),
            _ => (&[Kind::Typedef, Kind::Int], name),
        };
        match self.first(|btf| kinds.iter().find_map(|&kind| btf.find(name, kind))) {
            Some((btf, id)) => convert::convert(btf, id).ok(),
            // BTF has one spelling of each of C's integers: `long unsigned int`.
            None => c_integer(name),
        }
    }

    /// All structs, unions or enums by name: the module that has each, and its id there.
    pub fn tagged(&self, keyword: &str) -> BTreeMap<&str, (&str, u32)> {
        let mut found = BTreeMap::new();
        for (module, btf) in self.all() {
            for (id, name) in kinds_of(keyword).iter().flat_map(|&kind| btf.with_prefix("", kind)).filter(|(_, name)| !name.is_empty()) {
                found.entry(name).or_insert((module, id));
            }
        }
        found
    }

    /// The C text of a struct, union or enum of a module, without its `;`.
    pub fn c_text(&self, module: &str, id: u32) -> Option<String> {
        let (_, btf) = self.all().find(|(other, _)| *other == module)?;
        c_text::definition(btf, id).ok()
    }

    /// The enum that has a constant of this name, and its value.
    pub fn enum_constant(&self, name: &str) -> Option<(Arc<Enum>, i64)> {
        let mut known = self.constants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = known.get(name) {
            return answer.clone();
        }
        let answer = self.search_constant(name);
        known.insert(name.to_string(), answer.clone());
        answer
    }

    fn search_constant(&self, name: &str) -> Option<EnumConstant> {
        let (btf, id) = self.first(|btf| btf.find_enum_with(name))?;
        let Type::Enum(of) = convert::convert(btf, id).ok()? else { return None };
        let value = of.constants.iter().find(|(constant, _)| constant == name)?.1;
        Some((of, value))
    }

    /// Whether the kernel itself has a function of this name that BTF describes.
    pub fn has_function(&self, name: &str) -> bool {
        self.vmlinux().is_some_and(|btf| btf.find(name, Kind::Func).is_some())
    }

    /// The id of a function of the kernel itself.
    pub fn function_id(&self, name: &str) -> Option<u32> {
        self.vmlinux()?.find(name, Kind::Func)
    }

    /// Whether BPF may call a function of the kernel itself. Linux 6.10 began to mark those; where nothing is marked, being there is enough.
    pub fn is_callable(&self, name: &str) -> bool {
        let Some(btf) = self.vmlinux() else { return false };
        let Some(id) = btf.find(name, Kind::Func) else { return false };
        let marks = btf.tagged(CALLABLE_TAG);
        marks.is_empty() || marks.contains(&id)
    }

    /// The type of a variable of the kernel itself; BTF has those that every CPU has its own of.
    pub fn variable_type(&self, name: &str) -> Option<Type> {
        let btf = self.vmlinux()?;
        let variable = btf.record(btf.find(name, Kind::Var)?).ok()?;
        convert::pointee(btf, variable.size_or_type).ok()
    }

    /// The kinds that BPF programs can iterate over, sorted: each has a struct for the context and a function for the prototype.
    pub fn iterators(&self) -> Vec<String> {
        let Some(btf) = self.vmlinux() else { return Vec::new() };
        let functions: BTreeSet<&str> = btf.with_prefix(ITERATOR_PREFIX, Kind::Func).into_iter().map(|(_, kind)| kind).collect();
        let structs = btf.with_prefix(ITERATOR_CONTEXT_PREFIX, Kind::Struct).into_iter().map(|(_, kind)| kind);
        structs.filter(|kind| functions.contains(kind)).map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The BTF id that a program which iterates over a kind is loaded with.
    pub fn iterator_id(&self, kind: &str) -> Option<u32> {
        self.function_id(&format!("{ITERATOR_PREFIX}{kind}"))
    }

    /// Every function that BTF describes: module and name.
    pub fn functions(&self) -> Vec<(&str, &str)> {
        let of = |(module, btf)| Btf::with_prefix(btf, "", Kind::Func).into_iter().map(move |(_, name)| (module, name));
        self.all().flat_map(of).collect()
    }

    /// Where BTF describes a function of this name: each module with the function's id there.
    pub fn function_ids(&self, name: &str) -> Vec<(&str, u32)> {
        self.all().filter_map(|(module, btf)| Some((module, btf.find(name, Kind::Func)?))).collect()
    }

    /// How a function is declared; in any module if none is said.
    pub fn prototype(&self, module: Option<&str>, name: &str) -> Option<Prototype> {
        let (module, btf, record) = self.declaration(module, name)?;
        let mut params = convert::parameters(btf, &record, None, 0, format!("{module}:{name}")).ok()?;
        // A struct by value takes as many registers, and so slots, as it needs.
        params.size = 0;
        for field in &mut params.fields {
            field.offset = params.size;
            params.size = params.size.checked_add(field.ty.size().max(1).checked_next_multiple_of(8)?)?;
        }
        Some(Prototype { params: Arc::new(params), result: convert::convert(btf, record.size_or_type).ok()? })
    }

    /// The parameters of a function as C text, and last what it returns, called `retval`.
    pub fn c_parameters(&self, module: Option<&str>, name: &str) -> Option<Vec<String>> {
        let index = self.functions.get_or_init(|| {
            let mut index: BTreeMap<String, Vec<(usize, u32)>> = BTreeMap::new();
            for (at, (_, btf)) in self.all().enumerate() {
                for (id, name) in btf.with_prefix("", Kind::Func) {
                    index.entry(name.to_owned()).or_default().push((at, id));
                }
            }
            index
        });
        let all: Vec<(&str, &Btf)> = self.all().collect();
        let mut meant = index.get(name)?.iter().map(|(at, id)| (all[*at], *id));
        let ((_, btf), id) = meant.find(|((of, _), _)| module.is_none_or(|module| module == *of))?;
        let prototype = btf.record(btf.record(id).ok()?.size_or_type).ok().filter(|prototype| prototype.kind == Kind::FuncProto)?;
        c_text::parameters(btf, &prototype).ok()
    }

    fn declaration(&self, module: Option<&str>, name: &str) -> Option<(&str, &Btf, Record<'_>)> {
        let mut meant = self.all().filter(|(of, _)| module.is_none_or(|module| module == *of));
        let (module, btf, id) = meant.find_map(|(of, btf)| Some((of, btf, btf.find(name, Kind::Func)?)))?;
        let prototype = btf.record(btf.record(id).ok()?.size_or_type).ok()?;
        (prototype.kind == Kind::FuncProto).then_some((module, btf, prototype))
    }

    /// Every raw tracepoint, sorted.
    pub fn raw_tracepoints(&self) -> Vec<RawTracepoint> {
        let mut found: Vec<RawTracepoint> = Vec::new();
        for (module, btf) in self.all() {
            let events = btf.with_prefix(TRACE_PREFIX, Kind::Typedef).into_iter();
            found.extend(events.map(|(_, event)| RawTracepoint { module: module.to_owned(), event: event.to_owned() }));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether there is a raw tracepoint of this name. The kernel's own are read in one pass, however many are asked for.
    pub fn has_raw_tracepoint(&self, event: &str) -> bool {
        let traced = self.traced.get_or_init(|| {
            let own = self.vmlinux().map(|btf| btf.with_prefix(TRACE_PREFIX, Kind::Typedef)).unwrap_or_default();
            own.into_iter().map(|(_, name)| name.to_owned()).collect()
        });
        let typedef = || format!("{TRACE_PREFIX}{event}");
        traced.contains(event) || self.modules().iter().any(|(_, btf)| btf.find(&typedef(), Kind::Typedef).is_some())
    }

    /// The BTF id that a typed raw tracepoint program of the kernel itself is loaded with. Loaders that look it up on their own
    /// parse the whole of BTF for it.
    pub fn raw_tracepoint_id(&self, event: &str) -> Option<u32> {
        self.vmlinux()?.find(&format!("{TRACE_PREFIX}{event}"), Kind::Typedef)
    }

    /// The parameters of a raw tracepoint, without the hidden first one.
    pub fn raw_tracepoint(&self, event: &str) -> Option<Struct> {
        let typedef = format!("{TRACE_PREFIX}{event}");
        let (module, btf, id) = self.all().find_map(|(module, btf)| Some((module, btf, btf.find(&typedef, Kind::Typedef)?)))?;
        let pointer = convert::strip(btf, id).ok()?.record.filter(|record| record.kind == Kind::Ptr)?;
        let prototype = convert::strip(btf, pointer.size_or_type).ok()?.record.filter(|record| record.kind == Kind::FuncProto)?;
        // The typedef has the types that the verifier will use, but C lets it have no names. The function that calls the
        // tracepoint's probes (5.10) has both.
        let caller = btf.find(&format!("{TRACE_CALLER_PREFIX}{event}"), Kind::Func).and_then(|id| btf.record(id).ok());
        let named = caller.and_then(|function| btf.record(function.size_or_type).ok());
        let named = named.filter(|named| named.kind == Kind::FuncProto && named.vlen == prototype.vlen);
        convert::parameters(btf, &prototype, named.as_ref(), 1, format!("rawtracepoint:{module}:{event}")).ok()
    }

    /// The kernel first, then its modules, which are read only when the kernel had no answer.
    fn all(&self) -> impl Iterator<Item = (&str, &Btf)> {
        let vmlinux = self.vmlinux().map(|btf| (VMLINUX, &**btf));
        let modules = std::iter::once_with(|| self.modules()).flatten();
        vmlinux.into_iter().chain(modules.map(|(name, btf)| (name.as_str(), &**btf)))
    }

    fn first(&self, find: impl Fn(&Btf) -> Option<u32>) -> Option<(&Btf, u32)> {
        self.all().find_map(|(_, btf)| Some((btf, find(btf)?)))
    }

    fn vmlinux(&self) -> Option<&Arc<Btf>> {
        self.vmlinux_result().as_ref().ok()
    }

    fn vmlinux_result(&self) -> &std::result::Result<Arc<Btf>, String> {
        self.vmlinux.get_or_init(|| match load(&self.vmlinux_path, None) {
            Ok(btf) => Ok(Arc::new(btf)),
            Err(error) => Err(format!("{error:#}")),
        })
    }

    fn modules(&self) -> &[(String, Arc<Btf>)] {
        self.modules.get_or_init(|| {
            let Some(base) = self.vmlinux() else { return Vec::new() };
            let Ok(directory) = fs::read_dir(&self.modules_directory) else { return Vec::new() };
            let mut names: Vec<String> = directory.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
            names.retain(|name| name != VMLINUX);
            names.sort_unstable();
            // A module that is unloaded while we look, or whose BTF is broken, takes only its own types away.
            let open =
                |name: String| load(&self.modules_directory.join(&name), Some(Arc::clone(base))).ok().map(|btf| (name, Arc::new(btf)));
            names.into_iter().filter_map(open).collect()
        })
    }
}

/// What a keyword of C is in BTF.
fn kinds_of(keyword: &str) -> &'static [Kind] {
    match keyword {
        "struct" => &[Kind::Struct],
        "union" => &[Kind::Union],
        "enum" => &[Kind::Enum, Kind::Enum64],
        _ => &[],
    }
}

fn load(path: &Path, base: Option<Arc<Btf>>) -> Result<Btf> {
    let bytes = open_bytes(path).with_context(|| format!("reading {}", path.display()))?;
    Btf::parse(bytes, base).with_context(|| path.display().to_string())
}

/// Maps a sysfs file where the kernel allows it (6.16 for vmlinux, and only as a private mapping), else reads it. Other files
/// are always read: they may be cut while they are mapped.
fn open_bytes(path: &Path) -> Result<Bytes> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    ensure!(length > 0, "the file is empty");
    if path == Path::new(VMLINUX_PATH) {
        // SAFETY: this file is the kernel's own constant memory; the kernel neither changes nor shrinks it while it is mapped.
        let map = unsafe { memmap2::MmapOptions::new().map_copy_read_only(&file) };
        if let Ok(map) = map {
            return Ok(Bytes::Mapped(map));
        }
    }
    Ok(Bytes::Owned(fs::read(path)?))
}
