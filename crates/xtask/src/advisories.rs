//! Known holes in dependencies: Cargo.lock against .cargo/advisories.txt, a plain copy of what the RustSec database says.
//! Needs no network; `cargo xtask advisories DIR` refreshes the copy from a checkout of that database.

use std::path::Path;

use anyhow::{Context, Result, bail};
use semver::{Version, VersionReq};

use crate::{licences, shell};

const HEADER: &str = "\
# What the RustSec advisory database says (its content is in the public domain), one advisory a line:
#     ID CRATE: versions that are in order; … | title
# Written by `cargo xtask advisories DIR`, DIR being a checkout of https://github.com/RustSec/advisory-db.
# `cargo xtask test` holds every dependency against it; exceptions stand in .cargo/deny.toml.
";

/// Fails when a dependency has a known hole.
pub fn check() -> Result<()> {
    let directory = shell::root().join(".cargo");
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).with_context(|| format!("reading .cargo/{name}"));
    let ignored = licences::list(&read("deny.toml")?, "ignore");
    let advisories = read("advisories.txt")?;
    let advisories = advisories.lines().filter(|line| !line.starts_with('#')).map(Advisory::parse).collect::<Result<Vec<_>>>()?;
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
    Ok(())
}

/// Writes .cargo/advisories.txt from a checkout of the database.
pub fn refresh(args: &[String]) -> Result<()> {
    let [directory] = args else { bail!("usage: cargo xtask advisories DIR") };
    let mut lines = Vec::new();
    for crate_directory in entries(&Path::new(directory).join("crates"))? {
        for file in entries(&crate_directory)? {
            let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            lines.extend(Advisory::from_database(&text).map(|advisory| advisory.line()));
        }
    }
    lines.sort();
    let target = shell::root().join(".cargo/advisories.txt");
    std::fs::write(&target, format!("{HEADER}{}\n", lines.join("\n"))).with_context(|| format!("writing {}", target.display()))?;
    eprintln!("{}: {} advisories", target.display(), lines.len());
    Ok(())
}

fn entries(directory: &Path) -> Result<Vec<std::path::PathBuf>> {
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
    fn parse(line: &str) -> Result<Advisory> {
        let parts = || {
            let (id, rest) = line.split_once(' ')?;
            let (package, rest) = rest.split_once(':')?;
            let (fine, title) = rest.split_once('|')?;
            Some((id, package, fine, title))
        };
        let (id, package, fine, title) = parts().with_context(|| format!("no line of .cargo/advisories.txt: `{line}`"))?;
        let fine = fine.split(';').map(str::trim).filter(|text| !text.is_empty());
        let fine = fine.map(VersionReq::parse).collect::<Result<_, _>>().with_context(|| format!("the versions of {id}"))?;
        Ok(Advisory { id: id.to_string(), package: package.to_string(), fine, title: title.trim().to_string() })
    }

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
            title: title.replace('|', "/"),
        })
    }

    fn line(&self) -> String {
        let fine: Vec<String> = self.fine.iter().map(VersionReq::to_string).collect();
        format!("{} {}: {} | {}", self.id, self.package, fine.join("; "), self.title)
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
    fn an_entry_survives_its_line_and_knows_its_versions() {
        let line = Advisory::from_database(ENTRY).expect("an entry").line();
        assert_eq!(line, "RUSTSEC-2099-0001 ring: >=1.6.1; >=0.6.14, <1.0.0; <0.6.3 | It breaks");
        let advisory = Advisory::parse(&line).expect("our own line");
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
