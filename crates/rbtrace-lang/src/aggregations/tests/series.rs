//! Time series: which bucket a value gets into, what it keeps, how the rings of the CPUs become one.

use rbtrace_ir::Builder;
use rbtrace_types::Aggregate;

use super::eval::Machine;
use crate::aggregations::tseries::ROW;
use crate::row::Showing;
use crate::run::Nowhere;
use crate::value::Value;

/// The rings of the CPUs.
struct Rings {
    aggregate: Aggregate,
    cpus: Vec<Vec<u64>>,
}

impl Rings {
    /// Intervals of 10 ns; `keep` is the number of what they keep.
    fn new(count: i64, keep: i64, signed: bool) -> Rings {
        let size = 24 * count as u32;
        Rings { aggregate: Aggregate { name: ROW.name.into(), params: vec![10, count, keep], signed, size }, cpus: Vec::new() }
    }

    /// Adds values, each with its time, on one more CPU.
    fn cpu(mut self, values: &[(u64, i64)]) -> Rings {
        let mut state = vec![0; self.aggregate.size as usize / 8];
        for &(now, value) in values {
            let mut b = Builder::default();
            let (value_id, now_id, state_id) = (b.fresh(), b.fresh(), b.fresh());
            (ROW.update)(&mut b, &self.aggregate, &[value_id, now_id], state_id);
            Machine::new(&mut state).run(b, &[(value_id, value as u64), (now_id, now), (state_id, 0)]);
        }
        self.cpus.push(state);
        self
    }

    fn total(&self) -> Vec<u64> {
        let mut total = vec![0; self.aggregate.size as usize / 8];
        self.cpus.iter().for_each(|cpu| (ROW.merge)(&self.aggregate, &mut total, cpu));
        total
    }

    /// The points as `start=value` when `largest` is the newest epoch of the map.
    fn points_until(&self, largest: i128) -> String {
        let showing = Showing { div: 2, largest, world: &Nowhere };
        let Value::Series(series) = (ROW.show)(&self.aggregate, &self.total(), &showing) else { panic!("a series") };
        let text = |value: Option<i128>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        series.points.iter().map(|point| format!("{}={}", point.start, text(point.value))).collect::<Vec<_>>().join(" ")
    }

    fn points(&self) -> String {
        self.points_until((ROW.order)(&self.aggregate, &self.total()))
    }
}

/// Last, average, largest, smallest, total.
const KEEPS: [(i64, &str); 5] = [(0, "50=2 60=-9"), (1, "50=3 60=-9"), (2, "50=7 60=-9"), (3, "50=-1 60=-9"), (4, "50=12 60=-9")];

#[test]
fn intervals_keep_what_was_asked() {
    for (keep, points) in KEEPS {
        // The newest value of the interval at 50 is the one at 58.
        let rings = Rings::new(4, keep, true).cpu(&[(50, 7), (53, -1)]).cpu(&[(51, 4), (58, 2), (60, -9)]);
        assert_eq!(rings.points(), points, "{keep}");
        let swapped = Rings::new(4, keep, true).cpu(&[(51, 4), (58, 2), (60, -9)]).cpu(&[]).cpu(&[(50, 7), (53, -1)]);
        assert_eq!(swapped.points(), points, "{keep}");
    }
}

#[test]
fn an_old_bucket_starts_anew() {
    for (keep, value) in [(0, "1"), (1, "1"), (2, "1"), (3, "1"), (4, "1")] {
        let rings = Rings::new(2, keep, false).cpu(&[(10, 0), (15, 100), (20, 5), (30, 1)]);
        assert_eq!(rings.points(), format!("20=5 30={value}"), "{keep}");
        // Another CPU saw nothing since.
        let rings = rings.cpu(&[(10, 50)]);
        assert_eq!(rings.points(), format!("20=5 30={value}"), "{keep}");
    }
}

#[test]
fn signs_matter_to_the_ends_only_where_there_are_any() {
    assert_eq!(Rings::new(1, 2, true).cpu(&[(10, -1), (10, 1)]).points(), "10=1");
    assert_eq!(Rings::new(1, 2, false).cpu(&[(10, -1), (10, 1)]).points(), "10=18446744073709551615");
    assert_eq!(Rings::new(1, 1, true).cpu(&[(10, -3), (10, -4)]).points(), "10=-3");
}

#[test]
fn points_run_from_the_first_value_to_the_newest_of_the_map() {
    let rings = Rings::new(5, 0, true).cpu(&[(110, 1), (130, 3)]);
    assert_eq!(rings.points(), "110=1 120=- 130=3");
    assert_eq!(rings.points_until(15), "110=1 120=- 130=3 140=- 150=-");
    assert_eq!(rings.points_until(16), "130=3 140=- 150=- 160=-");
    assert_eq!(rings.points_until(100), "");
    assert_eq!(Rings::new(5, 0, true).points(), "");
}

#[test]
fn a_series_of_zeros_is_set() {
    let is_set = |rings: Rings| (ROW.is_set)(&rings.aggregate, &rings.total());
    assert!(!is_set(Rings::new(3, 0, true).cpu(&[])));
    assert!(is_set(Rings::new(3, 4, true).cpu(&[]).cpu(&[(100, 0)])));
}
