//! [`Value`] → text, as `print`, `%s` and map keys show it (SPEC §9.3). Strings are bytes and stay what they are.

mod series;

use crate::value::{Bucket, Value};

/// Columns of a histogram's bar.
const BAR: usize = 52;

/// Appends the text of a value.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::None => out.extend_from_slice(b"null"),
        Value::Int(number) | Value::Enum(number, None) => write_int(*number, out),
        Value::UInt(number) => write_uint(*number, out),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Pointer(address) => write_pointer(*address, out),
        Value::Enum(_, Some(name)) | Value::Text(name) => out.extend_from_slice(name.as_bytes()),
        Value::Stack(stack) => stack.write(out),
        Value::Str(text) => out.extend_from_slice(text),
        Value::Bytes(bytes) => write_bytes(bytes, out),
        Value::Array(items) => write_list(items, b"[", b",", b"]", out),
        Value::Tuple(items) => write_list(items, b"(", b", ", b")", out),
        Value::Struct(fields) => write_struct(fields, out),
        Value::Histogram(buckets) => write_histogram(buckets, out),
        Value::Series(series) => series::write(series, out),
    }
}

/// The text of a value.
pub fn of(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

/// Appends the text of a value as the key of a map: the outer parentheses of a tuple are left out.
pub fn write_key(key: &Value, out: &mut Vec<u8>) {
    match key {
        Value::Tuple(items) => write_list(items, b"", b", ", b"", out),
        Value::None | Value::Int(_) | Value::UInt(_) | Value::Bool(_) | Value::Pointer(_) | Value::Enum(..) | Value::Str(_) => {
            write(key, out)
        }
        Value::Bytes(_) | Value::Array(_) | Value::Struct(_) | Value::Text(_) | Value::Stack(_) => write(key, out),
        Value::Histogram(_) | Value::Series(_) => write(key, out),
    }
}

/// Appends a signed integer.
pub fn write_int(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    write_uint(number.unsigned_abs(), out);
}

/// Appends an unsigned integer.
pub fn write_uint(number: u64, out: &mut Vec<u8>) {
    write_digits(number, 10, false, out);
}

/// Appends the digits of a number in base 8, 10 or 16.
pub fn write_digits(number: u64, base: u64, upper: bool, out: &mut Vec<u8>) {
    // A division by a constant is a multiplication: this runs for every number that is printed.
    match base {
        8 => digits::<8>(number, upper, out),
        16 => digits::<16>(number, upper, out),
        _ => digits::<10>(number, upper, out),
    }
}

fn digits<const BASE: u64>(mut number: u64, upper: bool, out: &mut Vec<u8>) {
    // 22 digits: u64::MAX in base 8.
    let mut digits = [0u8; 22];
    let mut start = digits.len();
    loop {
        start -= 1;
        let digit = (number % BASE) as u8;
        digits[start] = match digit {
            0..=9 => b'0' + digit,
            _ if upper => b'A' + digit - 10,
            _ => b'a' + digit - 10,
        };
        number /= BASE;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

fn write_pointer(address: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0x");
    write_digits(address, 16, false, out);
}

/// Printable ASCII as it is, everything else as `\xhh`.
pub fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            b' '..=b'~' => out.push(byte),
            _ => write_escaped(byte, out),
        }
    }
}

/// Appends `\xhh`.
pub fn write_escaped(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\x");
    write_hex_byte(byte, out);
}

/// Appends two hexadecimal digits.
pub fn write_hex_byte(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

fn write_list(items: &[Value], open: &[u8], between: &[u8], close: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(between);
        }
        write(item, out);
    }
    out.extend_from_slice(close);
}

fn write_struct(fields: &[(String, Value)], out: &mut Vec<u8>) {
    if fields.is_empty() {
        return out.extend_from_slice(b"{}");
    }
    for (index, (name, value)) in fields.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"{ ." } else { b", ." });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b" = ");
        write(value, out);
    }
    out.extend_from_slice(b" }");
}

/// One row per bucket (SPEC §9.6): label, count, bar. The bar's length is computed in single precision, as everybody's is.
fn write_histogram(buckets: &[Bucket], out: &mut Vec<u8>) {
    let largest = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0).max(1);
    for bucket in buckets {
        let mut count = Vec::new();
        write_uint(bucket.count, &mut count);
        let filled = (bucket.count as f32 / largest as f32 * BAR as f32) as usize;
        pad(out, bucket.label.as_bytes(), 16, true);
        pad(out, &count, 8, false);
        out.extend_from_slice(b" |");
        out.extend(std::iter::repeat_n(b'@', filled));
        out.extend(std::iter::repeat_n(b' ', BAR - filled.min(BAR)));
        out.extend_from_slice(b"|\n");
    }
}

/// Appends `text` in a column of at least `width` bytes.
pub fn pad(out: &mut Vec<u8>, text: &[u8], width: usize, left: bool) {
    let blanks = std::iter::repeat_n(b' ', width.saturating_sub(text.len()));
    if left {
        out.extend_from_slice(text);
        out.extend(blanks);
    } else {
        out.extend(blanks);
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: Value, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&of(&value)), expected);
    }

    fn text(s: &str) -> Value {
        Value::Str(s.into())
    }

    #[test]
    fn scalars() {
        check(Value::Int(i64::MIN), "-9223372036854775808");
        check(Value::UInt(u64::MAX), "18446744073709551615");
        check(Value::UInt(0), "0");
        check(Value::Bool(true), "true");
        check(Value::Pointer(0), "0x0");
        check(Value::Pointer(0xffff_8000_0000_00ab), "0xffff8000000000ab");
        check(Value::Enum(2, Some("TWO".into())), "TWO");
        check(Value::Enum(-7, None), "-7");
        check(Value::None, "null");
    }

    #[test]
    fn buffers_show_every_byte() {
        check(Value::Bytes(b"a\\b\x01\xff\"~\x7f".to_vec()), "a\\b\\x01\\xff\"~\\x7f");
    }

    #[test]
    fn composites_nest() {
        let inner = Value::Tuple(vec![Value::Int(2), text("b")]);
        check(Value::Tuple(vec![Value::Int(1), text("a"), inner]), "(1, a, (2, b))");
        let row = Value::Array(vec![Value::Int(1), Value::Int(2)]);
        check(Value::Array(vec![row.clone(), row.clone()]), "[[1,2],[1,2]]");
        let inner = Value::Struct(vec![("c".into(), row)]);
        check(Value::Struct(vec![("a".into(), Value::UInt(1)), ("b".into(), inner)]), "{ .a = 1, .b = { .c = [1,2] } }");
        check(Value::Struct(vec![]), "{}");
        check(Value::Tuple(vec![]), "()");
    }

    #[test]
    fn keys_lose_the_outer_parentheses_of_tuples_only() {
        let check = |key: Value, expected: &str| {
            let mut out = Vec::new();
            write_key(&key, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        };
        check(Value::Tuple(vec![Value::Int(1), Value::Tuple(vec![text("x")])]), "1, (x)");
        check(text("(x)"), "(x)");
    }

    #[test]
    fn histogram_rows_have_columns() {
        let bucket = |label: &str, count| Bucket { label: label.into(), min: None, max: None, count };
        let empty = " ".repeat(52);
        let half = format!("{}{}", "@".repeat(26), " ".repeat(26));
        let expected = format!(
            "[0]                    1 |{half}|\n[1]                    0 |{empty}|\n[2, 4)                 2 |{}|\n",
            "@".repeat(52)
        );
        check(Value::Histogram(vec![bucket("[0]", 1), bucket("[1]", 0), bucket("[2, 4)", 2)]), &expected);
        check(Value::Histogram(vec![bucket("[0]", 0)]), &format!("[0]                    0 |{empty}|\n"));
    }
}
