//! The text of a target → what it asks for: a binary, and functions or an address in it. Knows no binary.

use rbtrace_diag::{Diagnostic, Sink};
use rbtrace_types::Facts;
use rbtrace_types::binary::Naming;
use rbtrace_types::debug_info::SourceLine;

use super::{Kind, line};
use crate::probes::{parts, wildcard};
use crate::row::{Target, TargetPart};

/// What stands between binary and function for names of the source, and in the names of such places.
pub(super) const CPP: &str = "cpp";
/// The same, for those who write Rust.
const RUST: &str = "rust";

/// A target that makes sense.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// The binary's part; none: whatever the process has mapped.
    pub binary: Option<TargetPart>,
    /// How functions are named.
    pub naming: Naming,
    /// What in it.
    pub code: Code<'a>,
}

/// Something in a binary.
#[derive(Debug)]
pub(super) enum Code<'a> {
    /// All functions whose names match.
    Pattern(&'a str),
    /// The functions of a name, or one instruction of them.
    Function { name: &'a str, offset: u64, is_quoted: bool },
    /// An instruction.
    Address(u64),
    /// All places of a source line.
    Line(SourceLine),
}

/// Reads a target; says what is wrong with it.
pub(super) fn read<'a>(facts: &dyn Facts, kind: Kind, target: &'a Target, sink: &mut Sink) -> Option<Wanted<'a>> {
    if let Some((binary, file)) = line::split(facts, target) {
        let line = line::read(kind, target, file, sink)?;
        return Some(Wanted { binary: Some(binary), naming: Naming::Symbol, code: Code::Line(line) });
    }
    let (binary, language, function) = match target.parts {
        [function] if target.pid.is_some() => (None, None, function),
        [binary, function] => (Some(binary), None, function),
        [binary, language, function] => (Some(binary), Some(language), function),
        _ => {
            let refusal = parts::wrong_count(kind.name, target, &[2, 3]);
            sink.push(refusal.hint(format!("`{}:/bin/bash:readline`; with `-p` the binary may be left out", kind.name)));
            return None;
        }
    };
    let naming = match language.map(|part| part.text.as_str()) {
        None => Naming::Symbol,
        Some(CPP | RUST) => Naming::Demangled,
        Some(other) => {
            let refusal = Diagnostic::error(target.span, format!("unsupported language type: {other}"));
            sink.push(refusal.because("it names how functions are written").hint(format!("`{CPP}` and `{RUST}` are known")));
            return None;
        }
    };
    Some(Wanted { binary: binary.cloned(), naming, code: code(kind, naming, function, sink)? })
}

fn code<'a>(kind: Kind, naming: Naming, part: &'a TargetPart, sink: &mut Sink) -> Option<Code<'a>> {
    let text = part.text.as_str();
    if text.is_empty() {
        let refusal = Diagnostic::error(part.span, format!("{} should be attached to a function and/or address", kind.name));
        sink.push(refusal.because("there is none"));
        return None;
    }
    // Names of the source need quotes for what else is in them; a star in them is a wildcard all the same.
    if parts::is_pattern(part) || naming == Naming::Demangled && wildcard::is_pattern(text) {
        return Some(Code::Pattern(text));
    }
    if let Some(address) = parts::number(text).filter(|_| !part.quoted) {
        return Some(Code::Address(address));
    }
    let (name, offset) = match text.rsplit_once('+') {
        // `operator+` and its like.
        Some((_, rest)) if part.quoted && parts::number(rest).is_none() => (text, 0),
        Some((name, rest)) => match parts::number(rest) {
            Some(offset) => (name, offset),
            None => {
                let refusal = Diagnostic::error(part.span, format!("Invalid offset: {}: {rest}", parts::flaw(rest)));
                sink.push(refusal.because("it is no number").hint("a name that holds `+` stands in quotes"));
                return None;
            }
        },
        None => (text, 0),
    };
    if kind.returns && text.contains('+') && name != text {
        let refusal = Diagnostic::error(part.span, "Offset not allowed");
        sink.push(refusal.because("a function returns as a whole").hint("`uprobe` takes offsets"));
        return None;
    }
    Some(Code::Function { name, offset, is_quoted: part.quoted })
}

/// The parts that name a place.
pub(super) fn parts_of(binary: &str, naming: Naming, name: &str, offset: u64) -> Vec<String> {
    let suffix = if offset == 0 { String::new() } else { format!("+{offset}") };
    match naming {
        Naming::Symbol => vec![binary.to_owned(), format!("{name}{suffix}")],
        Naming::Demangled => vec![binary.to_owned(), CPP.to_owned(), format!("\"{name}\"{suffix}")],
    }
}

/// The inverse of [`parts_of`]: what the parts of a place name in its binary.
pub(super) fn code_of(parts: &[String]) -> (Naming, Code<'_>) {
    let text = parts.last().map_or("", String::as_str);
    let whole = |name| Code::Function { name, offset: 0, is_quoted: false };
    if parts.len() == 3 {
        let (name, rest) = text.strip_prefix('"').and_then(|text| text.rsplit_once('"')).unwrap_or((text, ""));
        let offset = rest.strip_prefix('+').and_then(parts::number).unwrap_or(0);
        return (Naming::Demangled, Code::Function { name, offset, is_quoted: true });
    }
    let code = match (parts::number(text), text.rsplit_once('+')) {
        (Some(address), _) => Code::Address(address),
        (None, Some((name, rest))) => parts::number(rest).map_or(whole(text), |offset| Code::Function { name, offset, is_quoted: false }),
        (None, None) => whole(text),
    };
    (Naming::Symbol, code)
}
