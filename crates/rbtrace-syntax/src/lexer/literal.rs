//! Literals: integers with their prefixes, suffixes and durations, strings with their escapes (SPEC §1.7, §1.8).
//!
//! Knows no position in a script: offsets are relative to the literal.

use std::ops::Range;

/// What is wrong with a literal: where inside it, what, why, and perhaps what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) why: String,
    pub(super) hint: Option<String>,
}

impl Flaw {
    fn new(at: Range<usize>, message: impl Into<String>, why: impl Into<String>) -> Self {
        Self { at, message: message.into(), why: why.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The value of a number; `text` begins with a digit and holds only letters, digits and `_`.
pub(super) fn integer(text: &str) -> Result<u64, Flaw> {
    let all = 0..text.len();
    let lower = text.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        _ => (10, &lower[..]),
    };
    let skipped = lower.len() - digits.len();
    let end = digits.find(|c: char| c != '_' && !c.is_digit(base)).unwrap_or(digits.len());
    let (digits, tail) = digits.split_at(end);
    if digits.ends_with('_') {
        let at = skipped + end - 1..skipped + end;
        return Err(Flaw::new(at, format!("`{text}` ends its digits with `_`"), "`_` separates digits, so one must follow"));
    }
    if digits.is_empty() {
        return Err(Flaw::new(all, format!("`{text}` has no digits"), format!("the digits of base {base} are missing after the prefix")));
    }
    let digits = digits.replace('_', "");
    let octal = base == 10 && digits.len() > 1 && digits.starts_with('0');
    if octal && digits.contains(['8', '9']) {
        let why = "a leading `0` makes the number octal, whose digits are 0 to 7";
        let decimal = digits.trim_start_matches('0');
        return Err(Flaw::new(all, format!("`{text}` is not an octal number"), why).hint(format!("write `{decimal}` for a decimal number")));
    }
    let base = if octal { 8 } else { base };
    let value = u64::from_str_radix(&digits, base).map_err(|_| too_large(text))?;
    with_tail(text, &digits, value, tail, skipped + end)
}

/// Applies what follows the digits: an exponent, a C suffix or a duration unit.
fn with_tail(text: &str, digits: &str, value: u64, tail: &str, at: usize) -> Result<u64, Flaw> {
    let range = |max: u64, what: &str| match value <= max {
        true => Ok(value),
        false => Err(Flaw::new(0..text.len(), format!("`{text}` is out of range"), format!("the suffix says that it fits {what}"))),
    };
    let scaled = |unit: u64| value.checked_mul(unit).ok_or_else(|| too_large(text));
    if let Some(exponent) = tail.strip_prefix('e').filter(|_| !text.starts_with("0x")) {
        return scientific(text, digits, value, exponent);
    }
    match tail {
        "" | "ul" | "lu" | "ull" | "llu" => Ok(value),
        "u" => range(u32::MAX.into(), "an unsigned 32-bit integer"),
        "l" | "ll" => range(i64::MAX as u64, "a signed 64-bit integer"),
        "ns" => Ok(value),
        "us" => scaled(1_000),
        "ms" => scaled(1_000_000),
        "s" => scaled(1_000_000_000),
        "m" => scaled(60 * 1_000_000_000),
        "h" => scaled(3_600 * 1_000_000_000),
        "d" => scaled(86_400 * 1_000_000_000),
        _ => {
            let suffix = &text[at..];
            let why = "a number may end in a C suffix (`u`, `l`, `ul`, `ll`, `ull`) or in a duration (`ns us ms s m h d`)";
            Err(Flaw::new(at..text.len(), format!("`{suffix}` is not a suffix of a number"), why))
        }
    }
}

/// `5e3`
fn scientific(text: &str, digits: &str, value: u64, exponent: &str) -> Result<u64, Flaw> {
    let all = 0..text.len();
    let exponent = exponent.replace('_', "");
    if exponent.is_empty() || !exponent.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Flaw::new(all, format!("`{text}` has no exponent"), "decimal digits must follow the `e`"));
    }
    if digits.len() != 1 || value == 0 {
        let why = "exactly one digit from 1 to 9 may stand before the `e`";
        return Err(Flaw::new(all, format!("`{text}` is not a number in scientific notation"), why));
    }
    let power = exponent.parse().ok().and_then(|e| 10u64.checked_pow(e));
    power.and_then(|p| value.checked_mul(p)).ok_or_else(|| too_large(text))
}

fn too_large(text: &str) -> Flaw {
    Flaw::new(0..text.len(), format!("`{text}` is too large"), format!("the largest integer is {}", u64::MAX))
}

/// Reads a string literal; `text` begins with its opening quote. Returns its bytes, its length in `text`, its flaws.
pub(super) fn string(text: &str) -> (Vec<u8>, usize, Vec<Flaw>) {
    let source = text.as_bytes();
    let (mut bytes, mut flaws, mut at) = (Vec::new(), Vec::new(), 1);
    loop {
        match source.get(at) {
            None | Some(b'\n') => {
                let flaw = Flaw::new(0..at, "this string has no end", "the closing `\"` must stand on the same line");
                flaws.push(flaw.hint("a line break inside a string is written `\\n`"));
                return (bytes, at, flaws);
            }
            Some(b'"') => return (bytes, at + 1, flaws),
            Some(b'\\') => {
                let (value, length) = escape(text, at);
                match value {
                    Ok(byte) => bytes.push(byte),
                    Err(flaw) => flaws.push(flaw),
                }
                at += length;
            }
            Some(&byte) => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
}

/// The byte that the escape at `text[at..]` stands for, and the length of the escape.
fn escape(text: &str, at: usize) -> (Result<u8, Flaw>, usize) {
    let source = text.as_bytes();
    let run = |from: usize, max: usize, digit: fn(&u8) -> bool| source[from..].iter().take(max).take_while(|b| digit(b)).count();
    let simple = |byte| (Ok(byte), 2);
    match source.get(at + 1) {
        Some(b'n') => simple(b'\n'),
        Some(b't') => simple(b'\t'),
        Some(b'r') => simple(b'\r'),
        Some(b'"') => simple(b'"'),
        Some(b'\\') => simple(b'\\'),
        Some(b'0'..=b'7') => {
            let length = 1 + run(at + 1, 3, |b| (b'0'..=b'7').contains(b));
            let written = &text[at..at + length];
            let value = u8::from_str_radix(&written[1..], 8);
            (
                value.map_err(|_| Flaw::new(at..at + length, format!("`{written}` is not a byte"), "the largest octal escape is `\\377`")),
                length,
            )
        }
        Some(b'x' | b'X') => {
            let digits = run(at + 2, 2, u8::is_ascii_hexdigit);
            let value = u8::from_str_radix(&text[at + 2..at + 2 + digits], 16);
            (value.map_err(|_| Flaw::new(at..at + 2, "`\\x` has no digits", "one or two hexadecimal digits must follow")), 2 + digits)
        }
        None | Some(b'\n') => {
            (Err(Flaw::new(at..at + 1, "`\\` stands at the end of a line", "it escapes the next character, and there is none")), 1)
        }
        Some(_) => {
            let length = 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
            let written = &text[at..at + length];
            let why = "the escapes are `\\n \\t \\r \\\" \\\\`, octal `\\033` and hexadecimal `\\x1b`";
            let flaw = Flaw::new(at..at + length, format!("`{written}` is not an escape sequence"), why);
            let hint = match written {
                "\\e" => "write `\\033` for the escape character".to_string(),
                _ => format!("write `\\\\{}` for a backslash", &written[1..]),
            };
            (Err(flaw.hint(hint)), length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{integer, string};

    #[test]
    fn integers_have_the_value_that_was_written() {
        let cases: &[(&str, u64)] = &[
            ("0", 0),
            ("1_000", 1000),
            ("0775", 0o775),
            ("0xFf_ff", 0xffff),
            ("0b101", 5),
            ("5e3", 5000),
            ("1e1_0", 10_000_000_000),
            ("1e19", 10_000_000_000_000_000_000),
            ("4294967295u", u32::MAX as u64),
            ("18446744073709551615ULL", u64::MAX),
            ("0xfful", 255),
            ("3us", 3000),
            ("2m", 120_000_000_000),
            ("1d", 86_400_000_000_000),
        ];
        for &(text, value) in cases {
            assert_eq!(integer(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn integers_that_are_none_are_refused() {
        let cases =
            ["1_", "0x", "08", "18446744073709551616", "10e3", "0e1", "1e", "1e20", "4294967296u", "9223372036854775808l", "5x", "5su"];
        for text in cases {
            assert!(integer(text).is_err(), "{text}");
        }
        assert!(integer("1000000d").is_err(), "a duration of more than 2^64 nanoseconds");
    }

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(string(r#""a\n\033\x1B\x7\\\"" rest"#), (b"a\n\x1b\x1b\x07\\\"".to_vec(), 20, vec![]));
        assert_eq!(string("\"é\"").0, "é".as_bytes());
        for text in [r#""\400""#, r#""\e""#, r#""\x""#, r#""\é""#, "\"open\n", "\"\\"] {
            assert!(!string(text).2.is_empty(), "{text}");
        }
    }
}
