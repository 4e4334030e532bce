//! Arguments of USDT probes: which forms they have at the places of a mark, and how a program reads one.

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Helper, Op, Operand as Arg, Region};
use rbtrace_types::binary::Marker;
use rbtrace_types::{Arch, Facts, Feature, Type};

use super::operand::{self, Address, Operand, Register, Source, Symbol, Unreadable};
use super::places;
use crate::compile::{LowerCx, Place};
use crate::probes::{cookie, registers};

/// The bits of an address that say how far into its page it is, in the smallest pages.
const IN_PAGE: i64 = 0xfff;

/// How the arguments are kept at some places of a mark.
#[derive(Debug, PartialEq)]
pub(super) struct Form {
    operands: Vec<Result<Operand, Unreadable>>,
    text: String,
    /// The place, where the arguments are found by their distance from it.
    address: Option<u64>,
}

impl Form {
    fn of(arch: Arch, marker: &Marker) -> Form {
        let operands = operand::parse(&marker.arguments, arch);
        let is_whole = |address: &Address| matches!(address.symbol, Some(Symbol::Whole(_)));
        let is_near = operands.iter().flatten().any(|operand| operand.source.address().is_some_and(is_whole));
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

/// How many arguments there are. A probe on several marks reads those that only some of them have: 0 at the others.
pub(super) fn count(facts: &dyn Facts, place: &Place) -> u32 {
    if !place.is_alone {
        return u32::MAX;
    }
    forms(facts, place).iter().map(|form| form.operands.len() as u32).max().unwrap_or(0)
}

/// Why an argument cannot be read at some place of the mark.
pub(super) fn unreadable(facts: &dyn Facts, place: &Place, index: u32) -> Option<String> {
    let why = |form: &Form| {
        let written = operand::split(&form.text)[index as usize];
        match &form.operands[index as usize] {
            Err(why) => Some(format!("{why}: `{written}`")),
            Ok(operand) => {
                let name = operand.source.address()?.symbol_name()?;
                let is_known = facts.symbol(&place.parts[0], name).is_some();
                (!is_known).then(|| format!("the binary does not say where `{name}` is: `{written}`"))
            }
        }
    };
    forms(facts, place).iter().filter(|form| form.operands.len() > index as usize).find_map(why)
}

/// Whether a program can tell at which place it is, so far as the forms differ.
pub(super) fn can_tell(facts: &dyn Facts, place: &Place, forms: &[Form]) -> bool {
    let steps: Vec<(u64, usize)> = steps(facts, place, forms);
    let differ = |(step, form): &(u64, usize)| steps.iter().all(|(other, of)| step != other || form == of);
    facts.has(Feature::AttachCookie) || steps.iter().all(differ)
}

/// How far into its page each place is, which is the same wherever the binary is loaded; with the number of its form.
fn steps(facts: &dyn Facts, place: &Place, forms: &[Form]) -> Vec<(u64, usize)> {
    let form = |marker: &Marker| forms.iter().position(|form| form.is_of(marker)).expect("every place has its form");
    places(facts, place).iter().map(|marker| (marker.address & IN_PAGE as u64, form(marker))).collect()
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
    let (number, numbers) = which(cx, &place, &forms);
    let mut cases = Vec::new();
    for (form, numbers) in forms.iter().zip(numbers) {
        cx.ir().open();
        let found = value(cx, &place, form, index);
        cx.ir().push(Op::Set(slot, found));
        cases.push((numbers, cx.ir().close()));
    }
    cx.ir().push(Op::Switch { value: number, cases, default: Region::default() });
    cx.ir().value(Op::Get(slot))
}

/// What tells the forms apart, and its values for each of them.
fn which(cx: &mut dyn LowerCx, place: &Place, forms: &[Form]) -> (ir::Value, Vec<Vec<u64>>) {
    if cx.facts().has(Feature::AttachCookie) {
        return (cookie::select(cx), (0..forms.len() as u64).map(|number| vec![number]).collect());
    }
    let mut numbers = vec![Vec::new(); forms.len()];
    for (step, form) in steps(cx.facts(), place, forms) {
        numbers[form].push(step);
    }
    let here = here(cx);
    (cx.ir().bin_int(Bin::And, here, IN_PAGE), numbers)
}

/// Where the process is.
fn here(cx: &mut dyn LowerCx) -> ir::Value {
    let pointer = registers::instruction_pointer(cx.facts().arch());
    cx.ir().value(Op::LoadCtx { bytes: 8, signed: false, offset: pointer })
}

fn value(cx: &mut dyn LowerCx, place: &Place, form: &Form, index: u32) -> ir::Value {
    let Some(Ok(operand)) = form.operands.get(index as usize) else { return cx.ir().int(0) };
    let raw = match &operand.source {
        Source::Constant(value) => cx.ir().int(*value),
        Source::Register(register) => load(cx.ir(), *register),
        Source::Address(at) => address(cx, place, form, at),
        Source::Memory(at) => {
            let address = address(cx, place, form, at);
            return read_user(cx.ir(), address, operand);
        }
    };
    widened(cx.ir(), raw, operand)
}

fn address(cx: &mut dyn LowerCx, place: &Place, form: &Form, at: &Address) -> ir::Value {
    let symbol = at.symbol_name().and_then(|name| cx.facts().symbol(&place.parts[0], name)).map_or(0, |symbol| symbol.address as i64);
    let (mut address, displacement) = match at.symbol {
        None => (cx.ir().int(0), at.displacement),
        Some(Symbol::Low(_)) => (cx.ir().int(0), at.displacement + (symbol & IN_PAGE)),
        // The binary may be anywhere in memory; what is in it keeps its distance from the instruction that fired.
        Some(Symbol::Whole(_)) => (here(cx), symbol.wrapping_sub(form.address.unwrap_or(0) as i64).wrapping_add(at.displacement)),
    };
    let b = cx.ir();
    if let Some(base) = at.base {
        let base = load(b, base);
        address = b.bin(Bin::Add, address, base);
    }
    if let Some((register, scale)) = at.index {
        let steps = load(b, register);
        let bytes = b.bin_int(Bin::Mul, steps, i64::from(scale));
        address = b.bin(Bin::Add, address, bytes);
    }
    b.bin_int(Bin::Add, address, displacement)
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
            Ok(operand) => format!("  {} arg{index} in {place}", Type::int(operand.bytes, operand.signed)),
            Err(why) => format!("  arg{index} in {place}, which cannot be read: {why}"),
        });
    }
    lines
}
