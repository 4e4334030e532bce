//! A format string → its pieces: literal bytes and conversions. Knows C's grammar of conversions, no types.

/// A piece of a format string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Copied as it is.
    Text(&'a [u8]),
    /// Takes an argument.
    Spec(Spec),
    /// A conversion of C that means a floating-point number, which no value is: its letter.
    Float(u8),
}

/// `%-08.3lx`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// `-`: pads on the right.
    pub left: bool,
    /// `+`: a sign even before non-negative numbers.
    pub plus: bool,
    /// ` `: a space where a sign would be.
    pub space: bool,
    /// `#`: `0x` or `0` before the digits.
    pub alternate: bool,
    /// `0`: pads with zeros.
    pub zero: bool,
    /// Least bytes.
    pub width: Size,
    /// Most bytes of a text, least digits of a number.
    pub precision: Size,
    /// Bytes of the integer that are looked at: 1, 2, 4 or 8.
    pub bytes: u8,
    /// What it shows.
    pub conversion: Conversion,
}

/// Width or precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Not given.
    None,
    /// A number.
    Fixed(u32),
    /// `*`: the next argument.
    Argument,
}

/// The letter of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// `d`, `i`
    Signed,
    /// `u`
    Unsigned,
    /// `o`
    Octal,
    /// `x`
    Hex,
    /// `X`
    UpperHex,
    /// `c`
    Char,
    /// `p`
    Pointer,
    /// `s`: any value.
    Text,
    /// `r`: a buffer, printable ASCII as it is.
    Buffer,
    /// `rx`: a buffer, every byte `\xhh`.
    EscapedBuffer,
    /// `rh`: a buffer, `hh hh`.
    HexBuffer,
    /// `gr`: flags of an allocation.
    AllocationFlags,
}

impl Conversion {
    /// As written.
    pub fn letters(self) -> &'static str {
        match self {
            Self::Signed => "d",
            Self::Unsigned => "u",
            Self::Octal => "o",
            Self::Hex => "x",
            Self::UpperHex => "X",
            Self::Char => "c",
            Self::Pointer => "p",
            Self::Text => "s",
            Self::Buffer => "r",
            Self::EscapedBuffer => "rx",
            Self::HexBuffer => "rh",
            Self::AllocationFlags => "gr",
        }
    }
}

/// Longest width and precision that are honoured: a script cannot ask for gigabytes of blanks.
const LONGEST: u32 = 1 << 20;

/// The pieces of a format string, in order.
pub fn pieces(format: &[u8]) -> Pieces<'_> {
    Pieces { rest: format }
}

/// See [`pieces`].
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest;
        if rest.is_empty() {
            return None;
        }
        let (piece, taken) = match rest.iter().position(|&byte| byte == b'%') {
            Some(0) => conversion(rest),
            Some(at) => (Piece::Text(&rest[..at]), at),
            None => (Piece::Text(rest), rest.len()),
        };
        self.rest = &rest[taken..];
        Some(piece)
    }
}

/// The piece at the start of `text`, which begins with `%`, and how long it is. What is no conversion is text.
fn conversion(text: &[u8]) -> (Piece<'_>, usize) {
    let mut cursor = Cursor { text, at: 1 };
    if cursor.take(b'%') {
        return (Piece::Text(b"%"), cursor.at);
    }
    let mut spec = Spec {
        left: false,
        plus: false,
        space: false,
        alternate: false,
        zero: false,
        width: Size::None,
        precision: Size::None,
        bytes: 4,
        conversion: Conversion::Text,
    };
    cursor.flags(&mut spec);
    spec.width = cursor.size();
    if cursor.take(b'.') {
        spec.precision = match cursor.size() {
            Size::None => Size::Fixed(0),
            given @ (Size::Fixed(_) | Size::Argument) => given,
        };
    }
    spec.bytes = cursor.length();
    let letter = cursor.next();
    spec.conversion = match letter {
        Some(b'd' | b'i') => Conversion::Signed,
        Some(b'u') => Conversion::Unsigned,
        Some(b'o') => Conversion::Octal,
        Some(b'x') => Conversion::Hex,
        Some(b'X') => Conversion::UpperHex,
        Some(b'c') => Conversion::Char,
        Some(b'p') => Conversion::Pointer,
        Some(b's') => Conversion::Text,
        Some(b'r') if cursor.take(b'x') => Conversion::EscapedBuffer,
        Some(b'r') if cursor.take(b'h') => Conversion::HexBuffer,
        Some(b'r') => Conversion::Buffer,
        Some(b'g') if cursor.take(b'r') => Conversion::AllocationFlags,
        Some(float @ (b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A')) => return (Piece::Float(float), cursor.at),
        Some(_) | None => return (Piece::Text(&text[..1]), 1),
    };
    (Piece::Spec(spec), cursor.at)
}

/// A place in the text of a conversion.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.text.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn flags(&mut self, spec: &mut Spec) {
        while let Some(byte) = self.text.get(self.at) {
            let flag = match byte {
                b'-' => &mut spec.left,
                b'+' => &mut spec.plus,
                b' ' => &mut spec.space,
                b'#' => &mut spec.alternate,
                b'0' => &mut spec.zero,
                _ => return,
            };
            *flag = true;
            self.at += 1;
        }
    }

    fn size(&mut self) -> Size {
        if self.take(b'*') {
            return Size::Argument;
        }
        let mut number = None;
        while let Some(digit) = self.text.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            let so_far = number.unwrap_or(0u32);
            number = Some(so_far.saturating_mul(10).saturating_add(u32::from(digit - b'0')).min(LONGEST));
            self.at += 1;
        }
        number.map_or(Size::None, Size::Fixed)
    }

    /// A length modifier, as bytes of the integer; without one it is C's `int`.
    fn length(&mut self) -> u8 {
        let (taken, bytes) = match self.text[self.at..] {
            [b'h', b'h', ..] => (2, 1),
            [b'h', ..] => (1, 2),
            [b'l', b'l', ..] => (2, 8),
            [b'l' | b'j' | b'z' | b't' | b'L', ..] => (1, 8),
            _ => (0, 4),
        };
        self.at += taken;
        bytes
    }
}

/// A width or precision from an argument: negative widths are C's way to say left, the caller has taken care of that.
pub(super) fn bounded(size: u64) -> usize {
    size.min(LONGEST.into()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(conversion: Conversion) -> Spec {
        let size = Size::None;
        Spec { left: false, plus: false, space: false, alternate: false, zero: false, width: size, precision: size, bytes: 4, conversion }
    }

    fn check(format: &str, expected: &[Piece<'_>]) {
        assert_eq!(pieces(format.as_bytes()).collect::<Vec<_>>(), expected, "{format}");
    }

    #[test]
    fn conversions_are_found() {
        let signed = plain(Conversion::Signed);
        check("", &[]);
        check("a%db", &[Piece::Text(b"a"), Piece::Spec(signed), Piece::Text(b"b")]);
        check("%lld", &[Piece::Spec(Spec { bytes: 8, ..signed })]);
        check("%hhd%hd", &[Piece::Spec(Spec { bytes: 1, ..signed }), Piece::Spec(Spec { bytes: 2, ..signed })]);
        let column = Spec { left: true, width: Size::Fixed(16), precision: Size::Fixed(3), ..plain(Conversion::Text) };
        check("%-16.3s", &[Piece::Spec(column)]);
        check("%*.*d", &[Piece::Spec(Spec { width: Size::Argument, precision: Size::Argument, ..signed })]);
        check("%.d", &[Piece::Spec(Spec { precision: Size::Fixed(0), ..signed })]);
        check("%gr%g", &[Piece::Spec(plain(Conversion::AllocationFlags)), Piece::Float(b'g')]);
        check("%r%rx%rh", &[Conversion::Buffer, Conversion::EscapedBuffer, Conversion::HexBuffer].map(|c| Piece::Spec(plain(c))));
    }

    #[test]
    fn the_rest_is_text() {
        check("%%", &[Piece::Text(b"%")]);
        check("100%", &[Piece::Text(b"100"), Piece::Text(b"%")]);
        check("%5y", &[Piece::Text(b"%"), Piece::Text(b"5y")]);
        check("%l ", &[Piece::Text(b"%"), Piece::Text(b"l ")]);
        check("%-", &[Piece::Text(b"%"), Piece::Text(b"-")]);
        check("%.2f", &[Piece::Float(b'f')]);
    }

    #[test]
    fn absurd_widths_are_bounded() {
        check("%99999999999d", &[Piece::Spec(Spec { width: Size::Fixed(LONGEST), ..plain(Conversion::Signed) })]);
    }
}
