//! `args` of functions of programs: which parameters there are and how a program reads them. The debug information says how a function is
//! declared, `abi` where the arguments are then.

use std::sync::Arc;

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Helper, Op, Operand};
use rbtrace_types::debug_info::{Convention, Declaration, Passed};
use rbtrace_types::{Facts, Field, Space, Struct, Type};

use super::abi::{self, Home, Piece};
use super::target::{self, Code};
use super::{VARIANTS, addresses, locals};
use crate::compile::{LowerCx, Lowered, Place};
use crate::probes::registers;
use crate::row::{NoArgs, Unreadable};

/// Where `args` of equal look may be in different places, the offsets of their fields differ: this much for every kind of place.
const KIND: u32 = 1 << 28;

/// The parameters that can be read. Offsets say where each is: places of which the same is said can share a body.
pub fn args(facts: &dyn Facts, place: &Place) -> Option<Arc<Struct>> {
    if locals::is_inside(facts, place) {
        return locals::args(facts, place);
    }
    let declared = declaration(facts, place).ok()?;
    let homes = homes(facts, &declared);
    let fields: Vec<Field> =
        declared.params.iter().zip(&homes).filter_map(|(param, home)| field(&param.name, &param.passed, home)).collect();
    (!fields.is_empty()).then(|| Arc::new(Struct { name: place.name(), size: 8 * fields.len() as u32, fields }))
}

/// The parameters that cannot be read, and why.
pub fn unreadable(facts: &dyn Facts, place: &Place) -> Vec<Unreadable> {
    if locals::is_inside(facts, place) {
        return locals::unreadable(facts, place);
    }
    let Ok(declared) = declaration(facts, place) else { return Vec::new() };
    let homes = homes(facts, &declared);
    let reasons = declared.params.iter().zip(&homes).filter_map(|(param, home)| {
        let (name, why) = (param.name.clone(), reason(home, &param.passed)?);
        Some(Unreadable { message: format!("{name} has unsupported type"), name, why })
    });
    reasons.collect()
}

/// Why a place has no `args`.
pub fn missing(facts: &dyn Facts, place: &Place) -> Option<NoArgs> {
    if locals::is_inside(facts, place) {
        return Some(locals::missing(facts, place));
    }
    let said = match declaration(facts, place) {
        Ok(declared) if declared.params.is_empty() => {
            NoArgs { message: "Cannot read function parameters".into(), why: "this function has none".into(), hint: None }
        }
        Ok(declared) if matches!(declared.convention, Convention::Foreign(_) | Convention::Changed) => {
            let why = unreadable(facts, place).into_iter().next()?.why;
            NoArgs { message: "Cannot read function parameters".into(), why, hint: Some("`reg()` reads registers".into()) }
        }
        Ok(declared) => {
            let first = unreadable(facts, place).into_iter().next()?;
            let only = if declared.params.len() == 1 { "" } else { "; nor can the others" };
            NoArgs { message: first.message, why: first.why + only, hint: None }
        }
        Err(missing) => missing,
    };
    Some(said)
}

/// How the function at a place is declared; why that is not known.
pub(super) fn declaration(facts: &dyn Facts, place: &Place) -> Result<Arc<Declaration>, NoArgs> {
    let refused =
        |why: &str, hint: &str| Err(NoArgs { message: "Cannot read function parameters".into(), why: why.into(), hint: Some(hint.into()) });
    let (_, code) = target::code_of(&place.parts);
    if let Code::Function { name, .. } = code
        && VARIANTS.iter().any(|variant| name.contains(variant))
    {
        return refused("the compiler made this copy and may have left out arguments", "`arg0` and `reg()` read registers");
    }
    let binary = &place.parts[0];
    let mut found: Option<Arc<Declaration>> = None;
    for address in addresses(facts, place) {
        match (facts.declaration(binary, address), &found) {
            (Err(why), _) => {
                return Err(without_debug_info(place, &why, "`arg0` is the first argument as a number"));
            }
            (Ok(None), _) => {
                return refused(
                    "the binary's debug information does not say how this function is declared",
                    "`arg0` is the first argument as a number",
                );
            }
            (Ok(Some(other)), Some(first)) if *other != **first => {
                return refused(
                    "several functions have this name, and their parameters differ",
                    "an address names one of them: `uprobe:binary:0x…` with `arg0`",
                );
            }
            (Ok(Some(declared)), _) => found = Some(declared),
        }
    }
    found.map_or_else(|| refused("nobody knows where this function is", "`arg0` is the first argument as a number"), Ok)
}

/// Refuses for want of debug information; `instead`: what can be had without.
pub(super) fn without_debug_info(place: &Place, why: &str, instead: &str) -> NoArgs {
    NoArgs {
        message: format!("Could not parse arguments of \"{}\": {why}", place.name()),
        why: "names and types of arguments are in its debug information".into(),
        hint: Some(format!("compile it with `-g` or install its debug symbols; {instead}")),
    }
}

fn homes(facts: &dyn Facts, declared: &Declaration) -> Vec<Home> {
    let arch = facts.arch();
    abi::homes(arch, registers::argument_count(arch), declared)
}

/// A parameter as a field of `args`.
fn field(name: &str, passed: &Passed, home: &Home) -> Option<Field> {
    let offset = match home {
        Home::Registers(pieces) => {
            let first = pieces.first()?;
            // What shares a register is told from what does not.
            let apart = pieces.iter().any(|piece| piece.bytes < 8) && pieces.len() > 1;
            first.register * 8 + if apart { KIND } else { 0 }
        }
        Home::Stack(offset) => 2 * KIND + offset,
        Home::BehindRegister(register) => 3 * KIND + register * 8,
        Home::BehindStack(offset) => 4 * KIND + offset,
        Home::Unreadable(_) => return None,
    };
    let bits = matches!(passed.ty, Type::Enum(_)).then(|| (0, (passed.bytes * 8).min(64) as u8));
    Some(Field { name: name.to_owned(), ty: passed.ty.clone(), offset, bits, data_loc: None })
}

fn reason(home: &Home, passed: &Passed) -> Option<String> {
    let Home::Unreadable(why) = home else { return None };
    let text = &passed.text;
    Some(match why {
        abi::Unreadable::Float => format!("`{text}` is handed over in a floating-point register, which the kernel does not show"),
        abi::Unreadable::PartlyFloat => format!("a part of `{text}` is in a floating-point register, which the kernel does not show"),
        abi::Unreadable::Empty => format!("`{text}` is empty, so that nothing is handed over"),
        abi::Unreadable::Unsettled => "versions of Rust differ in how it, or an argument before it, is handed over".into(),
        abi::Unreadable::Foreign(language) => format!("{language} hands over arguments in ways of its own"),
        abi::Unreadable::Changed => "the compiler has changed the arguments of this function".into(),
    })
}

/// Evaluates a field of `args`.
pub fn read(cx: &mut dyn LowerCx, field: &Field) -> Lowered {
    let place = cx.place().clone();
    if locals::is_inside(cx.facts(), &place) {
        return locals::read(cx, &place, field);
    }
    let declared = declaration(cx.facts(), &place).expect("inference found the parameter");
    let homes = homes(cx.facts(), &declared);
    let found = declared.params.iter().zip(homes).find(|(param, home)| param.name == field.name && !matches!(home, Home::Unreadable(_)));
    let (param, home) = found.expect("inference found the parameter");
    let passed = &param.passed;
    match home {
        Home::Registers(pieces) if passed.ty.is_scalar() => {
            let whole = registers::read_argument(cx, pieces[0].register);
            Lowered::Int(widened(cx.ir(), whole, passed))
        }
        Home::Registers(pieces) => gathered(cx, &pieces, passed),
        Home::Stack(offset) => {
            let address = stack(cx, offset);
            from_memory(cx, address, passed)
        }
        Home::BehindRegister(register) => {
            let address = registers::read_argument(cx, register);
            from_memory(cx, address, passed)
        }
        Home::BehindStack(offset) => {
            let at = stack(cx, offset);
            let address = word(cx.ir(), at, 8);
            from_memory(cx, address, passed)
        }
        Home::Unreadable(_) => unreachable!("filtered above"),
    }
}

/// A value that is in several registers, put together in memory.
fn gathered(cx: &mut dyn LowerCx, pieces: &[Piece], passed: &Passed) -> Lowered {
    let b = cx.ir();
    let slot = b.memory("argument", passed.bytes.max(passed.ty.size()).next_multiple_of(8));
    let to = b.slot_addr(slot);
    for piece in pieces {
        let part = registers::read_argument(cx, piece.register);
        // A C struct's last word may be filled in part only; the room is for whole words.
        let bytes = if piece.bytes.is_power_of_two() { piece.bytes } else { 8 };
        cx.ir().store(bytes, to, piece.offset, part);
    }
    Lowered::Mem(to)
}

pub(super) fn from_memory(cx: &mut dyn LowerCx, address: ir::Value, passed: &Passed) -> Lowered {
    if !passed.ty.is_scalar() {
        return Lowered::Remote(address, Space::User);
    }
    let whole = word(cx.ir(), address, passed.bytes.min(8) as u8);
    Lowered::Int(widened(cx.ir(), whole, passed))
}

/// The address of an argument on the stack.
fn stack(cx: &mut dyn LowerCx, offset: u32) -> ir::Value {
    let arch = cx.facts().arch();
    let below = 8 * registers::return_address_words(arch);
    let b = cx.ir();
    let pointer = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: registers::stack_pointer(arch) });
    b.bin_int(Bin::Add, pointer, i64::from(offset) + i64::from(below))
}

/// Bytes of the process; 0 where they cannot be read.
pub(super) fn word(b: &mut ir::Builder, address: ir::Value, bytes: u8) -> ir::Value {
    let slot = b.memory("argument", 8);
    let to = b.slot_addr(slot);
    let zero = b.int(0);
    b.store(8, to, 0, zero);
    b.call(Helper::ProbeReadUser, vec![Operand::Value(to), Operand::Int(bytes.into()), Operand::Value(address)]);
    b.load(8, false, to, 0)
}

/// The bytes that count, by the sign of the type: what a register holds beside them is anything.
pub(super) fn widened(b: &mut ir::Builder, whole: ir::Value, passed: &Passed) -> ir::Value {
    let signed = if let Type::Enum(of) = &passed.ty { of.has_negative() } else { passed.ty.is_signed() };
    match passed.bytes {
        bytes @ (1 | 2 | 4) => b.value(Op::Extend { value: whole, bytes: bytes as u8, signed }),
        _ => whole,
    }
}
