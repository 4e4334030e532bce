//! C headers, read by the libclang that this machine may have. Nothing of it is linked or loaded before a script needs it.

mod command;
mod freestanding;
mod library;
mod macros;
#[cfg(test)]
mod tests;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clang_sys::CXCursor_MacroDefinition;
use rbtrace_types::Arch;
use rbtrace_types::headers::{Answer, Problem, Question};

pub use self::command::compile as compile_object;
use self::library::{Library, Unit};
use self::types::Found;

/// The name of the text that is compiled (SPEC §1.4).
const FILE: &str = "definitions.h";

/// Before the name of a constant whose value is the one that is asked for.
const VALUE: &str = "rbtrace_value_of_";

/// Nobody writes a larger header.
const LARGEST: u64 = 16 << 20;

/// Where the kernel's headers are.
#[derive(Clone, Debug, Default)]
pub struct KernelTree {
    /// Its sources.
    pub source: Option<PathBuf>,
    /// What was built of them, if that is elsewhere.
    pub build: Option<PathBuf>,
}

impl KernelTree {
    /// This tree, or the one that distributions install for a kernel.
    pub fn or_installed(&self, release: &str) -> KernelTree {
        if self.source.is_some() {
            return self.clone();
        }
        let modules = Path::new("/lib/modules").join(release);
        let present = |name: &str| Some(modules.join(name)).filter(|path| path.is_dir());
        let (source, build) = (present("source"), present("build"));
        KernelTree { source: source.or_else(|| build.clone()), build }
    }
}

/// See [`Facts::headers`](rbtrace_types::Facts::headers).
pub fn ask(question: &Question, kernel: &KernelTree, arch: Arch) -> Result<Answer, String> {
    refuse_devices(question)?;
    let library = Library::load().ok_or_else(package)?;
    let resources = library.directory().and_then(|directory| resources(&directory));
    compile(question, &library, arguments(question, kernel, arch), resources.as_deref())
}

/// `resources`: where the compiler's own headers are.
fn compile(question: &Question, library: &Library, mut args: Vec<String>, resources: Option<&Path>) -> Result<Answer, String> {
    let mut files = Vec::new();
    match resources {
        Some(path) => args.extend(["-resource-dir".to_owned(), path.display().to_string()]),
        None => {
            args.extend(["-nobuiltininc", "-isystem", freestanding::DIRECTORY].map(str::to_owned));
            files.extend(freestanding::FILES);
        }
    }
    let compile = |names: &BTreeSet<String>| {
        let (text, asked) = with_names(&question.text, names);
        let files: Vec<(&str, &str)> = std::iter::once((FILE, text.as_str())).chain(files.iter().copied()).collect();
        let unit = library.parse(&files, &args).ok_or("libclang failed on these headers")?;
        let inner = macros::inside(&unit, names);
        Ok::<_, String>((answer(&unit, names, &asked), inner))
    };
    let (first, inner) = compile(&question.names)?;
    if inner.is_empty() {
        return Ok(first);
    }
    // What stands inside of macros with parameters wants its value, too.
    compile(&question.names.union(&inner).cloned().collect()).map(|(all, _)| all)
}

/// The text, with a question for each name behind it: where it stands.
fn with_names<'n>(text: &str, names: &'n BTreeSet<String>) -> (String, Vec<(u32, &'n str)>) {
    let mut text = text.to_owned();
    let mut asked = Vec::with_capacity(names.len());
    for name in names {
        asked.push((text.len() as u32, name.as_str()));
        let _ = write!(text, "#ifdef {name}\nenum {{ {VALUE}{name} = ({name}) }};\n#endif\n");
    }
    (text, asked)
}

/// The kernel's name of an architecture.
fn target(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "x86",
        Arch::Aarch64 => "arm64",
    }
}

fn arguments(question: &Question, kernel: &KernelTree, arch: Arch) -> Vec<String> {
    let target = target(arch);
    let mut args: Vec<String> =
        ["-x", "c", "-std=gnu11", "-Wno-everything", "-ferror-limit=0", "-D__KERNEL__", "-D__BPF_TRACING__"].map(str::to_owned).to_vec();
    args.extend(["16", "32", "64"].map(|bits| format!("-D__HAVE_BUILTIN_BSWAP{bits}__")));
    args.push("-DKBUILD_MODNAME=\"bpftrace\"".to_owned());
    args.push(format!("-D__TARGET_ARCH_{target}"));
    args.extend(question.predefined.iter().map(|name| format!("-D{name}")));
    args.extend(question.beside.iter().flat_map(|directory| ["-iquote".to_owned(), directory.clone()]));
    args.extend(question.directories.iter().map(|directory| format!("-I{directory}")));
    args.extend(kernel_arguments(kernel, target));
    args
}

/// As the kernel compiles itself.
fn kernel_arguments(kernel: &KernelTree, arch: &str) -> Vec<String> {
    let Some(source) = &kernel.source else { return Vec::new() };
    let build = kernel.build.as_ref().unwrap_or(source);
    let directories = [
        source.join(format!("arch/{arch}/include")),
        build.join(format!("arch/{arch}/include/generated")),
        source.join("include"),
        build.join("include"),
        source.join(format!("arch/{arch}/include/uapi")),
        build.join(format!("arch/{arch}/include/generated/uapi")),
        source.join("include/uapi"),
        build.join("include/generated/uapi"),
    ];
    let mut args: Vec<String> =
        directories.iter().filter(|path| path.is_dir()).flat_map(|path| ["-isystem".to_owned(), path.display().to_string()]).collect();
    let config = source.join("include/linux/kconfig.h");
    if config.is_file() && build.join("include/generated/autoconf.h").is_file() {
        args.extend(["-include".to_owned(), config.display().to_string()]);
    }
    args
}

/// Where the compiler's own headers are: beside its library, under its version.
fn resources(library: &Path) -> Option<PathBuf> {
    let newest = |parent: PathBuf| {
        let versions = fs::read_dir(parent).ok()?.flatten().map(|entry| entry.path());
        versions.filter(|path| path.join("include/stddef.h").is_file()).max()
    };
    newest(library.join("clang")).or_else(|| newest("/usr/lib/clang".into())).or_else(|| {
        let mut all: Vec<PathBuf> = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path().join("lib/clang")).collect();
        all.sort();
        all.into_iter().rev().find_map(newest)
    })
}

/// `asked`: where the text asks for each name.
fn answer(unit: &Unit<'_>, names: &BTreeSet<String>, asked: &[(u32, &str)]) -> Answer {
    let mut found = Found::default();
    let (mut found_macros, mut values) = (BTreeMap::new(), BTreeMap::new());
    for cursor in unit.cursors() {
        if cursor.kind() == CXCursor_MacroDefinition {
            let name = cursor.name();
            // Those without a place are the compiler's own.
            if names.contains(&name) && cursor.place().is_some() {
                found_macros.insert(name, macros::read(unit, cursor));
            }
        } else {
            found.declaration(cursor, 0);
        }
    }
    found.constants.retain(|name, (_, value)| match name.strip_prefix(VALUE) {
        Some(name) => {
            values.insert(name.to_owned(), *value);
            false
        }
        None => true,
    });
    let mut problems = Vec::new();
    for said in unit.errors() {
        match name_asked(&said, asked) {
            // What is no constant of C gets a value, too.
            Some(name) => drop(values.remove(name)),
            None => problems.extend(problem(said)),
        }
    }
    for (name, found) in &mut found_macros {
        found.value = values.get(name).copied();
    }
    Answer { types: found.types, constants: found.constants, macros: found_macros, problems }
}

/// The name whose value a complaint is about.
fn name_asked<'n>(said: &library::Said, asked: &[(u32, &'n str)]) -> Option<&'n str> {
    let (file, offset) = said.place.as_ref()?;
    let before = asked.partition_point(|(start, _)| start <= offset);
    asked.get(before.checked_sub(1)?).filter(|_| file == FILE).map(|(_, name)| *name)
}

fn problem(said: library::Said) -> Option<Problem> {
    let (file, offset) = said.place?;
    let missing = said.message.strip_suffix("' file not found").and_then(|text| text.strip_prefix('\'')).map(str::to_owned);
    Some(Problem { file: (file != FILE).then_some(file), offset, message: said.message, missing })
}

/// A compiler reads whatever it is pointed at, a device without end too.
fn refuse_devices(question: &Question) -> Result<(), String> {
    for line in question.text.lines() {
        let name = line.trim_start().strip_prefix('#').and_then(|rest| rest.trim_start().strip_prefix("include"));
        let name = name.map(|rest| rest.trim_start().trim_start_matches(['<', '"']));
        let Some(name) = name.and_then(|rest| rest.split(['>', '"']).next()) else { continue };
        let directories = question.directories.iter().chain(&question.beside).map(String::as_str);
        for path in directories.map(|directory| Path::new(directory).join(name)) {
            if let Ok(about) = fs::metadata(&path)
                && (!about.is_file() || about.len() > LARGEST)
            {
                return Err(format!("{} is no header", path.display()));
            }
        }
    }
    Ok(())
}

/// What to install, in this distribution's words.
fn package() -> String {
    let about = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |key: &str| about.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim_matches('"').to_owned();
    let ids = format!("{} {}", value("ID="), value("ID_LIKE="));
    let package = ids.split_whitespace().find_map(|id| match id {
        "debian" | "ubuntu" => Some("libclang1-19 (or any other version: apt-cache search libclang1)"),
        "fedora" | "rhel" | "centos" => Some("clang-libs"),
        "arch" | "gentoo" => Some("clang"),
        "alpine" => Some("clang-libclang"),
        "suse" | "opensuse" => Some("libclang13"),
        _ => None,
    });
    format!("headers are read by libclang, which is not installed; the package is {}", package.unwrap_or("called libclang or clang-libs"))
}
