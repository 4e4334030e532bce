//! Attach points with alternatives: `kprobe:a ?: tracepoint:b` → the places of the first that can be attached here. What exists is asked of the
//! probe types' rows; whether the kernel agrees, of who may try it.

use rbtrace_diag::Sink;
use rbtrace_ir::AttachPlan;
use rbtrace_lang::{Place, warnings};
use rbtrace_syntax::ast::AttachPoint;

use crate::attach_points::{NOTHING, absence, places};
use crate::shared::Shared;

/// An alternative that is not taken.
struct Refused<'p> {
    point: &'p AttachPoint,
    why: String,
    hints: Vec<String>,
}

/// The places of the first that can be attached. If there is none, that is said where `is_said`.
pub(crate) fn choose(point: &AttachPoint, is_said: bool, shared: &Shared, sink: &mut Sink) -> Vec<Place> {
    let mut refused: Vec<Refused> = Vec::new();
    for candidate in std::iter::once(point).chain(&point.alternatives) {
        let mut said = Sink::default();
        let mut found = places(candidate, true, shared, &mut said);
        let Some((why, hints)) = refusal(&found, &said, shared) else {
            sink.absorb(said);
            let why = if refused.is_empty() { "it is the first, and can be attached".into() } else { reasons(&refused, shared) };
            sink.push(warnings::ALTERNATIVE_TAKEN.at(candidate.span, format!("`{}` is taken", text(candidate, shared))).because(why));
            // The user's name belongs to all of them.
            let alias = point.alias.as_ref().map(|name| name.node.clone());
            found.iter_mut().for_each(|place| place.alias = place.alias.take().or_else(|| alias.clone()));
            return found;
        };
        refused.push(Refused { point: candidate, why, hints });
    }
    if is_said && let Some(none) = absence(point.whole(), "none of the alternatives can be attached.".into(), shared) {
        let none = none.because(reasons(&refused, shared));
        sink.push(refused.into_iter().flat_map(|refused| refused.hints).fold(none, |none, hint| none.hint(hint)));
    }
    Vec::new()
}

/// Why an attach point is not taken, and what would help; `None`: it is.
fn refusal(found: &[Place], said: &Sink, shared: &Shared) -> Option<(String, Vec<String>)> {
    if (said.has_errors() || found.is_empty())
        && let Some(first) = said.sorted().first()
    {
        let why = first.message.trim_end_matches(" Skipping.").trim_end_matches('.');
        return Some((why.to_owned(), first.hints.clone()));
    }
    if found.is_empty() {
        return Some((NOTHING.into(), vec![]));
    }
    let why = match plan(found, shared) {
        Ok(plan) => shared.options.trial.and_then(|trial| (trial.0)(&plan?).err()),
        Err(why) => Some(why),
    };
    why.map(|why| (why, vec![]))
}

/// How it would be attached: all that one program can serve, or the first of its places.
fn plan(found: &[Place], shared: &Shared) -> Result<Option<AttachPlan>, String> {
    let mut whole: Option<AttachPlan> = None;
    for place in found {
        let child = shared.options.child.filter(|_| place.probe_type.follows_child);
        let planned =
            (place.probe_type.plan)(shared.facts, place, false, shared.options.pid.or(child)).map_err(|refused| refused.message)?;
        match (&mut whole, planned.plan) {
            (Some(whole), Some(more)) if whole.fits(&more) => whole.join(more),
            (Some(_), _) => break,
            (whole @ None, plan) => *whole = plan,
        }
    }
    Ok(whole)
}

fn reasons(refused: &[Refused], shared: &Shared) -> String {
    refused.iter().map(|refused| format!("`{}`: {}", text(refused.point, shared), refused.why)).collect::<Vec<_>>().join("; ")
}

fn text<'a>(point: &AttachPoint, shared: &Shared<'a>) -> &'a str {
    shared.sources.text(point.span)
}
