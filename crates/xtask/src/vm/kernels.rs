//! The kernels that the cases are run on: where Debian has each, and how its package gets into the cache.
//!
//! Packages are named, never versions: old ones leave the mirror. Knows apt; the machine's own package state is not touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// A kernel by the name people use for it.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Major and minor version, which the release has to start with.
    pub name: &'static str,
    /// The Debian suites that have it, the first one with a mirror is taken.
    suites: &'static [&'static str],
}

/// From the oldest one that has what rbtrace needs to the newest.
pub const KERNELS: [Kernel; 4] = [
    Kernel { name: "5.10", suites: &["bullseye-security", "bullseye"] },
    Kernel { name: "6.1", suites: &["bookworm"] },
    Kernel { name: "6.12", suites: &["trixie"] },
    Kernel { name: "7.2", suites: &["sid"] },
];

/// An unpacked kernel.
#[derive(Debug)]
pub struct Unpacked {
    /// `6.12.107+deb13-amd64`
    pub release: String,
    /// The packages' files.
    pub root: PathBuf,
    /// Its `modules/RELEASE`.
    pub modules: PathBuf,
    /// What is made from it is kept here.
    pub cache: PathBuf,
}

/// The kernel from the cache, or from the mirror.
pub fn get(kernel: Kernel) -> Result<Unpacked> {
    let cache = cache_directory()?.join(kernel.name);
    let root = cache.join("root");
    if unpacked(&cache, &root).is_none() {
        fetch(kernel, &cache, &root).with_context(|| format!("fetching Linux {}", kernel.name))?;
    }
    let kernel_is = unpacked(&cache, &root).with_context(|| format!("no kernel was found in the packages of Linux {}", kernel.name))?;
    if !kernel_is.release.starts_with(&format!("{}.", kernel.name)) {
        eprintln!("warning: Debian's {} has gone on from {} to {}", kernel.suites[0], kernel.name, kernel_is.release);
    }
    Ok(kernel_is)
}

/// Outlives `cargo clean`: a kernel is a hundred megabytes.
fn cache_directory() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    Ok(cache.context("neither XDG_CACHE_HOME nor HOME is set")?.join("rbtrace/kernels"))
}

/// Up to 6.18 the modules are in `lib` or `usr/lib`; from then on everything is below `usr/lib/modules`.
fn unpacked(cache: &Path, root: &Path) -> Option<Unpacked> {
    let of = |directory: &str| fs::read_dir(root.join(directory)).ok()?.flatten().map(|entry| entry.path()).find(|path| path.is_dir());
    let modules = of("usr/lib/modules").or_else(|| of("lib/modules"))?;
    let release = modules.file_name()?.to_str()?.to_string();
    Some(Unpacked { release, root: root.to_path_buf(), modules, cache: cache.to_path_buf() })
}

fn fetch(kernel: Kernel, cache: &Path, root: &Path) -> Result<()> {
    let mut failures = Vec::new();
    for suite in kernel.suites {
        match download(suite, cache) {
            Ok(packages) => {
                // A half unpacked tree must not be taken for a whole one.
                let fresh = cache.join("unpacking");
                let _ = fs::remove_dir_all(&fresh);
                fs::create_dir_all(&fresh)?;
                for package in packages {
                    shell::call(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&fresh))?;
                }
                return fs::rename(&fresh, root).context("keeping the unpacked kernel");
            }
            Err(error) => failures.push(format!("{suite}: {error:#}")),
        }
    }
    bail!("{}", failures.join("; "))
}

/// Downloads what the suite's `linux-image-amd64` leads to; from 6.19 on that is four packages.
fn download(suite: &str, cache: &Path) -> Result<Vec<PathBuf>> {
    let apt = Apt::new(suite, &cache.join("apt").join(suite))?;
    shell::call(apt.command("apt-get").args(["--quiet=2", "update"]))?;
    let mut depends = apt.command("apt-cache");
    depends.args(["depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces"]);
    let text = shell::output(depends.args(["--no-enhances", "linux-image-amd64"]))?;
    let is_kernel = |name: &&str| {
        let rest = ["linux-image-", "linux-binary-", "linux-modules-", "linux-base-"].iter().find_map(|start| name.strip_prefix(start));
        rest.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()))
    };
    let mut names: Vec<&str> = text.lines().filter(|line| !line.starts_with([' ', '<', '|'])).filter(is_kernel).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        bail!("the mirror has no `linux-image-amd64`");
    }
    let packages = cache.join("packages");
    let _ = fs::remove_dir_all(&packages);
    fs::create_dir_all(&packages)?;
    shell::call(apt.command("apt-get").current_dir(&packages).args(["--quiet=2", "download"]).args(&names))?;
    Ok(fs::read_dir(&packages)?.flatten().map(|entry| entry.path()).collect())
}

/// An apt with a state of its own: another suite's lists must not meet the machine's.
struct Apt {
    configuration: PathBuf,
}

impl Apt {
    fn new(suite: &str, state: &Path) -> Result<Self> {
        for directory in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(state.join(directory))?;
        }
        let (uri, key) = mirror(suite)?;
        let sources = state.join("sources.list");
        fs::write(&sources, format!("deb [signed-by={key} arch=amd64] {uri} {suite} main\n"))?;
        let state = state.display();
        let text = format!(
            "Dir::State \"{state}\";\nDir::State::lists \"{state}/lists\";\nDir::Cache \"{state}/cache\";\nDir::Cache::pkgcache \"\";\n\
             Dir::Cache::srcpkgcache \"\";\nDir::Etc::SourceList \"{}\";\nDir::Etc::SourceParts \"/dev/null\";\n\
             Dir::Etc::PreferencesParts \"/dev/null\";\nDir::Etc::Preferences \"/dev/null\";\nAcquire::Languages \"none\";\n\
             APT::Sandbox::User \"root\";\n",
            sources.display()
        );
        let configuration = sources.with_file_name("apt.conf");
        fs::write(&configuration, text)?;
        Ok(Self { configuration })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-c").arg(&self.configuration);
        command
    }
}

/// The mirror that the machine's own apt uses, and the keyring that vouches for it. Security updates live elsewhere.
fn mirror(suite: &str) -> Result<(String, String)> {
    let label = if suite.ends_with("-security") { "Label: Debian-Security" } else { "Label: Debian" };
    let target = |format: &str, filters: &[&str]| {
        let text = shell::output(Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]).args(filters));
        text.map(|text| text.lines().next().unwrap_or_default().trim().to_string())
    };
    let uri = target("$(REPO_URI)", &["Component: main", label])?;
    if uri.is_empty() {
        bail!("apt knows no mirror of `{label}`: run `apt-get update` on a Debian machine");
    }
    // apt prints the placeholder itself where it has no value.
    let key = target("$(SIGNED_BY)", &[label])?;
    let key = if key.starts_with('/') { key } else { "/usr/share/keyrings/debian-archive-keyring.gpg".to_string() };
    Ok((uri, key))
}
