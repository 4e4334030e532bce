//! A program as text, for people and snapshots (`-d ir`): one operation per line, regions indented below the operation they belong to.
//!
//! Values are `%3`, slots `#1`, constants `text0`; maps go by their symbol.

use std::fmt::Write as _;

use crate::manifest::{
    AttachPlan, EventDecl, KernelPlace, LossDecl, LossKind, MapDecl, MapId, Moment, ProgramDecl, Role, TracedCode, UprobeFile, UprobePlace,
    Watched,
};
use crate::op::{Bin, Cmp, Constant, Function, Inst, LoopKind, Op, Operand, Program, ProgramType, Region, SlotId, Value};

/// The text of `-d ir`.
pub fn print(program: &Program) -> String {
    let mut out = String::new();
    let manifest = &program.manifest;
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    manifest.maps.iter().for_each(|map| line(map_text(map)));
    manifest.events.iter().enumerate().for_each(|(at, event)| line(event_text(at, event, manifest)));
    manifest.losses.iter().enumerate().for_each(|(at, loss)| line(format!("loss {at}: {}", loss_text(loss, program))));
    program.constants.iter().enumerate().for_each(|(at, constant)| line(constant_text(at, constant)));
    for (at, function) in program.functions.iter().enumerate() {
        line(String::new());
        function_lines(program, function, manifest.programs.get(at)).into_iter().for_each(&mut line);
    }
    out
}

/// One operation as text, without its regions.
pub(crate) fn op_text(program: &Program, op: &Op) -> String {
    let map = |id: MapId| map_name(program, id);
    match op {
        Op::Const(value) => format!("const {value}"),
        Op::Bin(op, a, b) => format!("{} {}, {}", bin_name(*op), v(a), v(b)),
        Op::Cmp(op, a, b) => format!("{} {}, {}", cmp_name(*op), v(a), v(b)),
        Op::Extend { value, bytes, signed } => format!("extend {} {}", int_name(*bytes, *signed), v(value)),
        Op::Select(cond, a, b) => format!("select {}, {}, {}", v(cond), v(a), v(b)),
        Op::Clamp(value, largest) => format!("clamp {}, {largest}", v(value)),
        Op::Get(slot) => format!("get {}", s(slot)),
        Op::Set(slot, value) => format!("set {}, {}", s(slot), v(value)),
        Op::Slot(slot) => format!("slot {}", s(slot)),
        Op::ConstAddr(id) => format!("addr text{}", id.0),
        Op::Offset(base, bytes) => format!("offset {}+{bytes}", v(base)),
        Op::Index { base, index, bound } => format!("index {}[{} < {bound}]", v(base), v(index)),
        Op::Load { bytes, signed, addr, offset } => format!("load {} {}+{offset}", int_name(*bytes, *signed), v(addr)),
        Op::Store { bytes, addr, offset, value } => format!("store u{} {}+{offset}, {}", bytes * 8, v(addr), v(value)),
        Op::Copy { to, from, bytes } => format!("copy {bytes} to {} from {}", v(to), v(from)),
        Op::Zero { addr, bytes } => format!("zero {bytes} at {}", v(addr)),
        Op::AtomicAdd { addr, offset, value } => format!("atomic_add {}+{offset}, {}", v(addr), v(value)),
        Op::MemEq(a, b, bytes) => format!("equal {bytes} {}, {}", v(a), v(b)),
        Op::LoadCtx { bytes, signed, offset } => format!("load_ctx {} +{offset}", int_name(*bytes, *signed)),
        Op::CtxAddr => "ctx_addr".into(),
        Op::AddrInt(addr) => format!("addr_int {}", v(addr)),
        Op::LoadTrusted { bytes, signed, pointer, offset } => format!("load_trusted {} {}+{offset}", int_name(*bytes, *signed), v(pointer)),
        Op::Call(helper, args) => format!("call {}({})", helper.name(), operands(program, args)),
        Op::Global(id) => format!("global {}", map(*id)),
        Op::IsNull(addr) => format!("is_null {}", v(addr)),
        Op::Emit { event, bytes, payload, .. } => format!("emit event {}, {bytes} bytes at {}", event.0, v(payload)),
        Op::Loss(id) => format!("loss {}", id.0),
        Op::Lost(id) => format!("lost {}", id.0),
        Op::If { cond, .. } => format!("if {}", v(cond)),
        Op::Switch { value, .. } => format!("switch {}", v(value)),
        Op::Loop { kind, .. } => loop_text(program, kind),
        Op::Invoke(id) => format!("invoke sub{}", id.0),
        Op::CallC(id, args) => {
            let name = program.c_code.functions.get(id.0 as usize).map_or("?", |function| &function.name);
            format!("call c:{name}({})", operands(program, args))
        }
        Op::Break => "break".into(),
        Op::Continue => "continue".into(),
        Op::Return(value) => format!("return {value}"),
    }
}

fn loop_text(program: &Program, kind: &LoopKind) -> String {
    let index = |slot: &Option<SlotId>| slot.map_or(String::new(), |slot| format!(", index {}", s(&slot)));
    match kind {
        LoopKind::Bounded { count, index: at } => format!("loop {count} times{}", index(at)),
        LoopKind::Repeat { times, index: at } => format!("repeat {} times{}", v(times), index(at)),
        LoopKind::ForEach { map, key, value } => {
            let value = value.map_or(String::new(), |slot| format!(", value {}", s(&slot)));
            format!("for each {}, key {}{value}", map_name(program, *map), s(key))
        }
        LoopKind::Memory { at, area } => format!("memory at {}, area {}", v(at), s(area)),
    }
}

fn function_lines(program: &Program, function: &Function, declaration: Option<&ProgramDecl>) -> Vec<String> {
    let mut lines = vec![format!("program {}: {}", function.name, type_name(function.program_type))];
    if let Some(declaration) = declaration {
        lines.push(format!("  {}", role_text(declaration)));
        lines.extend(declaration.probes.iter().map(|probe| format!("  probe {probe}")));
    }
    for (at, slot) in function.slots.iter().enumerate() {
        let size = if slot.scalar { "scalar".to_string() } else { format!("{} bytes", slot.size) };
        lines.push(format!("  #{at} {}: {size}", slot.name));
    }
    region_lines(program, &function.body, 1, &mut lines);
    for (at, subprogram) in function.subprograms.iter().enumerate() {
        lines.push(format!("  sub{at} {}", subprogram.name));
        region_lines(program, &subprogram.body, 2, &mut lines);
    }
    lines
}

fn region_lines(program: &Program, region: &Region, depth: usize, lines: &mut Vec<String>) {
    for inst in &region.insts {
        inst_lines(program, inst, depth, lines);
    }
}

fn inst_lines(program: &Program, inst: &Inst, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let result = inst.result.map_or(String::new(), |result| format!("{} = ", v(&result)));
    lines.push(format!("{indent}{result}{}", op_text(program, &inst.op)));
    for (heading, region) in headed_regions(&inst.op) {
        if !heading.is_empty() {
            lines.push(format!("{indent}{heading}"));
        }
        region_lines(program, region, depth + 1, lines);
    }
}

/// The regions of an operation, each with the line that goes before it; an empty `else` is left out.
fn headed_regions(op: &Op) -> Vec<(String, &Region)> {
    if let Op::Switch { cases, default, .. } = op {
        let keys = |keys: &[u64]| format!("case {}", keys.iter().map(u64::to_string).collect::<Vec<_>>().join(", "));
        return cases.iter().map(|(of, region)| (keys(of), region)).chain([("default".into(), default)]).collect();
    }
    let mut headed: Vec<(String, &Region)> = op.regions().into_iter().map(|region| (String::new(), region)).collect();
    if let Op::If { otherwise, .. } = op {
        headed.pop();
        if !otherwise.insts.is_empty() {
            headed.push(("else".into(), otherwise));
        }
    }
    headed
}

fn map_text(map: &MapDecl) -> String {
    let key = map.key.as_ref().map_or(String::new(), |key| format!("[{key}]"));
    let allocation = if map.preallocate { ", preallocated" } else { "" };
    format!("map {}{key}: {}, {:?}, {} entries{allocation}", map.symbol, map.value, map.storage, map.max_entries)
}

fn event_text(at: usize, event: &EventDecl, manifest: &crate::Manifest) -> String {
    let mut text = format!("event {at}: {}", event.handler);
    for literal in &event.texts {
        let _ = write!(text, " \"{}\"", literal.escape_ascii());
    }
    event.numbers.iter().for_each(|number| text.push_str(&format!(" {number}")));
    event.maps.iter().for_each(|map| text.push_str(&format!(" {}", manifest.maps[map.0 as usize].symbol)));
    let args: Vec<_> = event.args.iter().map(ToString::to_string).collect();
    text + &format!(" ({})", args.join(", "))
}

fn loss_text(loss: &LossDecl, program: &Program) -> String {
    let site = loss.site.map_or(String::new(), |site| format!(" (event {})", site.0));
    match loss.kind {
        LossKind::Ring => "ring buffer full".into(),
        LossKind::MapFull(map) => format!("{} full{site}", map_name(program, map)),
        LossKind::Failure => format!("failure{site}"),
    }
}

fn constant_text(at: usize, constant: &Constant) -> String {
    format!("text{at} = \"{}\"", constant.bytes.escape_ascii())
}

fn role_text(declaration: &ProgramDecl) -> String {
    match (declaration.role, &declaration.plan) {
        (Role::Begin, _) => "at begin".into(),
        (Role::End, _) => "at end".into(),
        (Role::Test, _) => "as a test".into(),
        (Role::Bench, _) => "as a benchmark".into(),
        (Role::Signal(number), _) => format!("at signal {number}"),
        (Role::Traced, Some(plan)) => format!("attach {}", plan_text(plan)),
        (Role::Traced, None) => "attach nowhere".into(),
    }
}

fn plan_text(plan: &AttachPlan) -> String {
    match plan {
        AttachPlan::RawTracepoint { event, typed: true } => format!("typed raw tracepoint {event}"),
        AttachPlan::RawTracepoint { event, typed: false } => format!("raw tracepoint {event}"),
        AttachPlan::Tracepoint { category, event } => format!("tracepoint {category}:{event}"),
        AttachPlan::PerfEvent { kind, config, sample, cpus, pid } => {
            let pid = pid.map_or(String::new(), |pid| format!(", pid {pid}"));
            format!("perf event {kind}/{config:#x}, {sample:?}, cpus {cpus:?}{pid}")
        }
        AttachPlan::Iterator { kind, pid, pin } => {
            let pid = pid.map_or(String::new(), |pid| format!(", pid {pid}"));
            let pin = pin.as_ref().map_or(String::new(), |pin| format!(", pinned to {pin}"));
            format!("iterator {kind}{pid}{pin}")
        }
        AttachPlan::Uprobe { files, returns, pid } => {
            let files: Vec<String> = files.iter().map(file_text).collect();
            let pid = pid.map_or(String::new(), |pid| format!(", pid {pid}"));
            format!("{} {}{pid}", if *returns { "return of code" } else { "code" }, files.join(", "))
        }
        AttachPlan::Breakpoint { address, length, access, pid } => {
            let pid = pid.map_or(String::new(), |pid| format!(", pid {pid}"));
            let address = match address {
                Watched::At(address) => format!("{address:#x}"),
                Watched::Left(symbol) => format!("of {symbol}"),
            };
            format!("breakpoint {address}, {length} bytes, access {access}{pid}")
        }
        AttachPlan::Kprobe { places, moment } => {
            let kind = match moment {
                Moment::Begin => "kernel code",
                Moment::End => "return of kernel code",
                Moment::Both => "begin and return of kernel code",
            };
            format!("{kind} {}", places.iter().map(kernel_place).collect::<Vec<_>>().join(", "))
        }
        AttachPlan::Trampoline { of, function, returns } => {
            let of = match of {
                TracedCode::Module(module) => module.clone(),
                TracedCode::Program(id) => format!("program {id}"),
            };
            format!("{} of function {function} in {of}", if *returns { "return" } else { "entry" })
        }
    }
}

/// `/bin/true at 0x1000 #0, 0x2000 #1 counted at 0x3000`
fn file_text(file: &UprobeFile) -> String {
    let place = |place: &UprobePlace| {
        let counter = if place.ref_ctr_offset == 0 { String::new() } else { format!(" counted at {:#x}", place.ref_ctr_offset) };
        format!("{:#x} #{}{counter}", place.offset, place.cookie)
    };
    format!("{} at {}", file.path, file.places.iter().map(place).collect::<Vec<_>>().join(", "))
}

/// `vfs_read+4 #0`
fn kernel_place(place: &KernelPlace) -> String {
    let at = if place.address == 0 { String::new() } else { format!("@{:#x}", place.address) };
    let offset = if place.offset == 0 { String::new() } else { format!("+{}", place.offset) };
    format!("{}{at}{offset} #{}", place.symbol, place.cookie)
}

fn operands(program: &Program, args: &[Operand]) -> String {
    let text = |arg: &Operand| match arg {
        Operand::Value(value) => v(value),
        Operand::Int(value) => value.to_string(),
        Operand::Ctx => "ctx".into(),
        Operand::Map(map) => map_name(program, *map),
    };
    args.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn map_name(program: &Program, id: MapId) -> String {
    program.manifest.maps.get(id.0 as usize).map_or_else(|| format!("map{}", id.0), |map| map.symbol.clone())
}

fn v(value: &Value) -> String {
    format!("%{}", value.0)
}

fn s(slot: &SlotId) -> String {
    format!("#{}", slot.0)
}

fn int_name(bytes: u8, signed: bool) -> String {
    format!("{}{}", if signed { 's' } else { 'u' }, u32::from(bytes) * 8)
}

fn type_name(kind: ProgramType) -> &'static str {
    match kind {
        ProgramType::RawTracepoint => "raw tracepoint",
        ProgramType::TypedRawTracepoint => "typed raw tracepoint",
        ProgramType::Tracepoint => "tracepoint",
        ProgramType::PerfEvent => "perf event",
        ProgramType::Iterator => "iterator",
        ProgramType::Kprobe => "registers",
        ProgramType::Xdp => "packet",
        ProgramType::Trampoline => "trampoline",
    }
}

fn bin_name(op: Bin) -> &'static str {
    match op {
        Bin::Add => "add",
        Bin::Sub => "sub",
        Bin::Mul => "mul",
        Bin::UDiv => "udiv",
        Bin::SDiv => "sdiv",
        Bin::URem => "urem",
        Bin::SRem => "srem",
        Bin::And => "and",
        Bin::Or => "or",
        Bin::Xor => "xor",
        Bin::Shl => "shl",
        Bin::LShr => "lshr",
        Bin::AShr => "ashr",
    }
}

fn cmp_name(op: Cmp) -> &'static str {
    match op {
        Cmp::Eq => "eq",
        Cmp::Ne => "ne",
        Cmp::ULt => "ult",
        Cmp::ULe => "ule",
        Cmp::UGt => "ugt",
        Cmp::UGe => "uge",
        Cmp::SLt => "slt",
        Cmp::SLe => "sle",
        Cmp::SGt => "sgt",
        Cmp::SGe => "sge",
    }
}

#[cfg(test)]
mod tests {
    use crate::verify::tests::{function, program};
    use crate::{Bin, LoopKind, Op};

    #[test]
    fn regions_are_indented_below_their_operation() {
        let body = function(|b| {
            let x = b.scalar("$x");
            let one = b.int(1);
            b.open();
            let got = b.value(Op::Get(x));
            let sum = b.bin_int(Bin::Add, got, 2);
            b.push(Op::Set(x, sum));
            b.push(Op::Break);
            let body = b.close();
            b.push(Op::Loop { kind: LoopKind::Repeat { times: one, index: None }, body });
            b.if_else(one, |b| b.push(Op::Return(1)), |_| {});
        });
        let text = super::print(&program(vec![body]));
        let expected = "loss 0: ring buffer full

program f: raw tracepoint
  at begin
  #0 $x: scalar
  %0 = const 1
  repeat %0 times
    %1 = get #0
    %2 = const 2
    %3 = add %1, %2
    set #0, %3
    break
  if %0
    return 1
";
        assert_eq!(text, expected);
    }
}
