//! `no_warnings`: which warnings are held back.

use rbtrace_diag::HeldBack;

use super::parse;
use crate::row::ConfigKey;
use crate::warnings;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "no_warnings",
    aliases: &[],
    opposites: &[],
    manual: "Which warnings are not shown, before a script runs and while it runs: `true` means all, a text the codes of those that are meant, with \
commas: `no_warnings = \"map-full,missing-key\"`. The option `--no-warnings` holds back more.",
    default: "false",
    parse,
};

fn parse(text: &str) -> Result<String, String> {
    parse::boolean(text).or_else(|_| match warnings::held_back(text) {
        Ok(HeldBack::Codes(codes)) => Ok(codes.join(",")),
        Ok(HeldBack::Nothing | HeldBack::All) => Err("true, false, codes of warnings".to_owned()),
        Err(unknown) => Err(format!("true, false, codes of warnings; {}", warnings::unknown_code(unknown).1)),
    })
}

/// What the value means.
pub fn held_back(value: &str) -> HeldBack {
    match value {
        "true" => HeldBack::All,
        "false" => HeldBack::Nothing,
        codes => warnings::held_back(codes).unwrap_or_default(),
    }
}
