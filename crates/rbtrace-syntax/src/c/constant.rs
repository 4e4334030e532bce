//! Constant expressions of C: array lengths, widths, enum values, `#if`.

use std::collections::HashMap;

use rbtrace_diag::{Diagnostic, Span};

use super::World;
use super::declaration::{BASIC, canonical};
use super::token::{Kind, Token};

/// The deepest nesting of brackets and unary operators.
const MAX_DEPTH: u32 = 64;

/// What the names in an expression are worth.
pub(super) struct Names<'a> {
    /// Enum constants that the script has defined so far.
    pub own: &'a HashMap<String, i64>,
    /// Constants and types that headers would define.
    pub world: &'a World<'a>,
    /// In `#if` an unknown name is 0.
    pub unknown_is_zero: bool,
}

/// The value of an expression that takes up all tokens; `around` is where to complain when there are none.
pub(super) fn value(tokens: &[Token], names: &Names, around: Span) -> Result<i64, Diagnostic> {
    let mut reader = Reader { tokens, at: 0, names, around };
    let value = reader.conditional(0)?;
    match reader.peek() {
        None => Ok(value),
        Some(token) => Err(Diagnostic::error(token.span, format!("unexpected `{}` in a constant expression", token.text))),
    }
}

struct Reader<'a, 't> {
    tokens: &'a [Token<'t>],
    at: usize,
    names: &'a Names<'a>,
    around: Span,
}

impl<'t> Reader<'_, 't> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<Token<'t>> {
        let token = self.peek();
        self.at += usize::from(token.is_some());
        token
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == Kind::Sign && token.text == sign);
        self.at += usize::from(found);
        found
    }

    fn conditional(&mut self, depth: u32) -> Result<i64, Diagnostic> {
        let condition = self.binary(0, depth)?;
        if !self.eat("?") {
            return Ok(condition);
        }
        let then = self.conditional(self.deeper(depth)?)?;
        self.expect(":")?;
        let otherwise = self.conditional(self.deeper(depth)?)?;
        Ok(if condition != 0 { then } else { otherwise })
    }

    /// Operators that bind at least as tight as `least`.
    fn binary(&mut self, least: u8, depth: u32) -> Result<i64, Diagnostic> {
        let mut left = self.unary(depth)?;
        while let Some((operator, strength)) = self.peek().and_then(|token| Some((token, strength(token)?))) {
            if strength < least {
                break;
            }
            self.at += 1;
            let right = self.binary(strength + 1, self.deeper(depth)?)?;
            left = apply(operator, left, right)?;
        }
        Ok(left)
    }

    fn unary(&mut self, depth: u32) -> Result<i64, Diagnostic> {
        let deeper = self.deeper(depth)?;
        let Some(token) = self.next() else {
            return Err(Diagnostic::error(self.around, "a constant is missing here"));
        };
        match (token.kind, token.text) {
            (Kind::Number, text) => number(text).ok_or_else(|| Diagnostic::error(token.span, format!("`{text}` is no integer"))),
            (Kind::Sign, "-") => Ok(self.unary(deeper)?.wrapping_neg()),
            (Kind::Sign, "+") => self.unary(deeper),
            (Kind::Sign, "~") => Ok(!self.unary(deeper)?),
            (Kind::Sign, "!") => Ok(i64::from(self.unary(deeper)? == 0)),
            (Kind::Sign, "(") => self.bracketed(deeper),
            (Kind::Word, "sizeof") => self.size_of(token),
            (Kind::Word, name) => self.name(token, name),
            (Kind::Sign | Kind::Quoted, text) => {
                Err(Diagnostic::error(token.span, format!("unexpected `{text}` in a constant expression")))
            }
        }
    }

    fn name(&self, token: Token, name: &str) -> Result<i64, Diagnostic> {
        match self.names.own.get(name).copied().or_else(|| (self.names.world.constant)(name)) {
            Some(value) => Ok(value),
            None if self.names.unknown_is_zero => Ok(0),
            None => Err(Diagnostic::error(token.span, format!("unknown constant `{name}`")).because("nothing defines it")),
        }
    }

    /// `(T)a` or `(a)`
    fn bracketed(&mut self, depth: u32) -> Result<i64, Diagnostic> {
        if let Some((bytes, signed)) = self.type_in_brackets() {
            return Ok(cast(self.unary(depth)?, bytes, signed));
        }
        let value = self.conditional(depth)?;
        self.expect(")")?;
        Ok(value)
    }

    /// `sizeof(T)`
    fn size_of(&mut self, keyword: Token) -> Result<i64, Diagnostic> {
        let found = if self.eat("(") { self.type_in_brackets() } else { None };
        found.map(|(bytes, _)| i64::from(bytes)).ok_or_else(|| {
            Diagnostic::error(keyword.span, "the size of this is not known here").because("only that of a type of C or of the kernel is")
        })
    }

    /// The type that an opened bracket holds, and the bracket's end; nothing is taken where there is no type.
    fn type_in_brackets(&mut self) -> Option<(u32, bool)> {
        let rest = self.tokens.get(self.at..)?;
        let end = rest.iter().position(|token| token.text == ")")?;
        let (words, stars) = rest[..end].split_at(rest[..end].iter().position(|token| token.text == "*").unwrap_or(end));
        let words: Vec<&str> = words.iter().filter(|token| token.text != "const").map(|token| token.text).collect();
        let is_type = !words.is_empty() && stars.iter().all(|token| token.text == "*");
        let named = || match words.as_slice() {
            [tag @ ("struct" | "union" | "enum"), name] => (self.names.world.size)(&format!("{tag} {name}")),
            words if words.iter().all(|word| BASIC.contains(word)) => (self.names.world.size)(&canonical(words)),
            [word] if !self.names.own.contains_key(*word) => (self.names.world.size)(word),
            _ => None,
        };
        let found = if stars.is_empty() { named() } else { Some((8, false)) };
        let found = found.filter(|_| is_type)?;
        self.at += end + 1;
        Some(found)
    }

    fn expect(&mut self, sign: &str) -> Result<(), Diagnostic> {
        if self.eat(sign) {
            return Ok(());
        }
        let span = self.peek().map_or(self.around, |token| token.span);
        Err(Diagnostic::error(span, format!("expected `{sign}` in a constant expression")))
    }

    fn deeper(&self, depth: u32) -> Result<u32, Diagnostic> {
        if depth < MAX_DEPTH {
            return Ok(depth + 1);
        }
        Err(Diagnostic::error(self.around, "this constant expression is nested too deeply"))
    }
}

/// A value as an integer type keeps it.
fn cast(value: i64, bytes: u32, signed: bool) -> i64 {
    let unused = 64 - 8 * bytes.clamp(1, 8);
    if signed { value << unused >> unused } else { ((value as u64) << unused >> unused) as i64 }
}

/// How tight a binary operator binds.
fn strength(token: Token) -> Option<u8> {
    if token.kind != Kind::Sign {
        return None;
    }
    Some(match token.text {
        "||" => 0,
        "&&" => 1,
        "|" => 2,
        "^" => 3,
        "&" => 4,
        "==" | "!=" => 5,
        "<" | "<=" | ">" | ">=" => 6,
        "<<" | ">>" => 7,
        "+" | "-" => 8,
        "*" | "/" | "%" => 9,
        _ => return None,
    })
}

fn apply(operator: Token, a: i64, b: i64) -> Result<i64, Diagnostic> {
    let count = (b & 63) as u32;
    Ok(match operator.text {
        "||" => i64::from(a != 0 || b != 0),
        "&&" => i64::from(a != 0 && b != 0),
        "|" => a | b,
        "^" => a ^ b,
        "&" => a & b,
        "==" => i64::from(a == b),
        "!=" => i64::from(a != b),
        "<" => i64::from(a < b),
        "<=" => i64::from(a <= b),
        ">" => i64::from(a > b),
        ">=" => i64::from(a >= b),
        "<<" => a.wrapping_shl(count),
        ">>" => a.wrapping_shr(count),
        "+" => a.wrapping_add(b),
        "-" => a.wrapping_sub(b),
        "*" => a.wrapping_mul(b),
        "/" | "%" if b == 0 => return Err(Diagnostic::error(operator.span, "division by zero in a constant expression")),
        "/" => a.wrapping_div(b),
        _ => a.wrapping_rem(b),
    })
}

/// A C integer or character, its suffix ignored.
fn number(text: &str) -> Option<i64> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let inner = quoted.strip_suffix('\'')?;
        let mut chars = inner.chars();
        return match (chars.next()?, chars.next(), chars.next()) {
            (c, None, _) => Some(i64::from(u32::from(c))),
            ('\\', Some(c), None) => Some(match c {
                'n' => 10,
                't' => 9,
                'r' => 13,
                '0' => 0,
                other => i64::from(u32::from(other)),
            }),
            _ => None,
        };
    }
    let digits = text.trim_end_matches(['u', 'U', 'l', 'L']);
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    u64::from_str_radix(digits, radix).ok().map(|value| value as i64)
}
