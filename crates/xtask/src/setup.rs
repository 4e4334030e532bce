//! What a machine needs before rbtrace can be built, run and measured, and how it gets there.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// A Debian package and why we want it.
pub struct Package {
    name: &'static str,
    why: &'static str,
}

const fn package(name: &'static str, why: &'static str) -> Package {
    Package { name, why }
}

/// To build and to test.
pub const BUILD: &[Package] = &[
    package("gcc", "compiles the libbpf that libbpf-rs carries"),
    package("binutils", "links"),
    package("make", "builds that libbpf"),
    package("libc6-dev", "the C library's headers for it"),
    package("linux-libc-dev", "the kernel's headers for it"),
    package("pkg-config", "how its build finds libelf and zlib"),
    package("libelf-dev", "libbpf reads BPF objects with it"),
    package("zlib1g-dev", "libelf's compressed sections; LLVM too"),
    package("llvm-19-dev", "the BPF back end"),
    package("libpolly-19-dev", "part of LLVM's static libraries in Debian's build"),
    package("libzstd-dev", "LLVM's compressed sections"),
    package("libxml2-dev", "named by LLVM's list of system libraries"),
    package("libz3-dev", "likewise"),
    package("libffi-dev", "likewise"),
    package("bpftool", "the tests hold what they read of kernel types against it"),
    package("libclang1-19", "reads the headers that scripts include"),
    package("clang-19", "compiles the functions of C that scripts import, and the bench's floor"),
    package("libbpf-dev", "the headers for them"),
    package("g++", "brings the libstdc++ that LLVM is linked with"),
    package("xz-utils", "packs names of functions into programs, as distributions do, for the cases; unpacks older kernels"),
    package("python3", "an interpreter whose stacks the bench looks at"),
    package("php-cli", "a program with marks for tracers (USDT) that the cases trace"),
    package("php-fpm", "the same with workers that come and go"),
    package("libfcgi-bin", "asks them"),
    package("ruby", "a library with such marks, several places each"),
    package("ruby-webrick", "a web server in it"),
    package("apache2-utils", "asks that one, many times at once"),
];

/// To boot other kernels.
pub const VM: &[Package] = &[
    package("qemu-system-x86", "the virtual machine"),
    package("busybox-static", "the machine's first programs"),
    package("cpio", "packs its first file system"),
    package("e2fsprogs", "makes its disk"),
    package("zstd", "unpacks kernels"),
    package("lz4", "and others"),
];

/// Installs the packages that are missing, the Rust components, and mounts tracefs.
pub fn setup(packages: &[Package]) -> Result<()> {
    apt(packages)?;
    components()?;
    tracefs()
}

/// Installs Debian packages; elsewhere says which ones are wanted.
pub fn apt(packages: &[Package]) -> Result<()> {
    if !shell::exists("dpkg-query") || !shell::exists("apt-get") {
        return elsewhere(packages);
    }
    let installed = installed(packages)?;
    let missing: Vec<&Package> = packages.iter().filter(|package| !installed.iter().any(|name| name == package.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("rbtrace needs these packages:");
    for package in &missing {
        eprintln!("  {:<16} {}", package.name, package.why);
    }
    if !shell::is_root() && !shell::exists("sudo") {
        let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
        bail!("neither root nor sudo: install them with `apt-get install {}`", names.join(" "));
    }
    // The lists of a fresh image are empty or old; a first failure only says so.
    if install(&missing).is_err() {
        shell::call(as_root_quietly("apt-get").arg("update"))?;
        install(&missing).context("LLVM 19 is in Debian 12 and 13 and Ubuntu 24.04; older releases need apt.llvm.org")?;
    }
    Ok(())
}

/// Names of those packages that dpkg has in place.
fn installed(packages: &[Package]) -> Result<Vec<String>> {
    let format = "--showformat=${Package} ${db:Status-Status}\n";
    let mut query = Command::new("dpkg-query");
    query.args(["--show", format]).args(packages.iter().map(|package| package.name));
    // It fails when one of them is unknown and still prints the others.
    let printed = query.output().context("starting dpkg-query")?.stdout;
    let printed = String::from_utf8_lossy(&printed);
    Ok(printed.lines().filter_map(|line| line.strip_suffix(" installed")).map(str::to_string).collect())
}

fn install(missing: &[&Package]) -> Result<()> {
    let mut command = as_root_quietly("apt-get");
    command.args(["install", "--yes", "--no-install-recommends"]).args(missing.iter().map(|package| package.name));
    shell::call(&mut command)
}

/// No questions from package scripts: nobody may be there to answer.
fn as_root_quietly(program: &str) -> Command {
    let mut command = shell::as_root("env");
    command.args(["DEBIAN_FRONTEND=noninteractive", program]);
    command
}

/// On systems without apt we do not guess package names; whoever has LLVM 19 in place can say so.
fn elsewhere(packages: &[Package]) -> Result<()> {
    let prefix = std::env::var_os("LLVM_SYS_191_PREFIX").unwrap_or_else(|| "/usr/lib/llvm-19".into());
    if Path::new(&prefix).join("bin/llvm-config").exists() {
        return Ok(());
    }
    eprintln!("This is not a Debian-like system. Install what these Debian packages hold:");
    for package in packages {
        eprintln!("  {:<16} {}", package.name, package.why);
    }
    bail!("no LLVM 19 in {}: install it and set LLVM_SYS_191_PREFIX to its prefix", prefix.display())
}

/// rust-toolchain.toml names them, but rustup reads it only where it is in charge.
fn components() -> Result<()> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if shell::succeeds(shell::cargo().args([subcommand, "--version"])) {
            continue;
        }
        if !shell::exists("rustup") {
            bail!("`cargo {subcommand}` is missing and there is no rustup: install your distribution's {component}");
        }
        shell::call(Command::new("rustup").current_dir(shell::root()).args(["component", "add", component]))?;
    }
    Ok(())
}

/// Tracepoints are read from tracefs; containers and minimal systems do not mount it.
pub fn tracefs() -> Result<()> {
    let places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
    // As a user we cannot look inside, so the mount table answers.
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mounted = mounts.lines().filter_map(|line| line.split(' ').nth(2)).any(|kind| kind == "tracefs");
    if mounted || places.iter().any(|place| Path::new(place).join("events").is_dir()) {
        return Ok(());
    }
    let mut mount = shell::as_root("mount");
    if let Err(error) = shell::call(mount.args(["-t", "tracefs", "tracefs", places[0]])) {
        eprintln!("warning: {error:#}; tracepoints will not be found");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_named_once() {
        let mut names: Vec<&str> = BUILD.iter().chain(VM).map(|package| package.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn the_virtual_and_the_unknown_are_not_installed() {
        if !shell::exists("dpkg-query") {
            return;
        }
        let asked = [package("dpkg", ""), package("no-such-package-at-all", "")];
        assert_eq!(installed(&asked).expect("dpkg-query starts"), ["dpkg"]);
    }
}
