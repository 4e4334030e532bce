//! Histograms: buckets, labels, open rows.

use super::Run;
use crate::value::Value;

/// The rows as `label: count`, joined by `; `.
fn rows(run: &Run, div: u64) -> String {
    let Value::Histogram(rows) = run.show(div) else { panic!("a histogram") };
    rows.iter().map(|row| format!("{}: {}", row.label, row.count)).collect::<Vec<_>>().join("; ")
}

fn hist(bits: u32, signed: bool) -> Run {
    Run::new(&crate::aggregations::hist::ROW, &[i64::from(bits)], signed, ((65 - bits) << bits) + 1)
}

fn lhist(min: i64, max: i64, step: i64) -> Run {
    Run::new(&crate::aggregations::lhist::ROW, &[min, max, step], true, ((max - min) / step) as u32 + 2)
}

/// Rows that are not empty.
fn used(run: &Run) -> String {
    rows(run, 1).split("; ").filter(|row| !row.ends_with(": 0")).collect::<Vec<_>>().join("; ")
}

#[test]
fn powers_of_two() {
    let run = hist(0, true).cpu(&[-5, 0, 1]).cpu(&[3, 1000, 1024, 1 << 20, 70_000]);
    let text = "(..., 0): 1; [0]: 1; [1]: 1; [2, 4): 1; [4, 8): 0; [8, 16): 0; [16, 32): 0; [32, 64): 0; [64, 128): 0; [128, 256): 0; \
                [256, 512): 0; [512, 1K): 1; [1K, 2K): 1; [2K, 4K): 0; [4K, 8K): 0; [8K, 16K): 0; [16K, 32K): 0; [32K, 64K): 0; \
                [64K, 128K): 1; [128K, 256K): 0; [256K, 512K): 0; [512K, 1M): 0; [1M, 2M): 1";
    assert_eq!(rows(&run, 1), text);
    assert_eq!(run.order(), 8);
}

#[test]
fn bits_split_powers() {
    let one = hist(1, true).cpu(&[0, 1, 2, 3, 4, 5, 6, 1000, 1500, 3000]);
    assert_eq!(used(&one), "[0]: 1; [1]: 1; [2]: 1; [3]: 1; [4, 6): 2; [6, 8): 1; [768, 1024): 1; [1024, 1536): 1; [2K, 3K): 1");
    let two = hist(2, true).cpu(&[10_000, 36_000]);
    assert_eq!(
        rows(&two, 1),
        "[8K, 10K): 1; [10K, 12K): 0; [12K, 14K): 0; [14K, 16K): 0; [16K, 20K): 0; [20K, 24K): 0; [24K, 28K): 0; [28K, 32K): 0; [32K, 40K): 1"
    );
    let three = hist(3, true).cpu(&[0, 7, 8, 16, 17, 18, -1, 100]);
    assert_eq!(used(&three), "(..., 0): 1; [0]: 1; [7]: 1; [8]: 1; [16, 18): 2; [18, 20): 1; [96, 104): 1");
    let four = hist(4, true).cpu(&[31, 36]);
    assert_eq!(rows(&four, 1), "[31]: 1; [32, 34): 0; [34, 36): 0; [36, 38): 1");
    let five = hist(5, true).cpu(&[1_000_000, 1_050_000, 1_100_000]);
    assert_eq!(rows(&five, 1), "[976K, 992K): 1; [992K, 1008K): 0; [1008K, 1024K): 0; [1024K, 1056K): 1; [1056K, 1088K): 1");
}

#[test]
fn the_largest_values() {
    let signed = hist(0, true).cpu(&[i64::MAX, i64::MAX >> 1]);
    assert_eq!(rows(&signed, 1), "[2E, 4E): 1; [4E, 8E): 1");
    for bits in 0..=5 {
        let unsigned = hist(bits, false).cpu(&[-1]);
        let last = unsigned.total().iter().rposition(|&count| count > 0);
        assert_eq!(last, Some(unsigned.total().len() - 1), "{bits} bits");
    }
    assert_eq!(rows(&hist(0, false).cpu(&[-1]), 1), "[8E, 16E): 1");
    assert_eq!(rows(&hist(0, true).cpu(&[-1]), 1), "(..., 0): 1");
}

/// The bucket of the definition: SPEC §4.4.
fn defined_bucket(value: u64, bits: u32) -> usize {
    if value < 1 << bits {
        return value as usize + 1;
    }
    let power = value.ilog2() - bits;
    ((power as usize + 1) << bits) + ((value >> power) & ((1 << bits) - 1)) as usize + 1
}

#[test]
fn buckets_are_the_defined_ones() {
    let edges = (0..64).flat_map(|power| [(1u64 << power) - 1, 1 << power, (1 << power) + 1, 3 << power.min(61)]);
    for value in edges.chain([u64::MAX]) {
        for bits in 0..=5 {
            let total = hist(bits, false).cpu(&[value as i64]).total();
            assert_eq!(total.iter().position(|&count| count > 0), Some(defined_bucket(value, bits)), "{value} with {bits} bits");
        }
    }
}

#[test]
fn bounds_meet() {
    for bits in 0..=5 {
        let run = hist(bits, false).cpu(&[0, i64::MAX]);
        let Value::Histogram(rows) = run.show(1) else { panic!("a histogram") };
        for pair in rows.windows(2) {
            let (end, start) = (pair[0].max.expect("only the last is open"), pair[1].min.expect("no open start"));
            assert_eq!(end + 1, start, "{bits} bits, {}", pair[1].label);
        }
    }
}

#[test]
fn nothing_has_no_rows_and_counts_divide() {
    assert_eq!((rows(&hist(0, true).cpu(&[]), 1).as_str(), hist(0, true).cpu(&[]).is_set()), ("", false));
    assert_eq!(rows(&hist(0, true).cpu(&[1, 1, 8]), 2), "[1]: 1; [2, 4): 0; [4, 8): 0; [8, 16): 0");
}

#[test]
fn linear_buckets_are_open_at_both_ends() {
    let run = lhist(0, 10, 2).cpu(&[-5, 10]).cpu(&[9, 0]);
    assert_eq!(rows(&run, 1), "(..., 0): 1; [0, 2): 1; [2, 4): 0; [4, 6): 0; [6, 8): 0; [8, 10): 1; [10, ...): 1");
    assert_eq!(rows(&run, 2), rows(&run, 1));
}

#[test]
fn a_step_of_one_has_plain_labels() {
    let run = lhist(0, 10, 1).cpu(&[3, 1, 11, -1]);
    assert_eq!(used(&run), "(..., 0): 1; [1]: 1; [3]: 1; [10, ...): 1");
}

#[test]
fn what_is_left_of_the_last_step_is_open() {
    assert_eq!(rows(&lhist(0, 10, 3).cpu(&[7, 9, 10, 11]), 1), "[6, 9): 1; [9, ...): 3");
    assert_eq!(rows(&lhist(500, 3500, 1024).cpu(&[1000, 3000, 5000]), 1), "[500, 1524): 1; [1524, 2548): 0; [2548, ...): 2");
}

#[test]
fn binary_steps_have_suffixes() {
    let kilo = lhist(0, 10_240, 1024).cpu(&[1024, 5000, 50_000]);
    assert_eq!(used(&kilo), "[1K, 2K): 1; [4K, 5K): 1; [10K, ...): 1");
    let mega = lhist(0, 4 << 20, 512 << 10).cpu(&[0, 1 << 20, 5_000_000]);
    assert_eq!(used(&mega), "[0, 512K): 1; [1M, 1536K): 1; [4M, ...): 1");
    let giga = lhist(0, 16 << 30, 4 << 30).cpu(&[5 << 30]);
    assert_eq!(used(&giga), "[4G, 8G): 1");
}

#[test]
fn bounds_may_be_negative() {
    let run = lhist(-20, 20, 10).cpu(&[-21, -20, -11, -1, 0, 19, 20]);
    assert_eq!(rows(&run, 1), "(..., -20): 1; [-20, -10): 2; [-10, 0): 1; [0, 10): 1; [10, 20): 1; [20, ...): 1");
}

#[test]
fn unsigned_values_are_never_below_negative_bounds() {
    let run = Run::new(&crate::aggregations::lhist::ROW, &[-10, 10, 10], false, 4).cpu(&[0, -1, 10]);
    assert_eq!(rows(&run, 1), "[0, 10): 1; [10, ...): 2");
}
