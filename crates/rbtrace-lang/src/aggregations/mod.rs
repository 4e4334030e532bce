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

use crate::row::Aggregation;

/// Every row.
pub static ALL: &[&Aggregation] =
    &[&avg::ROW, &count::ROW, &hist::ROW, &lhist::ROW, &max::ROW, &min::ROW, &stats::ROW, &sum::ROW, &tseries::ROW];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Aggregation> {
    ALL.iter().copied().find(|row| row.name == name)
}

#[cfg(test)]
mod tests;
