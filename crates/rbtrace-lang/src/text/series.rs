//! Values over time as a graph: a line for each interval, time downwards, values to the right (SPEC §9.8).

use crate::text::pad;
use crate::value::{Point, Series};

/// Columns from one edge of the graph to the other, both included.
const WIDTH: usize = 53;
/// Columns in which the smallest value stands above and below the graph; the largest has the rest.
const SMALLEST: usize = 21;

/// Appends the graph; of no point there is none.
pub(super) fn write(series: &Series, out: &mut Vec<u8>) {
    let values = || series.points.iter().filter_map(|point| point.value);
    let (Some(min), Some(max)) = (values().min(), values().max()) else {
        return out.extend_from_slice(b"<no data>");
    };
    let (min, max) = if min == max { widened(min, series.signed) } else { (min, max) };
    let (header, width) = header(series.interval);
    let bounds = |out: &mut Vec<u8>| {
        pad(out, b"", width + 1, true);
        pad(out, min.to_string().as_bytes(), SMALLEST, true);
        pad(out, max.to_string().as_bytes(), WIDTH - SMALLEST, false);
        out.push(b'\n');
    };
    bounds(out);
    out.extend_from_slice(header.as_bytes());
    // A column is a character: `μ` has two bytes.
    pad(out, b"", width + 1 - header.chars().count(), true);
    edge(b'|', out);
    let zero = zero_column(min, max);
    for point in &series.points {
        write_point(point, (min, max), zero, out);
    }
    pad(out, b"", width + 1, true);
    edge(b'v', out);
    bounds(out);
}

/// A single value stands in the middle. Where it is the end of its type, it is at the edge.
fn widened(value: i128, signed: bool) -> (i128, i128) {
    let (lowest, highest) = if signed { (i64::MIN.into(), i64::MAX.into()) } else { (0, u64::MAX.into()) };
    ((value - 1).max(lowest), (value + 1).min(highest))
}

/// What stands above the times, and the columns that times have.
fn header(interval: i64) -> (&'static str, usize) {
    match interval {
        1_000_000_000.. => ("hh:mm:ss", 8),
        1_000_000.. => ("hh:mm:ss.ms", 12),
        1_000.. => ("hh:mm:ss.μs", 15),
        _ => ("hh:mm:ss.ns", 18),
    }
}

fn edge(corner: u8, out: &mut Vec<u8>) {
    out.push(corner);
    out.extend(std::iter::repeat_n(b'_', WIDTH - 2));
    out.extend([corner, b'\n']);
}

/// Where zero is, if it lies between the bounds.
fn zero_column(min: i128, max: i128) -> Option<usize> {
    // Single precision, as everybody's; a column of 53 although the last one has the number 52, which is everybody's, too.
    (min < 0 && max > 0).then(|| (WIDTH as f32 * -min as f32 / (max - min) as f32) as usize).filter(|&column| column > 0)
}

fn write_point(point: &Point, (min, max): (i128, i128), zero: Option<usize>, out: &mut Vec<u8>) {
    let mut line = [b' '; WIDTH];
    (line[0], line[WIDTH - 1]) = (b'|', b'|');
    if let Some(column) = zero {
        line[column.min(WIDTH - 1)] = b'.';
    }
    if let Some(value) = point.value {
        let column = ((WIDTH - 1) as f32 * (value - min) as f32 / (max - min) as f32) as usize;
        line[column.min(WIDTH - 1)] = b'*';
    }
    out.extend_from_slice(point.time.as_bytes());
    out.push(b' ');
    out.extend_from_slice(&line);
    let value = point.value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    out.extend_from_slice(format!(" {value}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A graph of values that are milliseconds apart, without the lines of the edges.
    fn graph(signed: bool, interval: i64, values: &[Option<i128>]) -> String {
        let point = |(at, value): (usize, &Option<i128>)| Point { start: 0, time: format!("00:00:00.{at:03}"), value: *value };
        let series = Series { interval, signed, points: values.iter().enumerate().map(point).collect() };
        let mut out = Vec::new();
        write(&series, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn the_whole_of_a_graph() {
        let text = "             0                                                   5
hh:mm:ss.ms  |___________________________________________________|
00:00:00.000 *                                                   | 0
00:00:00.001 |                                                   | -
00:00:00.002 |                              *                    | 3
00:00:00.003 |                                                   * 5
             v___________________________________________________v
             0                                                   5
";
        assert_eq!(graph(false, 1_000_000, &[Some(0), None, Some(3), Some(5)]), text);
        assert_eq!(graph(true, 1, &[]), "<no data>");
        assert_eq!(graph(true, 1, &[None]), "<no data>");
    }

    #[test]
    fn zero_is_marked_between_signs() {
        let text = graph(true, 1_000_000, &[Some(-5), Some(-1), Some(0), Some(4), Some(5)]);
        let lines: Vec<&str> = text.lines().skip(2).take(5).collect();
        let expected = [
            "00:00:00.000 *                         .                         | -5",
            "00:00:00.001 |                   *     .                         | -1",
            "00:00:00.002 |                         *                         | 0",
            "00:00:00.003 |                         .                   *     | 4",
            "00:00:00.004 |                         .                         * 5",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn one_value_is_in_the_middle_or_at_the_end_of_its_type() {
        let bounds = |signed, value| {
            let text = graph(signed, 1_000_000, &[Some(value)]);
            let line = text.lines().next().expect("a line");
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join("..")
        };
        assert_eq!(bounds(true, 0), "-1..1");
        assert_eq!(bounds(false, 0), "0..1");
        assert_eq!(bounds(true, i64::MIN.into()), "-9223372036854775808..-9223372036854775807");
        assert_eq!(bounds(false, u64::MAX.into()), "18446744073709551614..18446744073709551615");
        assert!(graph(true, 1_000_000, &[Some(9)]).contains("00:00:00.000 |                         *                         | 9\n"));
    }

    #[test]
    fn times_have_the_digits_of_the_interval() {
        for (interval, header) in [
            (1_000_000_000, "hh:mm:ss |"),
            (999_999_999, "hh:mm:ss.ms  |"),
            (1_000_000, "hh:mm:ss.ms  |"),
            (1_000, "hh:mm:ss.μs     |"),
            (999, "hh:mm:ss.ns        |"),
        ] {
            let text = graph(true, interval, &[Some(1)]);
            assert!(text.lines().nth(1).expect("a header").starts_with(header), "{interval}: {text}");
        }
    }
}
