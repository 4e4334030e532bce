//! Operands as the GNU assembler writes them for x86-64.

use rbtrace_types::Arch;

use super::{Address, Register, Source, Symbol, number, symbol};
use crate::probes::registers;

/// `$5`, `$name`, `%eax`, `-8(%rbp)`, `16(%rax,%rbx,8)`, `name+4(%rip)`, `name(,%rax,4)`
pub(super) fn source(text: &str) -> Option<Source> {
    if let Some(constant) = text.strip_prefix('$') {
        return number(constant).map(Source::Constant).or_else(|| Some(Source::Address(displaced(constant)?)));
    }
    if text.starts_with('%') {
        return register(text).map(Source::Register);
    }
    memory(text).map(Source::Memory)
}

fn memory(text: &str) -> Option<Address> {
    let Some((displacement, inside)) = text.split_once('(') else { return displaced(text) };
    let mut parts = inside.strip_suffix(')')?.split(',').map(str::trim);
    let base = parts.next().filter(|base| !base.is_empty());
    let mut address = if displacement.is_empty() { Address::default() } else { displaced(displacement)? };
    if base == Some("%rip") {
        // The assembler counts from the instruction, and so do we: only with a symbol does that say where.
        return (address.symbol.is_some() && parts.next().is_none()).then_some(address);
    }
    address.base = base.map(register).map_or(Some(None), |base| base.map(Some))?;
    let index = parts.next().map(register).map_or(Some(None), |index| index.map(Some))?;
    let scale = parts.next().map_or(Some(1), |scale| scale.parse().ok()).filter(|scale| matches!(scale, 1 | 2 | 4 | 8))?;
    address.index = index.map(|index| (index, scale));
    parts.next().is_none().then_some(address)
}

/// A number, or a symbol and a number behind it.
fn displaced(text: &str) -> Option<Address> {
    if let Some(displacement) = number(text) {
        return Some(Address { displacement, ..Address::default() });
    }
    let (name, displacement) = symbol(text)?;
    Some(Address { displacement, symbol: Some(Symbol::Whole(name)), ..Address::default() })
}

/// `%rax` and its parts: `%eax`, `%ax`, `%al`, `%ah`; `%r8d`, `%r8w`, `%r8b`.
fn register(text: &str) -> Option<Register> {
    let name = text.strip_prefix('%')?;
    let part = |whole: &str, bytes: u8, shift: u8| {
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
        return part(&format!("r{plain}"), bytes, 0);
    }
    if let Some(whole) = name.strip_prefix('r') {
        return part(whole, 8, 0);
    }
    if let Some(whole) = name.strip_prefix('e').filter(|whole| whole.len() == 2) {
        return part(whole, 4, 0);
    }
    match name {
        "al" | "bl" | "cl" | "dl" => part(&format!("{}x", &name[..1]), 1, 0),
        "ah" | "bh" | "ch" | "dh" => part(&format!("{}x", &name[..1]), 1, 8),
        "sil" | "dil" | "bpl" | "spl" => part(&name[..2], 1, 0),
        "ax" | "bx" | "cx" | "dx" | "si" | "di" | "bp" | "sp" => part(name, 2, 0),
        _ => None,
    }
}
