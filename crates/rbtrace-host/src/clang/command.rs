//! Functions of C for BPF: a file → LLVM's bitcode and what BTF says of its functions, by the `clang` command that this machine may have.
//!
//! Bitcode, because whoever links it can drop what nobody calls; BTF, because it says the types as the kernel will know them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use object::{Object as _, ObjectSection as _, SectionKind};
use rbtrace_types::Arch;
use rbtrace_types::c_object::{CFailure, CObject};

use super::target;
use crate::btf;

/// The newest version whose bitcode the LLVM of the code generator reads for sure; of those that are installed the newest of these is taken.
const NEWEST: u32 = 19;
const OLDEST: u32 = 11;
/// Instructions that every kernel takes, whichever one runs the script.
const CPU: &str = "-mcpu=v2";
/// Of a page of complaints the first ones are what is wrong.
const MOST_SAID: usize = 8;
/// Where functions are that others call; a program of the kernel's stands in a section of its own.
const FUNCTIONS: &str = ".text";

/// See [`Facts::c_object`](rbtrace_types::Facts::c_object).
pub fn compile(path: &str, directories: &[String], arch: Arch) -> Result<CObject, CFailure> {
    let command = find().ok_or_else(|| CFailure {
        why: "C is compiled by clang, which is not installed".into(),
        remedy: Some("install the package clang (any version from 11 to 19)".into()),
        ..CFailure::default()
    })?;
    let mut bitcode = bpf(&command);
    bitcode.args(["-O2", "-g", "-emit-llvm", "-c", path, "-o", "-"]).args(arguments(directories, arch));
    let bitcode = run(bitcode, &[])?;
    let mut elf = bpf(&command);
    elf.args(["-c", "-x", "ir", "-", "-o", "-"]);
    let elf = run(elf, &bitcode)?;
    let functions = functions(&elf)?;
    Ok(CObject { bitcode, functions })
}

/// The command, where there is one.
fn find() -> Option<PathBuf> {
    let versions = (OLDEST..=NEWEST).rev();
    let commands = versions.clone().map(|version| format!("clang-{version}")).chain(["clang".to_owned()]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = |name: String| std::env::split_paths(&path).map(move |directory| directory.join(&name)).find(|file| file.is_file());
    let beside_llvm = || versions.map(|version| PathBuf::from(format!("/usr/lib/llvm-{version}/bin/clang"))).find(|file| file.is_file());
    commands.into_iter().find_map(in_path).or_else(beside_llvm)
}

fn bpf(command: &Path) -> Command {
    let mut command = Command::new(command);
    command.args(["-target", "bpf", CPU]);
    command
}

fn arguments(directories: &[String], arch: Arch) -> Vec<String> {
    let machine = match arch {
        Arch::X86_64 => "x86_64",
        Arch::Aarch64 => "aarch64",
    };
    let mut args: Vec<String> = ["-std=gnu11", "-Wno-everything", "-fno-stack-protector", "-D__BPF_TRACING__"].map(str::to_owned).into();
    args.push(format!("-D__TARGET_ARCH_{}", target(arch)));
    args.extend(directories.iter().map(|directory| format!("-I{directory}")));
    // Debian keeps `asm/types.h` where a compiler for BPF does not look.
    args.extend(["-idirafter".to_owned(), format!("/usr/include/{machine}-linux-gnu")]);
    args
}

/// What a command writes.
fn run(mut command: Command, input: &[u8]) -> Result<Vec<u8>, CFailure> {
    let failure = |why: String| CFailure { why, ..CFailure::default() };
    let program = command.get_program().to_string_lossy().into_owned();
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| failure(format!("`{program}` does not start: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // It reads all before it writes anything. One that stops reading has failed, and says why.
        let _ = stdin.write_all(input);
    }
    let Output { status, stdout, stderr } =
        child.wait_with_output().map_err(|error| failure(format!("`{program}` does not end: {error}")))?;
    if status.success() {
        return Ok(stdout);
    }
    let said = String::from_utf8_lossy(&stderr);
    let said = said.lines().filter(|line| line.contains("error:")).take(MOST_SAID).map(str::to_owned).collect();
    Err(CFailure { said, ..failure("clang does not compile it".into()) })
}

/// What others can call, once it is sure that there is nothing else in the object than functions and their data.
fn functions(elf: &[u8]) -> Result<Vec<rbtrace_types::c_object::CFunction>, CFailure> {
    let failure = |why: String| CFailure { why, ..CFailure::default() };
    let file = object::File::parse(elf).map_err(|error| failure(format!("clang's object cannot be read: {error}")))?;
    let is_program = |name: &&str| *name != FUNCTIONS && !name.is_empty();
    let code = file.sections().filter(|section| section.kind() == SectionKind::Text);
    if let Some(section) = code.filter_map(|section| section.name().ok().map(str::to_owned)).find(|name| is_program(&name.as_str())) {
        return Err(CFailure {
            remedy: Some("a script attaches its own probes; take `SEC(…)` away from what they call".into()),
            ..failure(format!("it has a program of its own, in section `{section}`; only functions can be imported"))
        });
    }
    let btf = file.section_by_name(".BTF").and_then(|section| section.data().ok());
    // A file without functions has no types either.
    let Some(btf) = btf else { return Ok(Vec::new()) };
    btf::functions_of(btf.to_vec()).map_err(|error| failure(format!("what clang says of its types cannot be read: {error:#}")))
}
