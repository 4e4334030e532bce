//! Aggregations as texts: values spread over CPUs → the printed value, for each row. Known answers were asked of bpftrace 0.27.

mod eval;
mod histograms;
mod series;

use rbtrace_ir::Builder;
use rbtrace_types::Aggregate;

use crate::aggregations::{avg, count, max, min, stats, sum};
use crate::row::{Aggregation, Showing};
use crate::run::Nowhere;
use crate::value::Value;
use eval::Machine;

/// An aggregation and the states of its CPUs.
struct Run {
    row: &'static Aggregation,
    aggregate: Aggregate,
    cpus: Vec<Vec<u64>>,
}

impl Run {
    fn new(row: &'static Aggregation, params: &[i64], signed: bool, words: u32) -> Run {
        Run { row, aggregate: Aggregate { name: row.name.into(), params: params.to_vec(), signed, size: 8 * words }, cpus: Vec::new() }
    }

    /// Adds values on one more CPU, through the row's IR.
    fn cpu(mut self, values: &[i64]) -> Run {
        let mut state = vec![0; self.aggregate.size as usize / 8];
        for &value in values {
            let mut b = Builder::default();
            let (value_id, state_id) = (b.fresh(), b.fresh());
            (self.row.update)(&mut b, &self.aggregate, &[value_id], state_id);
            Machine::new(&mut state).run(b, &[(value_id, value as u64), (state_id, 0)]);
        }
        self.cpus.push(state);
        self
    }

    fn total(&self) -> Vec<u64> {
        let mut total = vec![0; self.aggregate.size as usize / 8];
        for cpu in &self.cpus {
            (self.row.merge)(&self.aggregate, &mut total, cpu);
        }
        total
    }

    fn show(&self, div: u64) -> Value {
        let total = self.total();
        let showing = Showing { div, largest: (self.row.order)(&self.aggregate, &total), world: &Nowhere };
        (self.row.show)(&self.aggregate, &total, &showing)
    }

    /// What a read inside the kernel gives.
    fn read(&self) -> u64 {
        let read = self.row.read.as_ref().expect("readable");
        let mut slots: Vec<u64> = (read.init)(&self.aggregate).into_iter().map(|word| word as u64).collect();
        for cpu in &self.cpus {
            let mut b = Builder::default();
            let accumulators: Vec<_> = slots.iter().map(|_| b.scalar("accumulator")).collect();
            let state_id = b.fresh();
            (read.fold)(&mut b, &self.aggregate, &accumulators, state_id);
            let mut state = cpu.clone();
            slots = Machine::with_slots(&mut state, slots).run(b, &[(state_id, 0)]).0;
        }
        let mut b = Builder::default();
        let accumulators: Vec<_> = slots.iter().map(|_| b.scalar("accumulator")).collect();
        let result = (read.finish)(&mut b, &self.aggregate, &accumulators);
        Machine::with_slots(&mut [], slots).run(b, &[]).1[&result]
    }

    fn is_set(&self) -> bool {
        (self.row.is_set)(&self.aggregate, &self.total())
    }

    fn order(&self) -> i128 {
        (self.row.order)(&self.aggregate, &self.total())
    }
}

#[test]
fn counts_are_added() {
    let run = Run::new(&count::ROW, &[], false, 1).cpu(&[7, 7, 7]).cpu(&[]).cpu(&[1]);
    assert_eq!((run.show(1), run.show(2), run.read(), run.is_set()), (Value::UInt(4), Value::UInt(2), 4, true));
    assert!(!Run::new(&count::ROW, &[], false, 1).cpu(&[]).is_set());
}

#[test]
fn sums_keep_their_sign() {
    let run = Run::new(&sum::ROW, &[], true, 2).cpu(&[-7]).cpu(&[2]);
    assert_eq!((run.show(1), run.show(2), run.read() as i64), (Value::Int(-5), Value::Int(-2), -5));
    assert_eq!(run.order(), -5);
    let unsigned = Run::new(&sum::ROW, &[], false, 2).cpu(&[-1]);
    assert_eq!(unsigned.show(1), Value::UInt(u64::MAX));
}

#[test]
fn a_sum_of_zeros_is_set() {
    let run = Run::new(&sum::ROW, &[], true, 2).cpu(&[0]).cpu(&[]);
    assert_eq!((run.show(1), run.is_set()), (Value::Int(0), true));
    assert!(!Run::new(&sum::ROW, &[], true, 2).cpu(&[]).is_set());
}

#[test]
fn averages_are_truncated_toward_zero() {
    let run = Run::new(&avg::ROW, &[], true, 2).cpu(&[-3]).cpu(&[-4]);
    assert_eq!((run.show(1), run.show(2), run.read() as i64), (Value::Int(-3), Value::Int(-1), -3));
    let large = Run::new(&avg::ROW, &[], false, 2).cpu(&[-256]);
    assert_eq!((large.show(1), large.read()), (Value::UInt(18_446_744_073_709_551_360), 18_446_744_073_709_551_360));
    let none = Run::new(&avg::ROW, &[], true, 2).cpu(&[]);
    assert_eq!((none.show(1), none.read(), none.is_set()), (Value::Int(0), 0, false));
}

#[test]
fn stats_divide_only_the_average() {
    let run = Run::new(&stats::ROW, &[], true, 2).cpu(&[10]).cpu(&[5]);
    let fields = |average: i64| {
        let values = [("count", Value::UInt(2)), ("average", Value::Int(average)), ("total", Value::Int(15))];
        Value::Struct(values.map(|(name, value)| (name.to_string(), value)).into())
    };
    assert_eq!((run.show(1), run.show(2), run.order()), (fields(7), fields(3), 7));
}

#[test]
fn the_extremes_are_found_on_any_cpu() {
    let min = Run::new(&min::ROW, &[], true, 2).cpu(&[5, 3]).cpu(&[]).cpu(&[-2, 9]);
    assert_eq!((min.show(1), min.read() as i64, min.is_set()), (Value::Int(-2), -2, true));
    let max = Run::new(&max::ROW, &[], true, 2).cpu(&[-5, -3]).cpu(&[]).cpu(&[-9]);
    assert_eq!((max.show(1), max.read() as i64), (Value::Int(-3), -3));
    let unsigned = Run::new(&max::ROW, &[], false, 2).cpu(&[5]).cpu(&[-1]);
    assert_eq!((unsigned.show(1), unsigned.read()), (Value::UInt(u64::MAX), u64::MAX));
    let none = Run::new(&min::ROW, &[], true, 2).cpu(&[]);
    assert_eq!((none.show(1), none.read(), none.is_set()), (Value::Int(0), 0, false));
}

#[test]
fn the_smallest_may_be_zero() {
    let run = Run::new(&min::ROW, &[], false, 2).cpu(&[4]).cpu(&[0, 4]);
    assert_eq!((run.show(1), run.read(), run.is_set()), (Value::UInt(0), 0, true));
}

#[test]
fn negative_extremes_sort_last() {
    let order = |value: i64| Run::new(&min::ROW, &[], true, 2).cpu(&[value]).order();
    assert!(order(3) < order(-5) && order(-5) < order(-3));
}

#[test]
fn every_row_has_a_page() {
    for row in crate::aggregations::ALL {
        assert!(row.manual.contains("```\n") && row.signature.starts_with(row.name), "{}", row.name);
    }
    assert!(crate::aggregations::ALL.is_sorted_by_key(|row| row.name));
}
