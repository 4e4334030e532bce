//! A format string and its arguments' values → text, in user space. Runs once per printed line: no allocation but the output's.

use crate::text;
use crate::value::Value;

use super::gfp;
use super::spec::{Conversion, Piece, Size, Spec, bounded, pieces};

/// Appends the text. A conversion whose argument is missing or of a kind it cannot show (the compiler lets neither through) leaves a
/// `!{reason}` where it stood.
pub fn render(format: &[u8], args: &[Value], out: &mut Vec<u8>) {
    let mut args = args.iter();
    for piece in pieces(format) {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Float(_) => out.extend_from_slice(b"!{no floating-point numbers}"),
            Piece::Spec(spec) => convert(spec, &mut args, out),
        }
    }
}

/// A conversion with its sizes known.
struct Column {
    spec: Spec,
    width: usize,
    precision: Option<usize>,
    left: bool,
}

fn convert<'a>(spec: Spec, args: &mut impl Iterator<Item = &'a Value>, out: &mut Vec<u8>) {
    let width = size(spec.width, args);
    let precision = size(spec.precision, args);
    let column = Column {
        spec,
        width: bounded(width.unwrap_or(0).unsigned_abs()),
        // As in C: a negative precision is none, a negative width means left.
        precision: precision.and_then(|digits| u64::try_from(digits).ok()).map(bounded),
        left: spec.left || width.is_some_and(|width| width < 0),
    };
    let Some(value) = args.next() else { return out.extend_from_slice(b"!{no argument}") };
    match spec.conversion {
        Conversion::Text => column.text(value, out),
        Conversion::Buffer => column.buffer(value, text::write_bytes, out),
        Conversion::EscapedBuffer => column.buffer(value, |bytes, out| bytes.iter().for_each(|&byte| text::write_escaped(byte, out)), out),
        Conversion::HexBuffer => column.buffer(value, write_hex, out),
        Conversion::Signed => column.signed(value, out),
        Conversion::Unsigned => column.unsigned(value, 10, b"", out),
        Conversion::Octal => column.unsigned(value, 8, b"0", out),
        Conversion::Hex => column.unsigned(value, 16, b"0x", out),
        Conversion::UpperHex => column.unsigned(value, 16, b"0X", out),
        Conversion::AllocationFlags => match number(value) {
            Some(flags) => column.pad(out, |out| gfp::write(flags, out)),
            None => not_shown(out),
        },
        Conversion::Char => match number(value) {
            Some(byte) => column.pad(out, |out| out.push(byte as u8)),
            None => not_shown(out),
        },
        Conversion::Pointer => match number(value) {
            Some(0) => column.pad(out, |out| out.push(b'0')),
            Some(address) => column.digits(b"0x", address, 16, out),
            None => not_shown(out),
        },
    }
}

fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    for (index, &byte) in bytes.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        text::write_hex_byte(byte, out);
    }
}

fn size<'a>(size: Size, args: &mut impl Iterator<Item = &'a Value>) -> Option<i64> {
    match size {
        Size::None => None,
        Size::Fixed(number) => Some(number.into()),
        Size::Argument => args.next().and_then(number).map(|number| i64::from(number as i32)),
    }
}

/// The 64 bits of a scalar.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) | Value::Enum(number, _) => Some(*number as u64),
        Value::UInt(number) | Value::Pointer(number) => Some(*number),
        Value::Bool(value) => Some(u64::from(*value)),
        Value::None | Value::Str(_) | Value::Bytes(_) | Value::Array(_) | Value::Tuple(_) => None,
        Value::Struct(_) | Value::Text(_) | Value::Stack(_) | Value::Histogram(_) | Value::Series(_) => None,
    }
}

fn not_shown(out: &mut Vec<u8>) {
    out.extend_from_slice(b"!{not a number}");
}

impl Column {
    /// Runs `write` and pads what it wrote with blanks.
    fn pad(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        write(out);
        self.fill(start, out);
    }

    /// Pads what was written since `start` with blanks.
    fn fill(&self, start: usize, out: &mut Vec<u8>) {
        let blanks = self.width.saturating_sub(out.len() - start);
        if blanks == 0 {
            return;
        }
        out.resize(out.len() + blanks, b' ');
        if !self.left {
            out[start..].rotate_right(blanks);
        }
    }

    fn text(&self, value: &Value, out: &mut Vec<u8>) {
        let start = out.len();
        text::write(value, out);
        if let Some(most) = self.precision {
            out.truncate(start + most.min(out.len() - start));
        }
        self.fill(start, out);
    }

    fn buffer(&self, value: &Value, write: fn(&[u8], &mut Vec<u8>), out: &mut Vec<u8>) {
        let Value::Bytes(bytes) = value else { return out.extend_from_slice(b"!{not a buffer}") };
        let bytes = &bytes[..self.precision.unwrap_or(usize::MAX).min(bytes.len())];
        self.pad(out, |out| write(bytes, out));
    }

    fn signed(&self, value: &Value, out: &mut Vec<u8>) {
        let Some(number) = number(value) else { return not_shown(out) };
        let unused = 64 - 8 * u32::from(self.spec.bytes);
        let number = (number << unused) as i64 >> unused;
        let sign: &[u8] = match (number < 0, self.spec.plus, self.spec.space) {
            (true, _, _) => b"-",
            (false, true, _) => b"+",
            (false, false, true) => b" ",
            (false, false, false) => b"",
        };
        self.digits(sign, number.unsigned_abs(), 10, out);
    }

    /// `prefix` is what `#` asks for; C leaves it out before a zero.
    fn unsigned(&self, value: &Value, base: u64, prefix: &[u8], out: &mut Vec<u8>) {
        let Some(number) = number(value) else { return not_shown(out) };
        let unused = 64 - 8 * u32::from(self.spec.bytes);
        let number = number << unused >> unused;
        let prefix = if self.spec.alternate && number != 0 { prefix } else { b"" };
        self.digits(prefix, number, base, out);
    }

    /// A sign or base prefix, then digits: zeros between both fill up to the precision, or to the width where C says so.
    fn digits(&self, prefix: &[u8], number: u64, base: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(prefix);
        let first = out.len();
        if !(number == 0 && self.precision == Some(0)) {
            text::write_digits(number, base, self.spec.conversion == Conversion::UpperHex, out);
        }
        let least = match self.precision {
            Some(digits) => digits,
            None if self.spec.zero && !self.left => self.width.saturating_sub(prefix.len()),
            None => 0,
        };
        let zeros = least.saturating_sub(out.len() - first);
        if zeros > 0 {
            out.resize(out.len() + zeros, b'0');
            out[first..].rotate_right(zeros);
        }
        self.fill(start, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: &str, args: &[Value], expected: &str) {
        let mut out = b">".to_vec();
        render(format.as_bytes(), args, &mut out);
        assert_eq!(String::from_utf8_lossy(&out[1..]), expected, "{format}");
    }

    fn int(number: i64) -> [Value; 1] {
        [Value::Int(number)]
    }

    fn text(s: &str) -> [Value; 1] {
        [Value::Str(s.into())]
    }

    /// Expectations are what C's printf writes for the same formats and numbers.
    #[test]
    fn integers_as_in_c() {
        for (format, number, expected) in [
            ("%d", -1, "-1"),
            ("%d", 1 << 32 | 5, "5"),
            ("%u", -1, "4294967295"),
            ("%lu", -1, "18446744073709551615"),
            ("%hhd", 255, "-1"),
            ("%hd", 65535, "-1"),
            ("%hhu", -1, "255"),
            ("%x", -1, "ffffffff"),
            ("%hhx", 0x0012_3456_78ab_cdef_i64, "ef"),
            ("%hx", 0x0012_3456_78ab_cdef_i64, "cdef"),
            ("%x", 0x0012_3456_78ab_cdef_i64, "78abcdef"),
            ("%jx", 0x0012_3456_78ab_cdef_i64, "12345678abcdef"),
            ("%#x", 255, "0xff"),
            ("%#X", 255, "0XFF"),
            ("%#x", 0, "0"),
            ("%#o", 8, "010"),
            ("%o", 8, "10"),
            ("%5d|", 42, "   42|"),
            ("%-5d|", 42, "42   |"),
            ("%05d|", -42, "-0042|"),
            ("%+d", 5, "+5"),
            ("% d", 5, " 5"),
            ("% d", -5, "-5"),
            ("%+5d|", 3, "   +3|"),
            ("%.3d", 5, "005"),
            ("%5.3d|", 5, "  005|"),
            ("%05.3d|", 5, "  005|"),
            ("%-05d|", 5, "5    |"),
            ("%.0d|", 0, "|"),
            ("%08x", 255, "000000ff"),
            ("%#08x", 255, "0x0000ff"),
            ("%i", 7, "7"),
            ("%ld", i64::MIN, "-9223372036854775808"),
        ] {
            check(format, &int(number), expected);
        }
    }

    #[test]
    fn pointers_and_characters() {
        check("%p", &[Value::Pointer(0xff)], "0xff");
        check("%p", &[Value::Pointer(0)], "0");
        check("%8p|%-8p|", &[Value::UInt(255), Value::UInt(255)], "    0xff|0xff    |");
        check("%c%c", &[Value::Int(0x41), Value::Int(0x142)], "AB");
        check("%5c|%-3c|", &[Value::Int(65), Value::Int(66)], "    A|B  |");
    }

    #[test]
    fn texts() {
        check("%s", &text("abc"), "abc");
        check("%5s|", &text("ba"), "   ba|");
        check("%-16.16s|", &text("a very long name indeed"), "a very long name|");
        check("%.10s", &text("abc"), "abc");
        check("%.2s|", &text("abc"), "ab|");
        check("%-8s|", &text("abc"), "abc     |");
        check("%5s|%-6s|", &[Value::Bool(true), Value::Bool(false)], " true|false |");
        check("%10s|", &[Value::Tuple(vec![Value::Int(1), Value::Str(b"a".to_vec())])], "    (1, a)|");
        check("%d %s", &[Value::Enum(1, Some("ONE".into())), Value::Enum(1, Some("ONE".into()))], "1 ONE");
        check("%d%%", &[Value::Bool(true)], "1%");
    }

    #[test]
    fn buffers() {
        let hello = [Value::Bytes(b"He\0".to_vec())];
        check("%r", &hello, "He\\x00");
        check("%rx", &hello, "\\x48\\x65\\x00");
        check("%rh", &hello, "48 65 00");
        check("%8r|", &hello, "  He\\x00|");
        check("%.2r|", &hello, "He|");
    }

    #[test]
    fn star_takes_an_argument() {
        let args = |width, value| [Value::Int(width), Value::Int(value)];
        check("%*d|", &args(5, 42), "   42|");
        check("%*d|", &args(-5, 42), "42   |");
        check("%.*d|", &args(3, 42), "042|");
        check("%.*d|", &args(-3, 42), "42|");
    }

    #[test]
    fn what_cannot_be_shown_says_so() {
        check("%d", &text("x"), "!{not a number}");
        check("%r", &int(1), "!{not a buffer}");
        check("%d %d", &int(1), "1 !{no argument}");
    }
}
