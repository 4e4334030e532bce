//! Operands of USDT probes, as assembly has them: `-4@%eax 8@-8(%rbp) 4@$5` → where each argument is when the probe fires.
//!
//! The text before the `@` is the argument's size, negative for signed ones, with an `f` behind it for floats; what follows is an operand of
//! the assembler's syntax for the architecture.

use rbtrace_types::Arch;

use crate::probes::registers;

/// Where an argument is, and how it is widened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Operand {
    /// 1, 2, 4 or 8.
    pub bytes: u8,
    pub signed: bool,
    pub source: Source,
}

/// See [`Operand`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    Constant(i64),
    Register(Register),
    /// At `base + index * scale + displacement` in the memory of the process.
    Memory {
        base: Option<Register>,
        index: Option<(Register, u8)>,
        displacement: i64,
    },
    /// At the address of something in the same file, and bytes behind it.
    Symbol {
        name: String,
        displacement: i64,
    },
}

/// A register of `struct pt_regs`, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Register {
    /// Of the whole one.
    pub offset: u32,
    /// Bytes of it that count, and whether they are widened as a signed number.
    pub bytes: u8,
    pub signed: bool,
    /// First bit that counts: 8 for `%ah`.
    pub shift: u8,
}

/// The operands of a place, up to the first one that cannot be read, like a float.
pub(super) fn parse_known(text: &str, arch: Arch) -> Vec<Operand> {
    split(text).into_iter().map_while(|operand| one(operand, arch)).collect()
}

/// Splits at blanks outside of brackets: `8@[sp, 16]` is one operand.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let is_gap = |c: char| {
        depth += i32::from(matches!(c, '[' | '(')) - i32::from(matches!(c, ']' | ')'));
        depth == 0 && c.is_ascii_whitespace()
    };
    text.split(is_gap).filter(|operand| !operand.is_empty()).collect()
}

/// One operand; none if it cannot be read.
pub(super) fn one(text: &str, arch: Arch) -> Option<Operand> {
    // Without a size an operand is as wide as a register.
    let (size, operand) = text.split_once('@').unwrap_or(("8", text));
    let size: i64 = size.parse().ok()?;
    let bytes = u8::try_from(size.unsigned_abs()).ok().filter(|bytes| matches!(bytes, 1 | 2 | 4 | 8))?;
    let source = match arch {
        Arch::X86_64 => x86_64(operand)?,
        Arch::Aarch64 => aarch64(operand)?,
    };
    Some(Operand { bytes, signed: size < 0, source })
}

/// `$5`, `%eax`, `-8(%rbp)`, `16(%rax,%rbx,8)`, `name+4(%rip)`
fn x86_64(text: &str) -> Option<Source> {
    if let Some(constant) = text.strip_prefix('$') {
        return number(constant).map(Source::Constant);
    }
    if text.starts_with('%') {
        return x86_64_register(text).map(Source::Register);
    }
    let Some((displacement, inside)) = text.split_once('(') else { return symbol(text) };
    let mut parts = inside.strip_suffix(')')?.split(',').map(str::trim);
    let base = parts.next().filter(|base| !base.is_empty());
    if base == Some("%rip") {
        return symbol(displacement);
    }
    let base = base.map(x86_64_register).map_or(Some(None), |base| base.map(Some))?;
    let index = parts.next().map(x86_64_register).map_or(Some(None), |index| index.map(Some))?;
    let scale = parts.next().map_or(Some(1), |scale| scale.parse().ok()).filter(|scale| matches!(scale, 1 | 2 | 4 | 8))?;
    let displacement = if displacement.is_empty() { 0 } else { number(displacement)? };
    parts.next().is_none().then_some(Source::Memory { base, index: index.map(|index| (index, scale)), displacement })
}

/// `%rax` and its parts: `%eax`, `%ax`, `%al`, `%ah`; `%r8d`, `%r8w`, `%r8b`.
fn x86_64_register(text: &str) -> Option<Register> {
    let name = text.strip_prefix('%')?;
    let register = |whole: &str, bytes: u8, shift: u8| {
        registers::by_name(Arch::X86_64, whole).map(|offset| Register { offset, bytes, signed: false, shift })
    };
    if let Some(digits) = name.strip_prefix('r').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        let plain = digits.trim_end_matches(|c: char| !c.is_ascii_digit());
        let bytes = match &digits[plain.len()..] {
            "" => 8,
            "d" => 4,
            "w" => 2,
            "b" | "l" => 1,
            _ => return None,
        };
        return register(&format!("r{plain}"), bytes, 0);
    }
    if let Some(whole) = name.strip_prefix('r') {
        return register(whole, 8, 0);
    }
    if let Some(whole) = name.strip_prefix('e').filter(|whole| whole.len() == 2) {
        return register(whole, 4, 0);
    }
    match name {
        "al" | "bl" | "cl" | "dl" => register(&format!("{}x", &name[..1]), 1, 0),
        "ah" | "bh" | "ch" | "dh" => register(&format!("{}x", &name[..1]), 1, 8),
        "sil" | "dil" | "bpl" | "spl" => register(&name[..2], 1, 0),
        "ax" | "bx" | "cx" | "dx" | "si" | "di" | "bp" | "sp" => register(name, 2, 0),
        _ => None,
    }
}

/// `5`, `x0`, `[sp, 16]`, `[x0, x1, lsl 3]`
fn aarch64(text: &str) -> Option<Source> {
    let Some(inside) = text.strip_prefix('[') else {
        let constant = number(text.strip_prefix('#').unwrap_or(text)).map(Source::Constant);
        return constant.or_else(|| aarch64_register(text).map(Source::Register));
    };
    let mut parts = inside.strip_suffix(']')?.split(',').map(str::trim);
    let base = Some(aarch64_register(parts.next()?)?);
    let Some(second) = parts.next() else { return Some(Source::Memory { base, index: None, displacement: 0 }) };
    if let Some(displacement) = number(second.strip_prefix('#').unwrap_or(second)) {
        return Some(Source::Memory { base, index: None, displacement });
    }
    let mut index = aarch64_register(second)?;
    let mut scale = 1;
    if let Some(extension) = parts.next() {
        let mut words = extension.split_ascii_whitespace();
        index.signed = matches!(words.next()?, "sxtw" | "sxtx");
        let shift: u32 =
            words.next().map_or(Some(0), |shift| shift.strip_prefix('#').unwrap_or(shift).parse().ok()).filter(|shift| *shift <= 4)?;
        scale = 1u8 << shift;
    }
    parts.next().is_none().then_some(Source::Memory { base, index: Some((index, scale)), displacement: 0 })
}

/// `x0` to `x30`, `w0` to `w30`, `sp`, `wzr`.
fn aarch64_register(name: &str) -> Option<Register> {
    let (whole, bytes) = match name.split_at_checked(1)? {
        _ if name == "sp" => ("sp".to_string(), 8),
        ("x", number) => (format!("r{number}"), 8),
        ("w", number) => (format!("r{number}"), 4),
        _ => return None,
    };
    registers::by_name(Arch::Aarch64, &whole).map(|offset| Register { offset, bytes, signed: false, shift: 0 })
}

/// `name`, `name+4`, `4+name`
fn symbol(text: &str) -> Option<Source> {
    let (name, displacement) = match text.rsplit_once(['+', '-']) {
        Some((name, offset)) if number(offset).is_some() && !name.is_empty() => {
            let sign = if text.as_bytes()[name.len()] == b'-' { -1 } else { 1 };
            (name, sign * number(offset)?)
        }
        Some((offset, name)) if number(offset).is_some() => (name, number(offset)?),
        _ => (text, 0),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '.');
    is_name.then(|| Source::Symbol { name: name.to_string(), displacement })
}

/// `16`, `-8`, `0x10`; numbers that only fit without a sign are what they are in 64 bits.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let magnitude = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if negative { (magnitude as i64).wrapping_neg() } else { magnitude as i64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, arch: Arch) -> String {
        let register = |r: &Register| {
            let shift = if r.shift == 0 { String::new() } else { format!(">>{}", r.shift) };
            format!("{}r{}:{}{shift}", if r.signed { "s" } else { "" }, r.offset, r.bytes)
        };
        let source = |source: &Source| match source {
            Source::Constant(value) => value.to_string(),
            Source::Register(r) => register(r),
            Source::Symbol { name, displacement } => format!("&{name}+{displacement}"),
            Source::Memory { base, index, displacement } => {
                let base = base.as_ref().map_or("0".into(), register);
                let index = index.as_ref().map_or(String::new(), |(index, scale)| format!("+{}*{scale}", register(index)));
                format!("[{base}{index}+{displacement}]")
            }
        };
        let shown = |text: &str| match one(text, arch) {
            Some(o) => format!("{}{} {}", if o.signed { "s" } else { "u" }, o.bytes, source(&o.source)),
            None => format!("not {text}"),
        };
        split(text).into_iter().map(shown).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn operands_of_x86_64() {
        for (text, wanted) in [
            ("", ""),
            ("-4@%eax 8@%rdi", "s4 r80:4; u8 r112:8"),
            (
                "1@%al 1@%ah 2@%ax 1@%sil -2@%r9w 4@%r10d 1@%r11b",
                "u1 r80:1; u1 r80:1>>8; u2 r80:2; u1 r104:1; s2 r64:2; u4 r56:4; u1 r48:1",
            ),
            ("4@$5 -8@$-579005069656919568 8@$0x10", "u4 5; s8 -579005069656919568; u8 16"),
            ("8@-8(%rbp) 4@(%rsp)", "u8 [r32:8+-8]; u4 [r152:8+0]"),
            ("-4@-80(%rbp,%rax,8) 8@(%rax,%rbx) 8@16(,%rcx,4)", "s4 [r32:8+r80:8*8+-80]; u8 [r80:8+r40:8*1+0]; u8 [0+r88:8*4+16]"),
            ("4@counter(%rip) 8@table+16(%rip) 8@16+table(%rip)", "u4 &counter+0; u8 &table+16; u8 &table+16"),
            ("%rdi", "u8 r112:8"),
            ("8f@%xmm0", "not 8f@%xmm0"),
            ("3@%eax", "not 3@%eax"),
            ("8@%fs:16(%rax)", "not 8@%fs:16(%rax)"),
            ("8@(%rax,%rbx,3)", "not 8@(%rax,%rbx,3)"),
        ] {
            assert_eq!(shown(text, Arch::X86_64), wanted, "{text}");
        }
    }

    #[test]
    fn operands_of_aarch64() {
        for (text, wanted) in [
            ("-4@w1 8@x29 8@sp", "s4 r8:4; u8 r232:8; u8 r248:8"),
            ("4@5 -4@-1 8@#7", "u4 5; s4 -1; u8 7"),
            ("-4@[sp, 12] 8@[x29, -24] 8@[x0]", "s4 [r248:8+12]; u8 [r232:8+-24]; u8 [r0:8+0]"),
            ("8@[x0, x1] 8@[x0, x1, lsl 3] -4@[x19, w2, sxtw #2]", "u8 [r0:8+r8:8*1+0]; u8 [r0:8+r8:8*8+0]; s4 [r152:8+sr16:4*4+0]"),
            ("8@x31", "not 8@x31"),
            ("8@v0", "not 8@v0"),
        ] {
            assert_eq!(shown(text, Arch::Aarch64), wanted, "{text}");
        }
    }
}
