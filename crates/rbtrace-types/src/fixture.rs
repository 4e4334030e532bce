//! `Facts` from a text: a machine that tests can write down. `tests/facts/*.txt` are such machines.
//!
//! One statement a line, `#` starts a comment line; blocks close with `end`:
//!
//! ```text
//! arch x86_64
//! cpus 4
//! frames 127
//! pid_namespace 3 4026532000          none of it: the initial namespace
//! features all                        or names of `Feature::name`, or `all -loop`
//! syscall openat 257
//! symbol vfs_read 4096
//! kfunc bpf_task_from_pid 5 7 26      the types of program that may call it
//! cgroup /sys/fs/cgroup/a 42
//! process 1234                        the process of `-p`
//! traced /usr/bin/app                 the binary that it runs; or none
//! binary /bin/app                     see `fixture/binaries.rs`          end
//! module ext4                         loaded; `vmlinux` always is
//! forbidden do_int3                   no probe may be put there
//! size vfs_read 64                    bytes of a function of the kernel
//! program 7 count_packets             a BPF program that is loaded, and a function of it
//! traceable f.isra.0                  a function that BTF does not describe; or module:f
//! format sched:sched_switch           … the text of the tracefs file …   end
//! raw vmlinux:sched_switch            one `TYPE NAME` a line, in order   end
//! function vmlinux:vfs_read ssize_t   what it returns; one `TYPE NAME` a line                 end
//! struct sock 760                     `OFFSET TYPE NAME` or, for bits, `OFFSET TYPE NAME:FIRST:WIDTH`   end
//! enum pid_type                       `NAME = VALUE` a line              end
//! typedef pid_t int
//! ```

mod binaries;
mod declared;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::binaries::Binary;
use crate::binary::{Function, Marker, Naming};
use crate::ctype::c_type;
use crate::debug_info::{Declaration, NoLine, SourceLine, Variable};
use crate::facts::{Arch, BpfFunction, Facts, Feature, KernelFunction, Prototype, RawTracepoint, VMLINUX};
use crate::format::TracepointFormat;
use crate::ty::{Enum, Field, Space, Struct, Type};

/// A machine from a text.
#[derive(Clone, Debug)]
pub struct Fixture {
    arch: Arch,
    cpus: u32,
    most_frames: Option<u32>,
    pid_namespace: Option<(u64, u64)>,
    features: BTreeSet<Feature>,
    syscalls: BTreeMap<String, u32>,
    symbols: BTreeMap<String, u64>,
    cgroups: BTreeMap<String, u64>,
    kernel_functions: BTreeMap<String, Vec<u32>>,
    tracepoints: BTreeMap<String, Arc<TracepointFormat>>,
    raw_tracepoints: BTreeMap<RawTracepoint, Arc<Struct>>,
    process: Option<u32>,
    traced: Option<String>,
    binaries: BTreeMap<String, Binary>,
    modules: BTreeSet<String>,
    forbidden: BTreeSet<String>,
    sizes: BTreeMap<String, u64>,
    programs: BTreeSet<BpfFunction>,
    /// Functions that can be probed, as module and name; those that BTF describes are among them.
    functions: BTreeSet<(String, String)>,
    prototypes: BTreeMap<(String, String), Prototype>,
    /// Structs, unions, enums and typedefs by their C name.
    types: BTreeMap<String, Type>,
}

impl Fixture {
    /// An x86-64 machine with one CPU that knows nothing.
    pub fn empty() -> Fixture {
        Fixture {
            arch: Arch::X86_64,
            cpus: 1,
            most_frames: None,
            pid_namespace: None,
            features: BTreeSet::new(),
            syscalls: BTreeMap::new(),
            symbols: BTreeMap::new(),
            cgroups: BTreeMap::new(),
            kernel_functions: BTreeMap::new(),
            tracepoints: BTreeMap::new(),
            raw_tracepoints: BTreeMap::new(),
            process: None,
            traced: None,
            binaries: BTreeMap::new(),
            modules: BTreeSet::from([VMLINUX.to_owned()]),
            forbidden: BTreeSet::new(),
            sizes: BTreeMap::new(),
            programs: BTreeSet::new(),
            functions: BTreeSet::new(),
            prototypes: BTreeMap::new(),
            types: BTreeMap::new(),
        }
    }

    /// Reads the text this file's header describes. Types must be declared before they are used by value.
    pub fn parse(text: &str) -> Result<Fixture, String> {
        let mut fixture = Fixture::empty();
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
            let is_block = matches!(keyword, "format" | "raw" | "function" | "struct" | "union" | "enum" | "binary");
            let block: Vec<&str> =
                if is_block { lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "end").collect() } else { Vec::new() };
            fixture.statement(keyword, rest.trim(), &block).map_err(|error| format!("line {}: {error}", index + 1))?;
        }
        Ok(fixture)
    }

    fn statement(&mut self, keyword: &str, rest: &str, block: &[&str]) -> Result<(), String> {
        match keyword {
            "arch" => self.arch = Arch::parse(rest).ok_or("unknown architecture")?,
            "cpus" => self.cpus = number(rest)?,
            "frames" => self.most_frames = Some(number(rest)?),
            "pid_namespace" => self.pid_namespace = Some(pair(rest).and_then(|(dev, ino)| Ok((number(dev)?, number(ino)?)))?),
            "features" => self.add_features(rest)?,
            "syscall" => drop(self.syscalls.insert(pair(rest)?.0.to_owned(), number(pair(rest)?.1)?)),
            "symbol" => drop(self.symbols.insert(pair(rest)?.0.to_owned(), number(pair(rest)?.1)?)),
            "kfunc" => {
                let (name, callers) = pair(rest)?;
                let callers = callers.split_whitespace().map(number).collect::<Result<_, _>>()?;
                self.kernel_functions.insert(name.to_owned(), callers);
            }
            "cgroup" => drop(self.cgroups.insert(pair(rest)?.0.to_owned(), number(pair(rest)?.1)?)),
            "process" => self.process = Some(number(rest)?),
            "traced" => self.traced = Some(rest.to_owned()).filter(|program| program != "none"),
            "binary" => {
                let read = |text: &str| c_type(text, Space::User, self).ok_or(format!("unknown type `{text}`"));
                let binary = Binary::parse(block, &read)?;
                self.binaries.insert(rest.to_owned(), binary);
            }
            "format" => self.add_format(rest, block)?,
            "raw" => self.add_raw(rest, block)?,
            "module" => drop(self.modules.insert(rest.to_owned())),
            "size" => drop(self.sizes.insert(pair(rest)?.0.to_owned(), number(pair(rest)?.1)?)),
            "program" => {
                let (program, name) = pair(rest)?;
                self.programs.insert(BpfFunction { name: name.to_owned(), program: number::<u32>(program)? });
            }
            "forbidden" => drop(self.forbidden.insert(rest.to_owned())),
            "traceable" => drop(self.functions.insert(module_and_name(rest))),
            "function" => self.add_function(rest, block)?,
            "struct" | "union" => self.add_struct(keyword, rest, block)?,
            "enum" => self.add_enum(rest, block)?,
            "typedef" => {
                let (name, target) = pair(rest)?;
                let ty = self.c_type(target)?;
                self.types.insert(name.to_owned(), ty);
            }
            _ => return Err(format!("unknown statement `{keyword}`")),
        }
        Ok(())
    }

    fn add_features(&mut self, names: &str) -> Result<(), String> {
        let by_name = |name: &str| Feature::ALL.into_iter().find(|f| f.name() == name).ok_or(format!("unknown feature `{name}`"));
        for name in names.split_whitespace() {
            match name.strip_prefix('-') {
                Some(name) => drop(self.features.remove(&by_name(name)?)),
                None if name == "all" => self.features.extend(Feature::ALL),
                None => drop(self.features.insert(by_name(name)?)),
            }
        }
        Ok(())
    }

    fn add_format(&mut self, name: &str, block: &[&str]) -> Result<(), String> {
        let (category, event) = name.split_once(':').ok_or("expected `category:event`")?;
        let format = TracepointFormat::parse(category, event, &block.join("\n")).map_err(|error| format!("{name}: {error}"))?;
        self.tracepoints.insert(name.to_owned(), Arc::new(format));
        Ok(())
    }

    fn add_raw(&mut self, name: &str, block: &[&str]) -> Result<(), String> {
        let (module, event) = module_and_name(name);
        let args = self.parameters(format!("rawtracepoint:{module}:{event}"), block)?;
        self.raw_tracepoints.insert(RawTracepoint { module, event }, Arc::new(args));
        Ok(())
    }

    fn add_function(&mut self, rest: &str, block: &[&str]) -> Result<(), String> {
        let (name, result) = pair(rest)?;
        let (module, name) = module_and_name(name);
        let params = Arc::new(self.parameters(format!("{module}:{name}"), block)?);
        let result = if result == "void" { Type::Void } else { self.c_type(result)? };
        self.functions.insert((module.clone(), name.clone()));
        self.prototypes.insert((module, name), Prototype { params, result });
        Ok(())
    }

    /// One `TYPE NAME` a line.
    fn parameters(&self, name: String, block: &[&str]) -> Result<Struct, String> {
        let (mut fields, mut size) = (Vec::new(), 0);
        for line in block.iter().filter(|line| !line.trim().is_empty()) {
            let (ty, name) = self.declaration(line)?;
            let slots = ty.size().div_ceil(8).max(1);
            fields.push(Field { name, ty, offset: size, bits: None, data_loc: None });
            size += 8 * slots;
        }
        Ok(Struct { name, fields, size })
    }

    fn add_struct(&mut self, keyword: &str, rest: &str, block: &[&str]) -> Result<(), String> {
        let (tag, size) = pair(rest)?;
        let mut fields = Vec::new();
        for line in block.iter().filter(|line| !line.trim().is_empty()) {
            let (offset, declaration) = pair(line.trim())?;
            let mut parts = declaration.split(':');
            let (ty, name) = self.declaration(parts.next().unwrap_or(""))?;
            let bits = match (parts.next(), parts.next()) {
                (Some(first), Some(width)) => Some((number(first)?, number(width)?)),
                _ => None,
            };
            fields.push(Field { name, ty, offset: number(offset)?, bits, data_loc: None });
        }
        let name = format!("{keyword} {tag}");
        self.types.insert(name.clone(), Type::Struct(Arc::new(Struct { name, fields, size: number(size)? })));
        Ok(())
    }

    fn add_enum(&mut self, tag: &str, block: &[&str]) -> Result<(), String> {
        let mut constants = Vec::new();
        for line in block.iter().filter(|line| !line.trim().is_empty()) {
            let (name, value) = line.split_once('=').ok_or("expected `NAME = VALUE`")?;
            constants.push((name.trim().to_owned(), number(value.trim())?));
        }
        let name = format!("enum {tag}");
        self.types.insert(name.clone(), Type::Enum(Arc::new(Enum { name, constants })));
        Ok(())
    }

    /// `TYPE NAME` or `TYPE NAME[N]`.
    fn declaration(&self, text: &str) -> Result<(Type, String), String> {
        let text = text.trim();
        let (front, lengths) = text.split_at(text.find('[').unwrap_or(text.len()));
        let start = front.rfind([' ', '*']).ok_or(format!("expected `TYPE NAME`, got `{text}`"))? + 1;
        let (base, name) = front.split_at(start);
        Ok((self.c_type(&format!("{}{lengths}", base.trim_end()))?, name.to_owned()))
    }

    fn c_type(&self, text: &str) -> Result<Type, String> {
        c_type(text, Space::Kernel, self).ok_or(format!("unknown type `{text}`"))
    }
}

/// `module:name`; without a module it is the kernel's own.
fn module_and_name(text: &str) -> (String, String) {
    let (module, name) = text.split_once(':').unwrap_or((VMLINUX, text));
    (module.to_owned(), name.to_owned())
}

fn pair(text: &str) -> Result<(&str, &str), String> {
    text.split_once(' ').map(|(a, b)| (a.trim(), b.trim())).ok_or(format!("expected two words, got `{text}`"))
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

impl Facts for Fixture {
    fn arch(&self) -> Arch {
        self.arch
    }

    fn cpus(&self) -> u32 {
        self.cpus
    }

    fn most_frames(&self) -> Option<u32> {
        self.most_frames
    }

    fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    fn tracepoints(&self) -> Arc<[String]> {
        self.tracepoints.keys().cloned().collect()
    }

    fn tracepoint(&self, category: &str, event: &str) -> Option<Arc<TracepointFormat>> {
        self.tracepoints.get(&format!("{category}:{event}")).cloned()
    }

    fn syscall_number(&self, name: &str) -> Option<u32> {
        self.syscalls.get(name).copied()
    }

    fn raw_tracepoints(&self) -> Arc<[RawTracepoint]> {
        self.raw_tracepoints.keys().cloned().collect()
    }

    fn raw_tracepoint(&self, event: &str) -> Option<Arc<Struct>> {
        self.raw_tracepoints.iter().find(|(raw, _)| raw.event == event).map(|(_, args)| Arc::clone(args))
    }

    fn kernel_type(&self, name: &str) -> Option<Type> {
        self.types.get(name).cloned()
    }

    fn iterators(&self) -> Vec<String> {
        self.types.keys().filter_map(|name| name.strip_prefix("struct bpf_iter__")).map(str::to_owned).collect()
    }

    fn kernel_enum_constant(&self, name: &str) -> Option<(Arc<Enum>, i64)> {
        self.types.values().find_map(|ty| {
            let Type::Enum(of) = ty else { return None };
            let (_, value) = of.constants.iter().find(|(constant, _)| constant == name)?;
            Some((Arc::clone(of), *value))
        })
    }

    fn kernel_address(&self, name: &str) -> Option<u64> {
        self.symbols.get(name).copied()
    }

    fn has_kernel_function(&self, name: &str) -> bool {
        self.kernel_functions.contains_key(name)
    }

    fn may_call(&self, function: &str, program_type: u32) -> bool {
        self.kernel_functions.get(function).is_some_and(|callers| callers.contains(&program_type))
    }

    fn pid_namespace(&self) -> Option<(u64, u64)> {
        self.pid_namespace
    }

    fn process(&self) -> Option<u32> {
        self.process
    }

    fn traced_program(&self) -> Option<String> {
        self.traced.clone()
    }

    fn binaries(&self, text: &str) -> Vec<String> {
        self.binaries.keys().filter(|path| binaries::is_meant(path, text)).cloned().collect()
    }

    fn is_stripped(&self, binary: &str) -> bool {
        self.binaries.get(binary).is_some_and(|binary| binary.is_stripped)
    }

    fn functions(&self, binary: &str, naming: Naming) -> Result<Arc<[Function]>, String> {
        self.binaries.get(binary).map(|binary| binary.functions(naming)).ok_or(format!("{binary}: no such file"))
    }

    fn code_offset(&self, binary: &str, address: u64) -> Option<u64> {
        self.binaries.get(binary)?.code_offset(address)
    }

    fn is_instruction(&self, _: &str, _: &Function, address: u64) -> Option<bool> {
        Some(address.is_multiple_of(binaries::INSTRUCTION))
    }

    fn implementations(&self, binary: &str, function: &Function) -> Vec<u64> {
        self.binaries.get(binary).map(|binary| binary.implementations(function)).unwrap_or_default()
    }

    fn markers(&self, binary: &str) -> Result<Arc<[Marker]>, String> {
        self.binaries.get(binary).map(|binary| binary.markers.clone().into()).ok_or(format!("{binary}: no such file"))
    }

    fn breakpoint(&self, binary: &str, address: u64) -> Option<u64> {
        let stuck = self.binaries.get(binary).and_then(|binary| binary.stuck.iter().find(|(at, _)| *at == address));
        stuck.map_or(Some(address), |(_, next)| *next)
    }

    fn has_go_runtime(&self, binary: &str) -> bool {
        self.binaries.get(binary).is_some_and(|binary| binary.is_go)
    }

    fn declaration(&self, binary: &str, address: u64) -> Result<Option<Arc<Declaration>>, String> {
        let found = self.binaries.get(binary).filter(|binary| binary.has_debug_info());
        found.map(|binary| binary.declared.get(&address).cloned()).ok_or(format!("no debuginfo found for {binary}"))
    }

    /// Nothing is said about variables.
    fn variables(&self, binary: &str, _: u64) -> Result<Arc<[Variable]>, String> {
        let found = self.binaries.get(binary).filter(|binary| binary.has_debug_info());
        found.map(|_| Arc::default()).ok_or(format!("no debuginfo found for {binary}"))
    }

    fn source_line(&self, binary: &str, line: &SourceLine) -> Result<Vec<u64>, NoLine> {
        let found = self.binaries.get(binary).filter(|binary| binary.has_debug_info());
        found.ok_or_else(|| NoLine::DebugInfo(format!("no debuginfo found for {binary}")))?.source_line(line)
    }

    fn kernel_functions(&self) -> Arc<[KernelFunction]> {
        let function = |(module, name): &(String, String)| KernelFunction { name: name.as_str().into(), module: module.as_str().into() };
        let mut all: Vec<KernelFunction> = self.functions.iter().map(function).collect();
        all.sort_unstable();
        all.into()
    }

    fn typed_functions(&self) -> Arc<[(Arc<str>, Box<str>)]> {
        self.prototypes.keys().map(|(module, name)| (module.as_str().into(), name.as_str().into())).collect()
    }

    fn modules_with(&self, function: &str) -> Vec<String> {
        self.prototypes.keys().filter(|(_, name)| name == function).map(|(module, _)| module.clone()).collect()
    }

    fn prototype(&self, module: Option<&str>, function: &str) -> Option<Prototype> {
        let is_meant = |key: &(String, String)| key.1 == function && module.is_none_or(|module| key.0 == module);
        self.prototypes.iter().find(|(key, _)| is_meant(key)).map(|(_, prototype)| prototype.clone())
    }

    fn has_module(&self, name: &str) -> bool {
        self.modules.contains(name)
    }

    fn bpf_functions(&self) -> Vec<BpfFunction> {
        self.programs.iter().cloned().collect()
    }

    fn kernel_function_size(&self, _module: Option<&str>, function: &str) -> Option<u64> {
        self.sizes.get(function).copied()
    }

    fn forbids_probes(&self, function: &str) -> bool {
        self.forbidden.contains(function)
    }

    fn cgroup_id(&self, path: &str) -> Result<u64, String> {
        self.cgroups.get(path).copied().ok_or(format!("{path}: no such cgroup"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_machine_is_readable() {
        let facts = Fixture::parse(include_str!("../../../tests/facts/small.txt")).expect("the sample is well formed");
        let format = facts.tracepoint("sched", "sched_process_exec").expect("it is in the sample");
        assert!(format.fields.iter().any(|field| field.data_loc.is_some()));
        assert_eq!(facts.syscall_number("openat"), Some(257));
        assert!(facts.has(Feature::Loop) && facts.has(Feature::IterNum));
        let args = facts.raw_tracepoint("sched_switch").expect("it is in the sample");
        assert_eq!(args.field("next").map(|field| (field.offset, field.ty.to_string())), Some((16, "struct task_struct *".to_owned())));
        let (of, value) = facts.kernel_enum_constant("PIDTYPE_SID").expect("it is in the sample");
        assert_eq!((of.name.as_str(), value), ("enum pid_type", 3));
        assert!(facts.tracepoints().is_sorted() && facts.raw_tracepoints().is_sorted());
        assert_eq!(facts.cgroup_id("/nowhere"), Err("/nowhere: no such cgroup".to_owned()));
    }

    #[test]
    fn features_can_be_taken_away() {
        let facts = Fixture::parse("features all -loop").expect("a good text");
        assert!(!facts.has(Feature::Loop) && facts.has(Feature::Strncmp));
    }

    #[test]
    fn mistakes_name_their_line() {
        let error = |text| Fixture::parse(text).expect_err("a bad text");
        assert_eq!(error("cpus 1\nwhat"), "line 2: unknown statement `what`");
        assert_eq!(error("features fast"), "line 1: unknown feature `fast`");
        assert_eq!(error("struct s 4\n0 foo_t x\nend"), "line 1: unknown type `foo_t`");
    }
}
