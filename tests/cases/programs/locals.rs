//! Variables at a line of a function of Rust: shadowed, in structs, in slices, captured.
use std::hint::black_box;

struct Point {
    x: i32,
    y: i64,
}

#[inline(never)]
fn work(values: &[u32], point: &Point) -> u64 {
    let mut total = 0u64;
    for value in values {
        let scaled = u64::from(*value) * 10;
        let value = scaled + point.x as u64;
        total += black_box(value); // line 15
    }
    total
}

fn main() {
    let point = Point { x: 7, y: -2 };
    let total = work(black_box(&[1, 2]), &point).wrapping_add(point.y as u64);
    std::process::exit((total == 0) as i32);
}
