//! Known holes in dependencies: Cargo.lock against a checkout of the RustSec advisory database on this machine. Needs no network, and carries
//! no copy of the database: where there is no checkout, the check is skipped, and counted.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use semver::{Version, VersionReq};

use crate::{licences, shell};

/// Names a checkout of the database; else those of `cargo audit` and `cargo deny` are looked for.
const PLACE: &str = "RBTRACE_ADVISORY_DB";

/// Fails when a dependency has a known hole. `false`: there is nothing here to check against.
pub fn check() -> Result<bool> {
    let Some(database) = database() else {
        eprintln!("advisories: NOT CHECKED: no advisory database on this machine (set {PLACE}, or let `cargo deny fetch` get one)");
        return Ok(false);
    };
    let config = std::fs::read_to_string(shell::root().join(".cargo/deny.toml")).context("reading .cargo/deny.toml")?;
    let ignored = licences::list(&config, "ignore");
    let advisories = read(&database)?;
    let mut wrong = Vec::new();
    for package in licences::packages()? {
        let (Some(name), Some(version)) = (package["name"].as_str(), package["version"].as_str()) else { continue };
        let version = Version::parse(version).with_context(|| format!("the version of {name}"))?;
        let hit = advisories.iter().filter(|advisory| advisory.concerns(name, &version));
        wrong.extend(hit.filter(|hit| !ignored.contains(&hit.id)).map(|hit| format!("{name} {version}: {} {}", hit.id, hit.title)));
    }
    if !wrong.is_empty() {
        bail!("dependencies with known advisories:\n  {}", wrong.join("\n  "));
    }
    eprintln!("advisories: none of {} concerns us", advisories.len());
    Ok(true)
}

/// A directory with one directory per crate below `crates`.
fn database() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let named = std::env::var_os(PLACE).map(PathBuf::from);
    let audit = home.as_ref().map(|home| home.join("advisory-db"));
    let deny = home.and_then(|home| entries(&home.join("advisory-dbs")).ok()).unwrap_or_default();
    named.into_iter().chain(audit).chain(deny).find(|directory| directory.join("crates").is_dir())
}

fn read(database: &Path) -> Result<Vec<Advisory>> {
    let mut advisories = Vec::new();
    for directory in entries(&database.join("crates"))? {
        for file in entries(&directory)? {
            let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            advisories.extend(Advisory::from_database(&text));
        }
    }
    Ok(advisories)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let read = std::fs::read_dir(directory).with_context(|| format!("listing {}", directory.display()))?;
    Ok(read.collect::<std::io::Result<Vec<_>>>()?.iter().map(std::fs::DirEntry::path).collect())
}

struct Advisory {
    id: String,
    package: String,
    /// Patched and unaffected versions.
    fine: Vec<VersionReq>,
    title: String,
}

impl Advisory {
    /// An advisory of the database: TOML between fences, then text whose heading is the title. `None` where it was withdrawn,
    /// or only informs.
    fn from_database(text: &str) -> Option<Advisory> {
        let (front, body) = text.strip_prefix("```toml\n")?.split_once("\n```")?;
        let value = |key: &str| front.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix("= \"")?.strip_suffix('"'));
        if value("withdrawn").is_some() || value("informational").is_some_and(|kind| kind != "unsound") {
            return None;
        }
        let fine = [licences::list(front, "patched"), licences::list(front, "unaffected")].concat();
        let title = body.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
        Some(Advisory {
            id: value("id")?.to_string(),
            package: value("package")?.to_string(),
            fine: fine.iter().filter_map(|text| VersionReq::parse(text).ok()).collect(),
            title: title.to_string(),
        })
    }

    fn concerns(&self, package: &str, version: &Version) -> bool {
        self.package == package && !self.fine.iter().any(|fine| fine.matches(version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2099-0001\"\npackage = \"ring\"\n\n[versions]\n\
                         patched = [\">= 1.6.1\", \">= 0.6.14, < 1.0.0\"]\nunaffected = [\"< 0.6.3\"]\n```\n\n# It breaks\n\nText.\n";

    #[test]
    fn an_entry_knows_its_versions() {
        let advisory = Advisory::from_database(ENTRY).expect("an entry");
        assert_eq!((advisory.id.as_str(), advisory.title.as_str()), ("RUSTSEC-2099-0001", "It breaks"));
        let concerns = |version: &str| advisory.concerns("ring", &Version::parse(version).expect("a version"));
        assert!(concerns("1.6.0") && concerns("0.6.3"));
        assert!(!concerns("1.7.2") && !concerns("0.6.20") && !concerns("0.6.2"));
    }

    #[test]
    fn withdrawn_ones_are_left_out() {
        let text = ENTRY.replace("package =", "withdrawn = \"2099-02-02\"\npackage =");
        assert!(Advisory::from_database(&text).is_none());
    }
}
