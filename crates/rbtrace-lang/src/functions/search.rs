//! Where a text occurs in another. Shared by the functions that search.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Builder, Cmp, LoopKind, Op, Region, SlotId, Value};
use rbtrace_types::Feature;

use crate::compile::{Call, LowerCx, TypeCx};

use super::read::{self, Text};

/// Rounds of a loop that is written out, which the verifier walks through one by one.
const WRITTEN_OUT: u32 = 64;
/// Rounds altogether where the kernel has no `bpf_loop`.
const WITHOUT_LOOP: u32 = 4096;

/// The place of what does not occur.
pub(super) const NOWHERE: i64 = -1;

/// Checks the texts of a call: where is searched, and for what.
pub(super) fn check(cx: &mut dyn TypeCx, function: &str, call: &Call) {
    let [haystack, needle] = call.args[..] else { return };
    read::check_string(cx, function, haystack);
    read::check_string(cx, function, needle);
    let rounds = |cx: &mut dyn TypeCx, arg| {
        let ty = cx.type_of(arg);
        read::string_capacity(cx, &ty)
    };
    let places = rounds(cx, haystack);
    let bytes = if cx.string_literal(needle).is_some() { 1 } else { rounds(cx, needle) };
    if !cx.facts().has(Feature::Loop) && places.saturating_mul(bytes) > WITHOUT_LOOP {
        let error = Diagnostic::error(call.span, format!("the kernel cannot search texts of {places} bytes"));
        cx.report(error.because("`bpf_loop` is missing").hint("Linux 5.17 has it; `str(x, length)` makes shorter texts"));
    }
}

/// The first place where the second text occurs in the first, or [`NOWHERE`].
pub(super) fn place(cx: &mut dyn LowerCx, call: &Call) -> Value {
    let [haystack, needle] = call.args[..] else { return cx.ir().int(NOWHERE) };
    let literal = cx.string_literal(needle);
    let haystack = read::string(cx, haystack);
    let needle = match &literal {
        Some(_) => None,
        None => Some(read::string(cx, needle)),
    };
    let has_loop = cx.facts().has(Feature::Loop);
    match (literal, needle) {
        (Some(text), _) => literal_in(cx, haystack, text.split(|&byte| byte == 0).next().unwrap_or_default(), has_loop),
        (None, Some(needle)) => text_in(cx.ir(), haystack, needle, has_loop),
        (None, None) => cx.ir().int(NOWHERE),
    }
}

/// At every place of the haystack: are the literal's bytes there?
fn literal_in(cx: &mut dyn LowerCx, haystack: Text, needle: &[u8], has_loop: bool) -> Value {
    let bytes = needle.len() as u32;
    if bytes == 0 || bytes > haystack.capacity {
        return cx.ir().int(if bytes == 0 { 0 } else { NOWHERE });
    }
    let places = haystack.capacity - bytes + 1;
    let ir = cx.ir();
    let found = flag(ir, "found", NOWHERE);
    let haystack = own(ir, "haystack", haystack);
    let place = ir.scalar("place");
    ir.open();
    let needle = cx.constant(needle);
    let ir = cx.ir();
    let base = ir.slot_addr(haystack);
    let index = ir.value(Op::Get(place));
    let here = ir.value(Op::Index { base, index, bound: places });
    let equal = ir.value(Op::MemEq(here, needle, bytes));
    ir.if_else(
        equal,
        |ir| {
            let place = ir.value(Op::Get(place));
            ir.push(Op::Set(found, place));
            ir.push(Op::Break);
        },
        |_| {},
    );
    leave_at_nul(ir, here);
    let body = ir.close();
    repeat(ir, places, place, body, has_loop);
    ir.value(Op::Get(found))
}

/// At every place of the haystack: is each byte of the needle, up to its NUL, there?
fn text_in(ir: &mut Builder, haystack: Text, needle: Text, has_loop: bool) -> Value {
    let found = flag(ir, "found", NOWHERE);
    let sizes = (haystack.capacity, needle.capacity);
    let (haystack, needle) = (own(ir, "haystack", haystack), own(ir, "needle", needle));
    let (place, byte) = (ir.scalar("place"), ir.scalar("byte"));
    ir.open();
    let matches = flag(ir, "matches", 1);
    ir.open();
    one_byte(ir, (haystack, needle), sizes, (place, byte), matches);
    let body = ir.close();
    repeat(ir, sizes.1, byte, body, has_loop);
    let all = ir.value(Op::Get(matches));
    ir.if_else(
        all,
        |ir| {
            let place = ir.value(Op::Get(place));
            ir.push(Op::Set(found, place));
            ir.push(Op::Break);
        },
        |_| {},
    );
    let base = ir.slot_addr(haystack);
    let index = ir.value(Op::Get(place));
    let here = ir.value(Op::Index { base, index, bound: sizes.0 });
    leave_at_nul(ir, here);
    let body = ir.close();
    repeat(ir, sizes.0, place, body, has_loop);
    ir.value(Op::Get(found))
}

/// Compares a byte of the needle with its place in the haystack; leaves the loop at the needle's NUL and at the first difference.
fn one_byte(ir: &mut Builder, texts: (SlotId, SlotId), sizes: (u32, u32), at: (SlotId, SlotId), matches: SlotId) {
    let byte = ir.value(Op::Get(at.1));
    let base = ir.slot_addr(texts.1);
    let wanted = ir.value(Op::Index { base, index: byte, bound: sizes.1 });
    let wanted = ir.load(1, false, wanted, 0);
    let end = ir.cmp_int(Cmp::Eq, wanted, 0);
    ir.if_else(end, |ir| ir.push(Op::Break), |_| {});
    let place = ir.value(Op::Get(at.0));
    let index = ir.bin(Bin::Add, place, byte);
    let base = ir.slot_addr(texts.0);
    let there = ir.value(Op::Index { base, index, bound: sizes.0 });
    let there = ir.load(1, false, there, 0);
    let differs = ir.cmp(Cmp::Ne, there, wanted);
    // The index is held within the haystack, where its last byte would be seen again and again.
    let behind = ir.cmp_int(Cmp::UGe, index, sizes.0.into());
    let differs = ir.bin(Bin::Or, differs, behind);
    ir.if_else(
        differs,
        |ir| {
            set(ir, matches, 0);
            ir.push(Op::Break);
        },
        |_| {},
    );
}

/// Behind the haystack's NUL nothing can be found.
fn leave_at_nul(ir: &mut Builder, here: Value) {
    let byte = ir.load(1, false, here, 0);
    let end = ir.cmp_int(Cmp::Eq, byte, 0);
    ir.if_else(end, |ir| ir.push(Op::Break), |_| {});
}

/// Addresses do not cross the border of a loop, slots do.
fn own(ir: &mut Builder, name: &str, text: Text) -> SlotId {
    let slot = ir.memory(name, text.capacity);
    let to = ir.slot_addr(slot);
    ir.push(Op::Copy { to, from: text.addr, bytes: text.capacity });
    slot
}

fn repeat(ir: &mut Builder, rounds: u32, index: SlotId, body: Region, has_loop: bool) {
    let kind = if has_loop && rounds > WRITTEN_OUT {
        LoopKind::Repeat { times: ir.int(rounds.into()), index: Some(index) }
    } else {
        LoopKind::Bounded { count: rounds.min(WITHOUT_LOOP), index: Some(index) }
    };
    ir.push(Op::Loop { kind, body });
}

fn flag(ir: &mut Builder, name: &str, value: i64) -> SlotId {
    let slot = ir.scalar(name);
    set(ir, slot, value);
    slot
}

fn set(ir: &mut Builder, slot: SlotId, value: i64) {
    let value = ir.int(value);
    ir.push(Op::Set(slot, value));
}
