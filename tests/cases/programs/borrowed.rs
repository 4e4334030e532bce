//! Functions with slices, references, and values of several sizes. For probes that know types from debug information.

use std::hint::black_box;

pub struct Point {
    pub x: i32,
    pub y: i64,
}

pub struct Large {
    pub v: [u64; 5],
}

pub enum Kind {
    One,
    Two = 7,
}

#[inline(never)]
pub fn slices(text: &str, numbers: &[u32], count: u8) -> usize {
    black_box(text.len() + numbers.len() + usize::from(count))
}

#[inline(never)]
pub fn values(point: Point, large: Large, kind: Kind, wanted: Option<u32>, last: u16) -> i64 {
    black_box(i64::from(point.x) + point.y + large.v[1] as i64 + kind as i64 + i64::from(wanted.unwrap_or(0)) + i64::from(last))
}

#[inline(never)]
pub fn borrowed(point: &Point, large: &mut Large) -> Large {
    large.v[0] += point.x as u64;
    black_box(Large { v: large.v })
}

fn main() {
    let point = Point { x: 3, y: 4 };
    let mut large = Large { v: [1, 2, 3, 4, 5] };
    borrowed(&point, &mut large);
    slices("hello", &[1, 2, 3], 9);
    values(point, large, Kind::Two, Some(3), 11);
    black_box(Kind::One);
}
