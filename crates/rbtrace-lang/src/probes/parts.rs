//! The parts of a target: how many a probe type takes, which of them are patterns. Knows no probe type.

use rbtrace_diag::{Diagnostic, Reported, Sink};

use super::wildcard;
use crate::row::{Target, TargetPart};

/// Checks the number of parts; `accepted` words it as upstream does: `2`, `1 or 2`.
pub(super) fn check_count(name: &str, target: &Target, accepted: &[usize], sink: &mut Sink) -> Result<(), Reported> {
    if accepted.contains(&target.parts.len()) {
        return Ok(());
    }
    Err(sink.push(wrong_count(name, target, accepted)))
}

/// What is said of a wrong number of parts.
pub(super) fn wrong_count(name: &str, target: &Target, accepted: &[usize]) -> Diagnostic {
    let wanted = accepted.iter().map(usize::to_string).collect::<Vec<_>>().join(" or ");
    let noun = if accepted == [1] { "argument" } else { "arguments" };
    let message = format!("{name} probe type requires {wanted} {noun}, found {}", target.parts.len());
    Diagnostic::error(target.span, message).because("arguments are what stands between colons")
}

/// Checks that something stands in a part: a name of `what`.
pub(super) fn check_given(name: &str, what: &str, part: &TargetPart, sink: &mut Sink) -> Result<(), Reported> {
    if !part.text.is_empty() {
        return Ok(());
    }
    let refusal = Diagnostic::error(part.span, format!("{name} probe must have {what}")).because("nothing is named");
    Err(sink.push(refusal.hint(format!("`-l '{name}:*'` lists what can be named"))))
}

/// A number, spelled as in a script; without a unit.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_hex = text.starts_with("0x") || text.starts_with("0X");
    let number = rbtrace_syntax::integer(text).filter(|_| is_hex || text.ends_with(|last: char| last.is_ascii_digit()));
    u64::try_from(number?).ok()
}

/// Why a text is no such number.
pub(super) fn flaw(text: &str) -> &'static str {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match digits {
        0 => "invalid integer",
        _ if digits == text.len() && !text.starts_with('0') => "overflow error, maximum value is 18446744073709551615",
        _ => "invalid trailing bytes",
    }
}

/// Whether a part has a wildcard that is not quoted.
pub(super) fn is_pattern(part: &TargetPart) -> bool {
    !part.quoted && wildcard::is_pattern(&part.text)
}

/// Whether a name is meant by a part.
pub(super) fn matches(part: &TargetPart, name: &str) -> bool {
    if part.quoted { part.text == name } else { wildcard::matches(&part.text, name) }
}

/// Whether a name is meant by the part of a listing pattern; a part that is missing or empty means all.
pub(super) fn is_listed(pattern: Option<&&str>, name: &str) -> bool {
    pattern.is_none_or(|pattern| pattern.is_empty() || wildcard::matches(pattern, name))
}
