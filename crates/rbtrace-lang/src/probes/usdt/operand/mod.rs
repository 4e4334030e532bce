//! Operands of USDT probes, as assembly has them: `-4@%eax 8@-8(%rbp) 4@$5` → where each argument is when the probe fires.
//!
//! The text before the `@` is the argument's size, negative for signed ones, with an `f` behind it for floats; what follows is an operand of
//! the assembler's syntax for the architecture.

mod aarch64;
#[cfg(test)]
mod tests;
mod x86_64;

use rbtrace_types::Arch;

/// Where an argument is, and how it is widened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operand {
    /// 1, 2, 4 or 8.
    pub bytes: u8,
    pub signed: bool,
    pub source: Source,
}

/// See [`Operand`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    Constant(i64),
    Register(Register),
    /// In the memory of the process.
    Memory(Address),
    /// An address itself.
    Address(Address),
}

/// `base + index * scale + displacement + symbol`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Address {
    pub base: Option<Register>,
    pub index: Option<(Register, u8)>,
    pub displacement: i64,
    pub symbol: Option<Symbol>,
}

/// Something in the same file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Symbol {
    /// Its address.
    Whole(String),
    /// The low 12 bits of its address, which are the same wherever the file is loaded.
    Low(String),
}

/// A register of `struct pt_regs`, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Register {
    /// Of the whole one.
    pub offset: u32,
    /// Bytes of it that count, and whether they are widened as a signed number.
    pub bytes: u8,
    pub signed: bool,
    /// First bit that counts: 8 for `%ah`.
    pub shift: u8,
}

/// Why an operand cannot be read.
pub type Unreadable = &'static str;

const UNKNOWN: Unreadable = "it is written in a way that is not known";
const FLOAT: Unreadable = "it is a floating-point number, and programs in the kernel have none";
const SEGMENT: Unreadable = "it belongs to a thread, and the kernel does not hand out where a thread's memory is";

impl Address {
    /// What it needs a symbol for.
    pub fn symbol_name(&self) -> Option<&str> {
        match self.symbol.as_ref()? {
            Symbol::Whole(name) | Symbol::Low(name) => Some(name),
        }
    }
}

impl Source {
    /// The address that it reads or is.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Source::Memory(address) | Source::Address(address) => Some(address),
            Source::Constant(_) | Source::Register(_) => None,
        }
    }
}

/// The operands of a place.
pub fn parse(text: &str, arch: Arch) -> Vec<Result<Operand, Unreadable>> {
    split(text).into_iter().map(|operand| one(operand, arch)).collect()
}

/// Splits at blanks outside of brackets: `8@[sp, 16]` is one operand.
pub fn split(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let is_gap = |c: char| {
        depth += i32::from(matches!(c, '[' | '(')) - i32::from(matches!(c, ']' | ')'));
        depth == 0 && c.is_ascii_whitespace()
    };
    text.split(is_gap).filter(|operand| !operand.is_empty()).collect()
}

/// One operand.
pub fn one(text: &str, arch: Arch) -> Result<Operand, Unreadable> {
    // Without a size an operand is as wide as a register.
    let (size, operand) = text.split_once('@').unwrap_or(("8", text));
    let is_float = size.ends_with('f') || is_float_register(operand, arch);
    if is_float {
        return Err(FLOAT);
    }
    let size: i64 = size.parse().map_err(|_| UNKNOWN)?;
    let bytes = u8::try_from(size.unsigned_abs()).ok().filter(|bytes| matches!(bytes, 1 | 2 | 4 | 8));
    let bytes = bytes.ok_or("it has neither 1, 2, 4 nor 8 bytes")?;
    let source = match arch {
        Arch::X86_64 if operand.starts_with("%fs:") || operand.starts_with("%gs:") => return Err(SEGMENT),
        Arch::X86_64 => x86_64::source(operand),
        Arch::Aarch64 => aarch64::source(operand),
    };
    Ok(Operand { bytes, signed: size < 0, source: source.ok_or(UNKNOWN)? })
}

fn is_float_register(operand: &str, arch: Arch) -> bool {
    let is_numbered = |name: &str, bank: &str| {
        name.strip_prefix(bank).is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
    };
    match arch {
        Arch::X86_64 => ["%xmm", "%ymm", "%zmm"].iter().any(|bank| is_numbered(operand, bank)) || operand.starts_with("%st"),
        Arch::Aarch64 => ["b", "h", "s", "d", "q", "v"].iter().any(|bank| is_numbered(operand, bank)),
    }
}

/// `name`, `name+4`, `4+name`: a symbol and bytes behind it.
fn symbol(text: &str) -> Option<(String, i64)> {
    let (name, displacement) = match text.rsplit_once(['+', '-']) {
        Some((name, offset)) if number(offset).is_some() && !name.is_empty() => {
            let sign = if text.as_bytes()[name.len()] == b'-' { -1 } else { 1 };
            (name, sign * number(offset)?)
        }
        Some((offset, name)) if number(offset).is_some() => (name, number(offset)?),
        _ => (text, 0),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.$".contains(&byte));
    is_name.then(|| (name.to_string(), displacement))
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
