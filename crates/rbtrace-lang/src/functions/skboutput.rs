//! `skboutput()`: writes network packets to a file that packet analysers read.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{Bin, Cmp, Helper, Op, Operand, Value};
use rbtrace_types::{Facts, Feature, Space, Type};

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::format::call::literal;
use crate::row::Builtin;
use crate::run::RunError;
use crate::value;

use super::read::{self, Source};

/// The kernel's name of a packet, and its members: all bytes, those that lie elsewhere, where the others are.
const PACKET: &str = "struct sk_buff";
const LENGTH: &str = "len";
const ELSEWHERE: &str = "data_len";
const BYTES: &str = "data";
/// Most bytes of a packet that are written: headers of all protocols and then some.
const MOST: u32 = 2048;
/// Bytes of a buffer before its content: the length as u32.
const HEADER: u32 = 4;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "skboutput",
    aliases: &["skb_output"],
    signature: "skboutput(\"file\", packet, length, offset)",
    manual: "Writes a packet (a `struct sk_buff *`) to a file in the format of pcap, from `offset` on (14 skips the header of Ethernet: packets \
             begin with that of IP in the file), at most `length` bytes. Only what lies in the packet's own memory is written, up to 2048 bytes; \
             the file says how long the packet really was. 0 if the packet could be read.\n\n\
             ```\nrawtracepoint:consume_skb { skboutput(\"seen.pcap\", args.skb, args.skb.len, 0); }\n```\n",
    args: (4, 4),
    has_effect: true,
    type_of,
    lower,
    handle: Some(|cx, event, args| {
        let file = event.texts.first().map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
        let [value::Value::UInt(at), value::Value::UInt(length), value::Value::Bytes(bytes)] = args else {
            return Err(RunError::Truncated);
        };
        let at = cx.world().boot_to_epoch(*at);
        cx.write_packet(&file, at, bytes, *length as u32).map_err(|why| RunError::Failed(format!("failed to write '{file}': {why}")))
    }),
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let [file, packet, length, offset] = call.args[..] else { return Type::U32 };
    literal(cx, ROW.name, file);
    let ty = cx.type_of(packet);
    if !ty.is_scalar() && ty != Type::Void {
        let message = format!("skboutput() expects a pointer to a packet ({ty} provided)");
        cx.report(Diagnostic::error(packet.span, message).because(format!("`{PACKET} *` is wanted here")));
    }
    for number in [length, offset] {
        let ty = cx.type_of(number);
        if !ty.is_integer() && ty != Type::Void {
            let message = format!("skboutput() only supports integer arguments ({ty} provided)");
            cx.report(Diagnostic::error(number.span, message).because("a number of bytes is wanted here"));
        }
    }
    if [LENGTH, ELSEWHERE, BYTES].iter().any(|member| member_of(cx.facts(), member).is_none()) {
        let error = Diagnostic::error(call.span, "skboutput() needs the kernel's types");
        cx.report(error.because("where a packet keeps its bytes is not known").hint("a kernel with BTF says it (CONFIG_DEBUG_INFO_BTF)"));
    }
    Type::U32
}

fn member_of(facts: &dyn Facts, member: &str) -> Option<u32> {
    let Type::Struct(packet) = facts.kernel_type(PACKET)? else { return None };
    packet.field(member).map(|field| field.offset)
}

fn lower(cx: &mut dyn LowerCx, call: &Call) -> Lowered {
    let [file, packet, length, offset] = call.args[..] else { return Lowered::Void };
    let mut event = cx.event(ROW.name, call.span);
    event.texts.push(cx.string_literal(file).unwrap_or_default());
    event.args = vec![Type::U64, Type::U32, Type::Buffer(MOST)];
    let (packet, length, offset) = (cx.lower_int(packet), cx.lower_int(length), cx.lower_int(offset));
    let whole = member(cx, packet, LENGTH, 4);
    let elsewhere = member(cx, packet, ELSEWHERE, 4);
    let bytes = member(cx, packet, BYTES, 8);
    let boot = if cx.facts().has(Feature::BootTime) { Helper::KtimeBootNs } else { Helper::KtimeNs };
    let ir = cx.ir();
    let now = ir.call(boot, vec![]);
    let here = ir.bin(Bin::Sub, whole, elsewhere);
    let rest = ir.bin(Bin::Sub, here, offset);
    let zero = ir.int(0);
    let beyond = ir.cmp(Cmp::SLt, rest, zero);
    let rest = ir.value(Op::Select(beyond, zero, rest));
    let enough = ir.cmp(Cmp::ULt, length, rest);
    let wanted = ir.value(Op::Select(enough, length, rest));
    let wanted = ir.value(Op::Clamp(wanted, MOST));
    let slot = ir.memory("packet", HEADER + MOST);
    let buffer = ir.slot_addr(slot);
    ir.push(Op::Zero { addr: buffer, bytes: HEADER + MOST });
    ir.store(4, buffer, 0, wanted);
    let content = ir.value(Op::Offset(buffer, HEADER));
    let from = ir.bin(Bin::Add, bytes, offset);
    let result = ir.call(Helper::ProbeReadKernel, vec![Operand::Value(content), Operand::Value(wanted), Operand::Value(from)]);
    let original = ir.bin(Bin::Sub, whole, offset);
    cx.emit(event, &[Lowered::Int(now), Lowered::Int(original), Lowered::Mem(buffer)]);
    Lowered::Int(cx.ir().value(Op::Extend { value: result, bytes: 4, signed: false }))
}

/// Reads a member of the packet.
fn member(cx: &mut dyn LowerCx, packet: Value, name: &str, bytes: u8) -> Value {
    let offset = member_of(cx.facts(), name).unwrap_or(0);
    let ir = cx.ir();
    let from = ir.bin_int(Bin::Add, packet, offset.into());
    let slot = ir.memory("member", 8);
    let to = ir.slot_addr(slot);
    read::bytes(ir, to, Operand::Int(bytes.into()), Source::Remote(from, Space::Kernel));
    ir.load(bytes, false, to, 0)
}
