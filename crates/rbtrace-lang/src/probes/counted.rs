//! Perf events that count something and fire every n times: `event[:n]`. Knows no event.

use rbtrace_diag::{Diagnostic, Sink, nearest};
use rbtrace_ir as ir;
use rbtrace_ir::{AttachPlan, CpuSet, Sample};

use super::{parts, wildcard};
use crate::compile::Place;
use crate::row::{Listed, Planned, Target};

/// One event.
pub(super) struct Event {
    pub name: &'static str,
    pub alias: Option<&'static str>,
    /// `perf_event_attr.config`
    pub config: u64,
    /// How many it takes to fire if the script does not say.
    pub every: u64,
}

/// A kind of events.
pub(super) struct Events {
    /// The probe type.
    pub name: &'static str,
    /// `perf_event_attr.type`
    pub kind: u32,
    pub events: &'static [Event],
}

impl Events {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.events.iter().flat_map(|event| std::iter::once(event.name).chain(event.alias))
    }

    fn event(&self, name: &str) -> Option<&'static Event> {
        self.events.iter().find(|event| event.name == name || event.alias == Some(name))
    }
}

/// The one place of a target: the event as written and, if given, the count.
pub(super) fn expand(events: &Events, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    if parts::check_count(events.name, target, &[1, 2], sink).is_err() {
        return vec![];
    }
    let event = &target.parts[0];
    if parts::check_given(events.name, "the name of an event", event, sink).is_err() {
        return vec![];
    }
    if !event.quoted && wildcard::is_pattern(&event.text) {
        let refusal = Diagnostic::error(event.span, format!("wildcards are not allowed for {} probe type", events.name));
        sink.push(refusal.because("it counts one event").hint(format!("`-l '{}:*'` lists the events", events.name)));
        return vec![];
    }
    if events.event(&event.text).is_none() {
        let mut refusal = Diagnostic::error(event.span, format!("{} is not a {} probe", event.text, events.name)).because("no such event");
        if let Some(name) = nearest(&event.text, events.names()) {
            refusal = refusal.hint(format!("did you mean `{name}`?"));
        }
        sink.push(refusal);
        return vec![];
    }
    let mut place = vec![event.text.clone()];
    // `event:` is how events are listed, so it can be attached to: the default count.
    if let Some(count) = target.parts.get(1).filter(|count| !count.text.is_empty()) {
        let Some(number) = parts::number(&count.text) else {
            let message = format!("Invalid count for {} probe: {}: {}", events.name, parts::flaw(&count.text), count.text);
            sink.push(Diagnostic::error(count.span, message).because("expected a positive integer"));
            return vec![];
        };
        place.push(number.to_string());
    }
    vec![place]
}

/// Events and aliases, as attachable text.
pub(super) fn list(events: &Events, pattern: &[&str]) -> Vec<Listed> {
    let is_meant = |name: &&str| parts::is_listed(pattern.first(), name) && parts::is_listed(pattern.get(1), "");
    let mut names: Vec<String> = events.names().filter(is_meant).map(|name| format!("{}:{name}:", events.name)).collect();
    names.sort();
    names.into_iter().map(|name| Listed { name, details: vec![] }).collect()
}

/// A counter on every CPU.
pub(super) fn plan(events: &Events, place: &Place, pid: Option<u32>) -> Result<Planned, Diagnostic> {
    let event = events.event(&place.parts[0]).expect("expand only lets known events through");
    let given: Option<u64> = place.parts.get(1).map(|count| count.parse().expect("expand writes a number"));
    // A count of 0 means the default, as upstream has it.
    let period = given.filter(|&count| count > 0).unwrap_or(event.every);
    let plan = AttachPlan::PerfEvent { kind: events.kind, config: event.config, sample: Sample::Period(period), cpus: CpuSet::All, pid };
    Ok(Planned { program_type: ir::ProgramType::PerfEvent, role: ir::Role::Traced, plan: Some(plan), reverse: false })
}
