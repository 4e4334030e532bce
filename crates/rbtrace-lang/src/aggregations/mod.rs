//! The list of aggregations: one line each, alphabetical.

mod avg;
mod count;
mod hist;
mod lhist;
mod max;
mod min;
mod stats;
mod sum;
mod tseries;

mod argument;
mod buckets;
mod extreme;
mod words;

use rbtrace_types::Aggregate;

use crate::row::Aggregation;

/// Every row.
pub static ALL: &[&Aggregation] =
    &[&avg::ROW, &count::ROW, &hist::ROW, &lhist::ROW, &max::ROW, &min::ROW, &stats::ROW, &sum::ROW, &tseries::ROW];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Aggregation> {
    ALL.iter().copied().find(|row| row.name == name)
}

/// Whether a program can read it as a number.
pub fn is_readable(aggregate: &Aggregate) -> bool {
    by_name(&aggregate.name).is_some_and(|row| row.read.is_some())
}

#[cfg(test)]
mod tests;
