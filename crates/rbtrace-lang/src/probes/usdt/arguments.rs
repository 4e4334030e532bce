//! Arguments of USDT probes: which forms they have at the places of a mark, and how a program reads one.

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Helper, Op, Operand as Arg, Region};
use rbtrace_types::binary::Marker;
use rbtrace_types::{Arch, Facts, Type};

use super::operand::{self, Operand, Register, Source};
use super::places;
use crate::compile::{LowerCx, Place};
use crate::probes::{cookie, registers};

/// How the arguments are kept at some places of a mark.
#[derive(Debug, PartialEq)]
pub(super) struct Form {
    operands: Vec<Operand>,
    text: String,
    /// The place, where the arguments are found by their distance from it.
    address: Option<u64>,
}

impl Form {
    fn of(arch: Arch, marker: &Marker) -> Form {
        let operands = operand::parse_known(&marker.arguments, arch);
        let is_near = operands.iter().any(|operand| matches!(operand.source, Source::Symbol { .. }));
        Form { operands, text: marker.arguments.clone(), address: is_near.then_some(marker.address) }
    }

    /// Whether a place keeps its arguments so.
    pub fn is_of(&self, marker: &Marker) -> bool {
        self.text == marker.arguments && self.address.is_none_or(|address| address == marker.address)
    }
}

/// The forms of a mark, in the order of its places.
pub(super) fn forms(facts: &dyn Facts, place: &Place) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for marker in places(facts, place) {
        if !forms.iter().any(|form| form.is_of(&marker)) {
            forms.push(Form::of(facts.arch(), &marker));
        }
    }
    forms
}

/// How many arguments there are, up to the first one that cannot be read.
pub(super) fn count(facts: &dyn Facts, place: &Place) -> Option<u32> {
    forms(facts, place).iter().map(|form| form.operands.len() as u32).max()
}

/// Evaluates an argument; 0 at places that lack it.
pub(super) fn read(cx: &mut dyn LowerCx, index: u32) -> ir::Value {
    let place = cx.place().clone();
    let forms = forms(cx.facts(), &place);
    if let [form] = forms.as_slice() {
        return value(cx, &place, form, index);
    }
    let slot = cx.ir().scalar("argument");
    let zero = cx.ir().int(0);
    cx.ir().push(Op::Set(slot, zero));
    let number = cookie::select(cx);
    let mut cases = Vec::new();
    for (number, form) in forms.iter().enumerate() {
        cx.ir().open();
        let found = value(cx, &place, form, index);
        cx.ir().push(Op::Set(slot, found));
        cases.push((vec![number as u64], cx.ir().close()));
    }
    cx.ir().push(Op::Switch { value: number, cases, default: Region::default() });
    cx.ir().value(Op::Get(slot))
}

fn value(cx: &mut dyn LowerCx, place: &Place, form: &Form, index: u32) -> ir::Value {
    let Some(operand) = form.operands.get(index as usize) else { return cx.ir().int(0) };
    let raw = match &operand.source {
        Source::Constant(value) => cx.ir().int(*value),
        Source::Register(register) => load(cx.ir(), *register),
        Source::Memory { base, index, displacement } => {
            let b = cx.ir();
            let mut address = match base {
                Some(base) => load(b, *base),
                None => b.int(0),
            };
            if let Some((register, scale)) = index {
                let steps = load(b, *register);
                let bytes = b.bin_int(Bin::Mul, steps, i64::from(*scale));
                address = b.bin(Bin::Add, address, bytes);
            }
            let address = b.bin_int(Bin::Add, address, *displacement);
            return read_user(b, address, operand);
        }
        Source::Symbol { name, displacement } => {
            // The binary may be anywhere in memory; what is in it keeps its distance from the instruction that fired.
            let symbol = cx.facts().symbol(&place.parts[0], name).map_or(0, |symbol| symbol.address);
            let distance = (symbol as i64).wrapping_sub(form.address.unwrap_or(0) as i64).wrapping_add(*displacement);
            let pointer = registers::by_name(cx.facts().arch(), "pc").unwrap_or(0);
            let b = cx.ir();
            let here = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: pointer });
            let address = b.bin_int(Bin::Add, here, distance);
            return read_user(b, address, operand);
        }
    };
    widened(cx.ir(), raw, operand)
}

fn load(b: &mut ir::Builder, register: Register) -> ir::Value {
    let whole = b.value(Op::LoadCtx { bytes: 8, signed: false, offset: register.offset });
    let part = if register.shift == 0 { whole } else { b.bin_int(Bin::LShr, whole, i64::from(register.shift)) };
    if register.bytes == 8 { part } else { b.value(Op::Extend { value: part, bytes: register.bytes, signed: register.signed }) }
}

fn widened(b: &mut ir::Builder, raw: ir::Value, operand: &Operand) -> ir::Value {
    if operand.bytes == 8 { raw } else { b.value(Op::Extend { value: raw, bytes: operand.bytes, signed: operand.signed }) }
}

fn read_user(b: &mut ir::Builder, address: ir::Value, operand: &Operand) -> ir::Value {
    let slot = b.memory("argument", 8);
    let to = b.slot_addr(slot);
    // What cannot be read is 0.
    let zero = b.int(0);
    b.store(8, to, 0, zero);
    b.call(Helper::ProbeReadUser, vec![Arg::Value(to), Arg::Int(operand.bytes.into()), Arg::Value(address)]);
    b.load(operand.bytes, operand.signed, to, 0)
}

/// The lines of `-lv` about a place of a mark.
pub(super) fn texts(arch: Arch, marker: &Marker) -> Vec<String> {
    let semaphore = marker.semaphore.map_or(String::new(), |at| format!(", semaphore at {at:#x} in the file"));
    let mut lines = vec![format!("place {:#x}{semaphore}", marker.address)];
    for (index, text) in operand::split(&marker.arguments).into_iter().enumerate() {
        let place = text.split_once('@').map_or(text, |(_, place)| place);
        lines.push(match operand::one(text, arch) {
            Some(operand) => format!("  {} arg{index} in {place}", Type::int(operand.bytes, operand.signed)),
            None => format!("  arg{index} in {text}, which cannot be read"),
        });
    }
    lines
}
