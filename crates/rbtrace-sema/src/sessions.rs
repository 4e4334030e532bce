//! Two programs, one for the beginning of functions and one for their end → one for both, where the kernel has that. Knows no probe type.

use rbtrace_lang::row::Planned;
use rbtrace_types::Facts;

use crate::attach_points::Unit;

/// Joins each program with the first other one for the ends of the same functions.
pub(crate) fn merge(units: &mut Vec<Unit<'_>>, facts: &dyn Facts) {
    let mut at = 0;
    while at < units.len() {
        let joined = (0..units.len()).find_map(|other| Some((other, joined(&units[at], &units[other], facts)?)));
        if let Some((other, planned)) = joined {
            let ends = std::mem::take(&mut units[other].bodies);
            units[at].bodies.extend(ends);
            units[at].planned = planned;
            units[at].is_session = true;
            units.remove(other);
            // What moved up was looked at already.
            at -= usize::from(other < at);
        }
        at += 1;
    }
}

fn joined(begin: &Unit, end: &Unit, facts: &dyn Facts) -> Option<Planned> {
    let ([first], [last]) = (begin.bodies.as_slice(), end.bodies.as_slice()) else { return None };
    let is_numbered = begin.is_numbered && end.is_numbered;
    let same = || first.places.iter().map(|(place, _)| &place.parts).eq(last.places.iter().map(|(place, _)| &place.parts));
    let row = first.places[0].0.probe_type;
    if is_numbered && same() { (row.session)(facts, &begin.planned, &end.planned) } else { None }
}
