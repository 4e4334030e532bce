//! The licences and the sources of all dependencies, held against .cargo/deny.toml. Needs no network.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell;

/// Fails when a dependency brings a licence that is not allowed, or comes from elsewhere than crates.io.
pub fn check() -> Result<()> {
    let config = config()?;
    let allowed = list(&config, "allow");
    let packages = packages()?;
    let mut wrong = Vec::new();
    for package in &packages {
        let name = format!("{} {}", package["name"].as_str().unwrap_or("?"), package["version"].as_str().unwrap_or("?"));
        match package["license"].as_str() {
            Some(expression) if satisfied(expression, &allowed) => {}
            Some(expression) => wrong.push(format!("{name}: `{expression}` is not allowed")),
            None => wrong.push(format!("{name}: no licence is declared")),
        }
        let source = package["source"].as_str();
        if source.is_some_and(|source| source != "registry+https://github.com/rust-lang/crates.io-index") {
            wrong.push(format!("{name}: comes from {}", source.unwrap_or_default()));
        }
    }
    if !wrong.is_empty() {
        bail!("dependencies against .cargo/deny.toml:\n  {}", wrong.join("\n  "));
    }
    eprintln!("licences: {} packages in order", packages.len());
    Ok(())
}

fn config() -> Result<String> {
    std::fs::read_to_string(shell::root().join(".cargo/deny.toml")).context("reading .cargo/deny.toml")
}

/// All packages of the dependency tree, for the platforms that the file names: what others would bring along never gets into a binary.
pub fn packages() -> Result<Vec<Value>> {
    let platforms = list(&config()?, "targets").into_iter().map(|target| format!("--filter-platform={target}"));
    let text = shell::output(shell::cargo().args(["metadata", "--format-version=1", "--locked"]).args(platforms))?;
    let mut metadata: Value = serde_json::from_str(&text).context("reading `cargo metadata`")?;
    let Value::Array(packages) = metadata["packages"].take() else { bail!("`cargo metadata` lists no packages") };
    Ok(packages)
}

/// The strings of `key = [ … ]`. Enough TOML for our own file; strings hold no brackets.
pub fn list(config: &str, key: &str) -> Vec<String> {
    let opening = format!("\n{key} = [");
    let Some((_, rest)) = config.split_once(&opening) else { return Vec::new() };
    let inside = rest.split(']').next().unwrap_or_default();
    inside.split('"').skip(1).step_by(2).map(str::to_string).collect()
}

/// Whether an SPDX expression can be met with the allowed licences. `OR` binds weaker than `AND`; an old `/` means `OR`.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    any(&mut rest, allowed) && rest.is_empty()
}

fn any(tokens: &mut &[&str], allowed: &[String]) -> bool {
    let mut met = all(tokens, allowed);
    while let ["OR", rest @ ..] = tokens {
        *tokens = rest;
        met |= all(tokens, allowed);
    }
    met
}

fn all(tokens: &mut &[&str], allowed: &[String]) -> bool {
    let mut met = one(tokens, allowed);
    while let ["AND", rest @ ..] = tokens {
        *tokens = rest;
        met &= one(tokens, allowed);
    }
    met
}

fn one(tokens: &mut &[&str], allowed: &[String]) -> bool {
    match *tokens {
        ["(", rest @ ..] => {
            *tokens = rest;
            let met = any(tokens, allowed);
            *tokens = tokens.strip_prefix(&[")"]).unwrap_or(tokens);
            met
        }
        [licence, "WITH", exception, rest @ ..] => {
            *tokens = rest;
            let both = format!("{licence} WITH {exception}");
            allowed.iter().any(|name| name == &both)
        }
        [licence, rest @ ..] => {
            *tokens = rest;
            allowed.iter().any(|name| name == licence)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let allowed = list("[licenses]\nallow = [\n  \"MIT\", \"ISC\",\n  \"Apache-2.0 WITH LLVM-exception\" ]\n", "allow");
        let table = [
            ("MIT", true),
            ("GPL-2.0", false),
            ("GPL-2.0 OR MIT", true),
            ("MIT/Apache-2.0", true),
            ("MIT AND GPL-2.0", false),
            ("(MIT OR GPL-2.0) AND ISC", true),
            ("GPL-2.0 OR MIT AND BSL-1.0", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
            ("MIT )", false),
            ("", false),
        ];
        for (expression, met) in table {
            assert_eq!(satisfied(expression, &allowed), met, "{expression}");
        }
    }
}
