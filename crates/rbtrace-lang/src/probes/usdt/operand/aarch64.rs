//! Operands as the GNU assembler writes them for aarch64.

use rbtrace_types::Arch;

use super::{Address, Register, Source, Symbol, number, symbol};
use crate::probes::registers;

/// `5`, `x0`, `xzr`, `[sp, 16]`, `[x0, x1, lsl 3]`, `[x0, #:lo12:name+4]`, `name`
pub(super) fn source(text: &str) -> Option<Source> {
    if let Some(inside) = text.strip_prefix('[') {
        return memory(inside.strip_suffix(']')?).map(Source::Memory);
    }
    if let Some(constant) = number(plain(text)) {
        return Some(Source::Constant(constant));
    }
    match text {
        "xzr" | "wzr" => Some(Source::Constant(0)),
        _ => register(text).map(Source::Register).or_else(|| named(text).map(Source::Memory)),
    }
}

/// Numbers may have a sign before them that says that they are some.
fn plain(text: &str) -> &str {
    text.strip_prefix('#').unwrap_or(text)
}

fn memory(inside: &str) -> Option<Address> {
    let mut parts = inside.split(',').map(str::trim);
    let mut address = Address { base: Some(register(parts.next()?)?), ..Address::default() };
    if let Some(second) = parts.next() {
        offset(&mut address, second, parts.next())?;
    }
    parts.next().is_none().then_some(address)
}

/// What is added to the base: a number, the low bits of a symbol's address, or another register and how it is widened.
fn offset(address: &mut Address, text: &str, extension: Option<&str>) -> Option<()> {
    if let Some(low) = plain(text).strip_prefix(":lo12:") {
        let (name, displacement) = symbol(low)?;
        (address.symbol, address.displacement) = (Some(Symbol::Low(name)), displacement);
        return extension.is_none().then_some(());
    }
    if let Some(displacement) = number(plain(text)) {
        address.displacement = displacement;
        return extension.is_none().then_some(());
    }
    let mut index = register(text)?;
    let mut words = extension.unwrap_or("lsl").split_ascii_whitespace();
    index.signed = match words.next()? {
        "lsl" | "uxtw" | "uxtx" => false,
        "sxtw" | "sxtx" => true,
        _ => return None,
    };
    let shift: u32 = words.next().map_or(Some(0), |shift| plain(shift).parse().ok()).filter(|shift| *shift <= 4)?;
    address.index = Some((index, 1u8 << shift));
    Some(())
}

fn named(text: &str) -> Option<Address> {
    let (name, displacement) = symbol(text)?;
    Some(Address { displacement, symbol: Some(Symbol::Whole(name)), ..Address::default() })
}

/// `x0` to `x30`, `w0` to `w30`, `sp`, and two that have names, too.
fn register(name: &str) -> Option<Register> {
    let (whole, bytes) = match name.split_at_checked(1)? {
        _ if matches!(name, "sp" | "wsp") => ("sp".to_string(), if name == "sp" { 8 } else { 4 }),
        _ if name == "fp" => ("r29".to_string(), 8),
        _ if name == "lr" => ("r30".to_string(), 8),
        ("x", number) => (format!("r{number}"), 8),
        ("w", number) => (format!("r{number}"), 4),
        _ => return None,
    };
    registers::by_name(Arch::Aarch64, &whole).map(|offset| Register { offset, bytes, signed: false, shift: 0 })
}
