//! Attach points: the text of a probe header → places of this machine, grouped into programs. Knows no kernel; asks the probe types' rows.

use std::collections::HashMap;
use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Reported, Sink, Span, Spanned, nearest};
use rbtrace_ir::ProgramType;
use rbtrace_lang::Place;
use rbtrace_lang::compile::PlaceText;
use rbtrace_lang::probes::wildcard;
use rbtrace_lang::row::{Builtin, Planned, Preparation, ProbeType, Target, TargetPart};
use rbtrace_lang::{config, functions, probes, variables, warnings};
use rbtrace_syntax::ast::{AttachPoint, Expr, ExprKind, Item, Part, Probe, Program};
use rbtrace_types::{Facts, Feature, Field, Struct};

use crate::args::{self, ArgsUse};
use crate::shared::Shared;
use crate::walk;
use crate::{alternatives, modes, sessions};

/// One BPF program.
pub(crate) struct Unit<'p> {
    /// How it is attached.
    pub planned: Planned,
    /// What places that can share a program have in common (see `Shared` in rbtrace-lang); empty: this one is not shared.
    key: String,
    /// The selector is the number of a place, and no other value can be read.
    pub is_numbered: bool,
    /// Of two bodies, the first is for the beginning of functions and the second for their end.
    pub is_session: bool,
    /// One for an ordinary program. A shared one has a body for every probe, and for every form of `args` within a probe.
    pub bodies: Vec<Body<'p>>,
}

/// A probe's body as it is compiled for some places.
#[derive(Debug)]
pub(crate) struct Body<'p> {
    /// The probe.
    pub probe: &'p Probe,
    /// Its number among the probes.
    pub index: usize,
    /// Places, each with its selector if the program is shared.
    pub places: Vec<(Place, Option<u64>)>,
    /// What `args` is.
    pub args: Option<Arc<Struct>>,
    /// The kind of program that it is a part of.
    pub program_type: ProgramType,
    /// Not what the probe does, but what goes before it: the number of an argument, and the map where its values are left.
    pub leaves: Option<Leaves>,
}

/// See [`Body::leaves`].
pub(crate) type Leaves = (u32, String);

/// Of so many places that a script names, most may be the same.
const REPEATED: u64 = 8;

/// Of so many places that one link serves, one counts: a kernel's functions are few enough then, those of all libraries are not.
const OF_ONE_LINK: usize = 128;

/// All programs, in the order of the script.
pub(crate) fn expand<'p>(program: &'p Program, shared: &Shared, sink: &mut Sink) -> Vec<Unit<'p>> {
    let probes = program.items.iter().filter_map(|item| match item {
        Item::Probe(probe) => Some(probe),
        Item::C(_) | Item::Config(_) | Item::Import(_) | Item::Macro(_) | Item::MapDecl(_) | Item::Function(_) => None,
    });
    let (mut units, mut found) = (Vec::new(), 0);
    let most = shared.number(config::max_probes::ROW.name);
    for (index, probe) in probes.enumerate() {
        let places = places_of(probe, shared, sink);
        if places.is_empty() {
            removed(probe, shared, sink);
        }
        found += weight(&places, shared);
        // Sorting more than will be attached is work for nothing.
        if most == 0 || found as u64 <= most.saturating_mul(REPEATED) {
            group(probe, index, places, shared, sink, &mut units);
        }
    }
    sessions::merge(&mut units, shared.facts);
    let bodies = units.iter().flat_map(|unit| &unit.bodies).filter(|body| body.leaves.is_none());
    let sorted: usize = bodies.map(|body| weight(body.places.iter().map(|(place, _)| place), shared)).sum();
    let attached = if most == 0 || found as u64 <= most.saturating_mul(REPEATED) { sorted } else { found };
    // Scripts look for these words.
    let few_probes = limit(attached, config::max_probes::ROW.name, shared, sink, |count, most| {
        format!("Can't attach to {count} probes because it exceeds the current limit of {most}")
    });
    let few_programs = limit(units.len(), config::max_bpf_progs::ROW.name, shared, sink, |count, most| {
        format!("Your program is trying to generate more than {count} BPF programs, which exceeds the current limit of {most}")
    });
    // What is beyond the limits is not looked at any further: that alone would take minutes.
    if !few_probes || !few_programs {
        units.clear();
    }
    units
}

/// How much places count against `max_probes`: by the links that serve them.
fn weight<'a>(places: impl IntoIterator<Item = &'a Place>, shared: &Shared) -> usize {
    let (mut links, mut others) = (HashMap::new(), 0);
    for place in places {
        match (place.probe_type.link)(shared.facts, place) {
            Some(link) => *links.entry((place.probe_type.name, link)).or_insert(0_usize) += 1,
            None => others += 1,
        }
    }
    others + links.into_values().map(|served| served.div_ceil(OF_ONE_LINK)).sum::<usize>()
}

/// Whether there are few enough; says so if not.
fn limit(count: usize, key: &str, shared: &Shared, sink: &mut Sink, said: fn(usize, u64) -> String) -> bool {
    let most = shared.number(key);
    let fits = most == 0 || count as u64 <= most;
    if !fits {
        let hint =
            format!("raise it with `config = {{ {key} = {count} }}` or BPFTRACE_{}; a narrower wildcard costs less", key.to_uppercase());
        sink.push(Diagnostic::general(said(count, most)).hint(hint));
    }
    fits
}

/// The places of a probe. A pattern that matches nothing is no mistake beside attach points that do: it is how scripts name functions that
/// only some kernels have.
fn places_of(probe: &Probe, shared: &Shared, sink: &mut Sink) -> Vec<Place> {
    let is_lone = probe.attach_points.len() == 1;
    let found: Vec<Vec<Place>> =
        probe.attach_points.iter().map(|point| chosen(point, is_lone || !is_pattern(point), shared, sink)).collect();
    if !is_lone && found.iter().all(Vec::is_empty) {
        probe.attach_points.iter().filter(|point| is_pattern(point)).for_each(|point| drop(chosen(point, true, shared, sink)));
    }
    found.into_iter().flatten().collect()
}

/// The places of an attach point or of the first of its alternatives that can be attached.
fn chosen(point: &AttachPoint, is_said: bool, shared: &Shared, sink: &mut Sink) -> Vec<Place> {
    if point.alternatives.is_empty() { places(point, is_said, shared, sink) } else { alternatives::choose(point, is_said, shared, sink) }
}

/// Whether what follows the probe type has a wildcard.
fn is_pattern(point: &AttachPoint) -> bool {
    let is_star = |part: &Part| matches!(part, Part::Text { text, quoted: false } if text.contains('*'));
    let has_star = |point: &AttachPoint| point.parts.iter().skip(1).any(|part| part.node.iter().any(is_star));
    has_star(point) && point.alternatives.iter().all(has_star)
}

/// The places of one attach point; if there are none, that is said where `is_said`.
pub(crate) fn places(point: &AttachPoint, is_said: bool, shared: &Shared, sink: &mut Sink) -> Vec<Place> {
    let parts = substitute(point, shared);
    let Some((head, rest)) = parts.split_first() else { return Vec::new() };
    let Ok(rows) = probe_types(head, rest, shared, sink) else { return Vec::new() };
    let ignores_absence = missing_probes(shared) == "ignore";
    let is_unsafe = shared.options.is_unsafe;
    let target = Target { parts: rest, span: point.span, pid: shared.options.pid, is_unsafe, ignores_absence };
    let mut found = Vec::new();
    for row in &rows {
        // What is wrong for one of several types only says that it is not meant.
        let mut said = Sink::default();
        let places = (row.expand)(shared.facts, &target, &mut said);
        if rows.len() == 1 || (!places.is_empty() && !said.has_errors()) {
            sink.absorb(said);
            found.extend(places.into_iter().map(|parts| (*row, parts)));
        }
    }
    if is_said && found.is_empty() && sink.error_within(point.span).is_none() {
        missing(&rows, &target, &parts, shared, sink);
    }
    let alias = point.alias.as_ref().map(|name| name.node.clone());
    let place =
        |(probe_type, parts)| Place { probe_type, parts, alias: alias.clone(), span: point.span, walks_kernel: false, is_alone: true };
    found.into_iter().map(place).collect()
}

/// What the first part of an attach point means: a probe type, or with a wildcard all that match and fit the rest.
fn probe_types(head: &TargetPart, rest: &[TargetPart], shared: &Shared, sink: &mut Sink) -> Result<Vec<&'static ProbeType>, Reported> {
    if head.quoted || !wildcard::is_pattern(&head.text) {
        return probe_type(head, sink).map(|row| vec![row]);
    }
    let of_processes = shared.options.pid.is_some() || rest.first().is_some_and(|part| part.text.contains('/'));
    let rows: Vec<_> = probes::meant(&head.text, of_processes).collect();
    if rows.is_empty() {
        let error =
            Diagnostic::error(head.span, format!("No probe type matched for {}", head.text)).because("no probe type has such a name");
        return Err(
            sink.push(error.hint("`begin`, `interval`, `profile` and probe types for the end of functions are only meant by their names"))
        );
    }
    Ok(rows)
}

fn probe_type(head: &TargetPart, sink: &mut Sink) -> Result<&'static ProbeType, Reported> {
    if let Some(row) = probes::by_name(&head.text) {
        return Ok(row);
    }
    if head.text.is_empty() {
        let nothing = Diagnostic::error(head.span, "No attach points for probe").because("nothing stands here");
        return Err(sink.push(nothing.hint("a positional parameter that is not given is nothing")));
    }
    let mut unknown = Diagnostic::error(head.span, format!("Invalid probe type: {}", head.text)).because("no probe type has this name");
    let names = probes::ALL.iter().flat_map(|row| std::iter::once(row.name).chain(row.aliases.iter().copied()));
    if let Some(name) = nearest(&head.text.to_lowercase(), names.filter(|name| name.len() > 2)) {
        unknown = unknown.hint(format!("did you mean `{name}`?"));
    }
    Err(sink.push(unknown))
}

/// Why a target matches nothing, where its probe type knows no more.
pub(crate) const NOTHING: &str = "nothing on this machine has this name";

/// A target that matches nothing: an error, a warning or nothing, as `missing_probes` says.
fn missing(rows: &[&ProbeType], target: &Target, parts: &[TargetPart], shared: &Shared, sink: &mut Sink) {
    let rest: Vec<&str> = parts[1..].iter().map(|part| part.text.as_str()).collect();
    let name = if let [only] = rows { only.name } else { &parts[0].text };
    let text = format!("No matches for {}.", format!("{name} {}", rest.join(":")).trim_end());
    let Some(diagnostic) = absence(target.span, text, shared) else { return };
    let nearest = || rows.iter().find_map(|row| (row.nearest)(shared.facts, target));
    let absent = if let [only] = rows { (only.absent)(shared.facts, target) } else { None };
    let (why, remedy) = absent.map_or((NOTHING.to_owned(), None), |absent| (absent.why, absent.hint));
    let hint = predicate(&rest).or(remedy).or_else(|| Some(format!("did you mean `{}`?", nearest()?)));
    let mut diagnostic = diagnostic.because(why);
    if let Some(hint) = hint {
        diagnostic = diagnostic.hint(hint);
    }
    sink.push(diagnostic);
}

/// A predicate that was taken for a part of the name: paths have slashes, too.
fn predicate(rest: &[&str]) -> Option<String> {
    let (name, predicate) = rest.last()?.split_once('/')?;
    predicate.ends_with('/').then(|| format!("a predicate begins after a blank: `{name} /{predicate}`"))
}

fn missing_probes<'a>(shared: &'a Shared<'_>) -> &'a str {
    shared.config.get(config::missing_probes::ROW.name).map_or("error", String::as_str)
}

/// What `missing_probes` makes of an attach point that is not there: an error, a warning or nothing.
pub(crate) fn absence(span: Span, text: String, shared: &Shared) -> Option<Diagnostic> {
    match missing_probes(shared) {
        "ignore" => None,
        "warn" => Some(warnings::MISSING_PROBE.at(span, format!("{text} Skipping."))),
        _ => Some(Diagnostic::error(span, text)),
    }
}

/// A probe without a place is gone with all that its body does; that is said where missing attach points are warned of.
fn removed(probe: &Probe, shared: &Shared, sink: &mut Sink) {
    let Some(first) = probe.attach_points.first() else { return };
    if missing_probes(shared) == "warn" && probe.attach_points.iter().all(|point| sink.error_within(point.span).is_none()) {
        // Upstream's words.
        let text = "Probe has no valid attach points. It is being removed which may cause issues with program behavior.";
        sink.push(warnings::MISSING_PROBE.at(first.span, text).because("what this probe does is not done"));
    }
}

/// Puts positional parameters in; a parameter may itself contain colons (SPEC §1.10).
fn substitute(point: &AttachPoint, shared: &Shared) -> Vec<TargetPart> {
    let mut parts: Vec<TargetPart> = Vec::new();
    for written in &point.parts {
        let mut open = TargetPart { text: String::new(), quoted: false, span: written.span };
        for piece in &written.node {
            match piece {
                Part::Text { text, quoted } => {
                    open.text.push_str(text);
                    open.quoted |= *quoted;
                }
                Part::At => open.text.push('@'),
                Part::Param(number) => push_param(shared.param(*number).unwrap_or(""), &mut open, &mut parts),
            }
        }
        parts.push(open);
    }
    parts
}

fn push_param(text: &str, open: &mut TargetPart, parts: &mut Vec<TargetPart>) {
    for (index, piece) in text.split(':').enumerate() {
        if index > 0 {
            let next = TargetPart { text: String::new(), quoted: false, span: open.span };
            parts.push(std::mem::replace(open, next));
        }
        open.text.push_str(piece);
    }
}

/// Sorts a probe's places into programs: places whose rows say so share one, also with those of earlier probes; all others get their own.
fn group<'p>(probe: &'p Probe, index: usize, places: Vec<Place>, shared: &Shared, sink: &mut Sink, units: &mut Vec<Unit<'p>>) {
    let usage = args::args_use(probe);
    let uses_args = !matches!(usage, ArgsUse::None);
    let typed = uses_args || walk::probe_has(probe, &wants_typed);
    let walks_kernel = walk::probe_has(probe, &|expr| row_of(expr).is_some_and(|row| row.walks_kernel));
    let has_cookies = shared.facts.has(Feature::AttachCookie);
    let mut known = Known::new();
    let is_alone = places.len() == 1;
    for place in places.into_iter().map(|place| Place { walks_kernel, is_alone, ..place }) {
        let child = shared.options.child.filter(|_| place.probe_type.follows_child);
        let mut planned = match (place.probe_type.plan)(shared.facts, &place, typed, shared.options.pid.or(child)) {
            Ok(planned) => planned,
            Err(diagnostic) => {
                sink.push(diagnostic);
                continue;
            }
        };
        if !modes::passes(&place, planned.role, shared) {
            continue;
        }
        let before = prepare(probe, index, &place, shared, sink);
        let args = uses_args.then(|| (place.probe_type.args)(shared.facts, &place)).flatten();
        let common = (place.probe_type.shared)(shared.facts, &place);
        let asks = || uses_args || walk::probe_has(probe, &|expr| asks_place(expr, place.probe_type));
        let mut common = common.filter(|common| common.selector.is_some() || has_cookies || !asks());
        if let Some(common) = &mut common {
            let Some(before) = named_before(&place, &mut known) else { continue };
            // One link puts a program on a place only once.
            common.key.extend((before > 0).then(|| format!(" {before}")));
        }
        let is_numbered = common.as_ref().is_some_and(|common| common.selector.is_none());
        let selector = common.as_ref().and_then(|common| common.selector);
        let key = common.map(|common| common.key).unwrap_or_default();
        let mut body = Body { probe, index, places: vec![(place, selector)], args, program_type: planned.program_type, leaves: None };
        let unit = units.iter_mut().find(|unit| unit.is_numbered == is_numbered && takes(unit, &key, &planned, &body));
        if is_numbered {
            let number = unit.as_ref().map_or(0, |unit| unit.bodies.iter().map(|body| body.places.len() as u64).sum());
            body.places[0].1 = Some(number);
            planned.plan.iter_mut().for_each(|plan| plan.set_cookie(number));
        }
        match unit {
            Some(unit) => {
                add_body(&mut unit.bodies, body, &usage);
                if let (Some(plan), Some(more)) = (&mut unit.planned.plan, planned.plan) {
                    plan.join(more);
                }
            }
            None => units.push(Unit { planned, key, is_numbered, is_session: false, bodies: vec![body] }),
        }
        units.extend(before);
    }
}

/// The attach points that named each place, by probe type and parts.
type Known = HashMap<(&'static str, Vec<String>), Vec<Span>>;

/// How many attach points of the probe have named a place before; `None`: the same one, which means it once.
fn named_before(place: &Place, known: &mut Known) -> Option<usize> {
    let points = known.entry((place.probe_type.name, place.parts.clone())).or_default();
    let is_new = points.last() != Some(&place.span);
    is_new.then(|| {
        points.push(place.span);
        points.len() - 1
    })
}

/// The program that goes before those of a place, where there is one.
fn prepare<'p>(probe: &'p Probe, index: usize, place: &Place, shared: &Shared, sink: &mut Sink) -> Option<Unit<'p>> {
    match (place.probe_type.prepare)(shared.facts, place)? {
        Err(diagnostic) => {
            sink.push(diagnostic);
            None
        }
        Ok(Preparation { place, planned, argument, map }) => {
            let (program_type, leaves) = (planned.program_type, Some((argument, map)));
            let body = Body { probe, index, places: vec![(place, None)], args: None, program_type, leaves };
            Some(Unit { planned, key: String::new(), is_numbered: false, is_session: false, bodies: vec![body] })
        }
    }
}

/// Whether an expression is a call that only programs of a typed kind may make.
fn wants_typed(expr: &Expr) -> bool {
    let ExprKind::Call { args, .. } = &expr.kind else { return false };
    row_of(expr).is_some_and(|row| args.len() >= row.typed_from)
}

/// Whether an expression is another value at each place of a probe.
fn asks_place(expr: &Expr, probe_type: &ProbeType) -> bool {
    row_of(expr).is_some_and(|row| (row.asks_place)(probe_type))
}

/// The row of the builtin that an expression calls or reads.
fn row_of(expr: &Expr) -> Option<&'static Builtin> {
    let (ExprKind::Call { function: Spanned { node: name, .. }, .. } | ExprKind::Ident(name)) = &expr.kind else { return None };
    functions::by_name(name).or_else(|| variables::by_name(name))
}

/// Whether a program can serve one more place: one that no other probe of the program is about, since only one body runs.
fn takes(unit: &Unit, key: &str, planned: &Planned, new: &Body) -> bool {
    let selector = new.places[0].1;
    let mut others = unit.bodies.iter().filter(|body| body.index != new.index).flat_map(|body| &body.places);
    // Numbers mean places of one probe only.
    let is_free = if unit.is_numbered { others.next().is_none() } else { !others.any(|(_, other)| *other == selector) };
    !key.is_empty() && unit.key == key && is_free && fits(&unit.planned, planned)
}

/// Whether one program can be attached in both ways.
fn fits(one: &Planned, other: &Planned) -> bool {
    let plans = match (&one.plan, &other.plan) {
        (Some(plan), Some(other)) => plan.fits(other),
        (one, other) => one == other,
    };
    plans && (one.program_type, one.role, one.reverse) == (other.program_type, other.role, other.reverse)
}

/// Places of one probe whose `args` look the same to its body share it.
fn add_body<'p>(bodies: &mut Vec<Body<'p>>, new: Body<'p>, usage: &ArgsUse) {
    let alike = |body: &Body| body.index == new.index && looks_same(body.args.as_deref(), new.args.as_deref(), usage);
    match bodies.iter_mut().find(|body| alike(body)) {
        Some(body) => body.places.extend(new.places),
        None => bodies.push(new),
    }
}

fn looks_same(a: Option<&Struct>, b: Option<&Struct>, usage: &ArgsUse) -> bool {
    match usage {
        ArgsUse::None => true,
        ArgsUse::Whole => a == b,
        ArgsUse::Fields(names) => {
            let view =
                |s: Option<&Struct>| -> Vec<Option<Field>> { names.iter().map(|name| s.and_then(|s| s.field(name).cloned())).collect() };
            view(a) == view(b)
        }
    }
}

/// Bytes of the longest of the places' texts, with its NUL.
pub(crate) fn longest_text(places: &[(Place, Option<u64>)], facts: &dyn Facts, text: PlaceText) -> u32 {
    places.iter().map(|(place, _)| text(facts, place).len() as u32 + 1).max().unwrap_or(1)
}
