//! Targets of USDT probes: `binary:[provider:]name` → the marks they mean. Asks `Facts` about binaries.

use rbtrace_diag::{Diagnostic, Sink};
use rbtrace_types::Facts;
use rbtrace_types::binary::Marker;

use super::ROW;
use crate::probes::parts;
use crate::probes::user_code::absent_from;
use crate::row::{Absent, Target, TargetPart};

/// A target's parts; those that are left out mean all.
struct Wanted<'a> {
    binary: Option<&'a TargetPart>,
    provider: Option<&'a TargetPart>,
    name: &'a TargetPart,
}

impl Wanted<'_> {
    fn is_meant(&self, marker: &Marker) -> bool {
        self.provider.is_none_or(|provider| parts::matches(provider, &marker.provider)) && parts::matches(self.name, &marker.name)
    }

    /// Binaries without the mark are no mistake where many are meant.
    fn is_search(&self) -> bool {
        self.binary.is_none_or(|binary| !binary.quoted && binary.text.contains(['*', '?', '[']))
    }
}

fn read<'a>(target: &'a Target) -> Option<Wanted<'a>> {
    let (binary, provider, name) = match target.parts {
        [name] if target.pid.is_some() => (None, None, name),
        [binary, name] => (Some(binary), None, name),
        [binary, provider, name] => (Some(binary), Some(provider), name),
        _ => return None,
    };
    let given = |part: &&TargetPart| !part.text.is_empty();
    Some(Wanted { binary: binary.filter(given), provider: provider.filter(given), name })
}

/// See [`crate::row::ProbeType::expand`].
pub(super) fn expand(facts: &dyn Facts, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    let Some(wanted) = read(target) else {
        let refusal = parts::wrong_count(ROW.name, target, &[2, 3]);
        sink.push(refusal.hint("`usdt:/usr/bin/python3:function__entry`; with `-p` the binary may be left out"));
        return Vec::new();
    };
    if wanted.binary.is_none() && target.pid.is_none() {
        let refusal = Diagnostic::error(target.span, "usdt probe must specify at least path or pid to probe");
        sink.push(refusal.because("the binary is left out").hint("`usdt:*:NAME` means all that processes have mapped"));
        return Vec::new();
    }
    if parts::check_given(ROW.name, "the name of a mark", wanted.name, sink).is_err() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for binary in binaries(facts, &wanted, target, sink) {
        let markers = match facts.markers(&binary) {
            Ok(markers) => markers,
            Err(_) if wanted.is_search() => continue,
            Err(why) => {
                no_binary(&binary, wanted.binary, target, &why, sink);
                continue;
            }
        };
        let place = |marker: &Marker| vec![binary.clone(), marker.provider.clone(), marker.name.clone()];
        found.extend(markers.iter().filter(|marker| wanted.is_meant(marker)).map(place));
        // All places of a mark are one.
        found.dedup();
    }
    found
}

fn binaries(facts: &dyn Facts, wanted: &Wanted, target: &Target, sink: &mut Sink) -> Vec<String> {
    let text = wanted.binary.map_or("*", |part| part.text.as_str());
    let mut found = facts.binaries(text);
    if wanted.is_search() {
        return found;
    }
    if found.is_empty() {
        no_binary(text, wanted.binary, target, &facts.why_no_binary(text), sink);
    }
    found.truncate(1);
    found
}

fn no_binary(binary: &str, part: Option<&TargetPart>, target: &Target, why: &str, sink: &mut Sink) {
    let span = part.map_or(target.span, |part| part.span);
    let message = format!("{} target file '{binary}' does not exist or is not executable", ROW.name);
    sink.push(Diagnostic::error(span, message).because(why.to_owned()));
}

/// Which file was looked into, and what it has.
pub(super) fn absent(facts: &dyn Facts, target: &Target) -> Option<Absent> {
    let part = read(target)?.binary?;
    absent_from(facts, part, |binary| {
        if facts.markers(binary)?.is_empty() {
            return Ok(Absent { why: format!("{binary} has no marks for tracers (USDT)"), hint: None });
        }
        let shown = || format!("`rbtrace -l 'usdt:{}:*'` shows them", part.text);
        let hint = nearest(facts, target).is_none().then(shown);
        Ok(Absent { why: format!("none of the marks of {binary} has this name"), hint })
    })
}

/// The nearest mark of the binary.
pub(super) fn nearest(facts: &dyn Facts, target: &Target) -> Option<String> {
    let wanted = read(target)?;
    if wanted.is_search() || parts::is_pattern(wanted.name) {
        return None;
    }
    let binary = facts.binaries(&wanted.binary?.text).into_iter().next()?;
    let all = facts.markers(&binary).ok()?;
    // The right name of another provider.
    if let Some(marker) = all.iter().find(|marker| marker.name == wanted.name.text) {
        return Some(format!("{}:{}", marker.provider, marker.name));
    }
    rbtrace_diag::nearest(&wanted.name.text, all.iter().map(|marker| marker.name.as_str())).map(str::to_owned)
}
