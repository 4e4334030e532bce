//! The program before a watchpoint at what a function is handed: it leaves the address in a map, and stops the process until it is watched.

use rbtrace_ir as ir;
use rbtrace_ir::{Helper, Op, Operand, Storage};
use rbtrace_lang::compile::{LowerCx as _, Lowered};
use rbtrace_lang::{run, variables::task_ids};
use rbtrace_types::Type;

use super::Lower;

/// `SIGSTOP`
const STOP: i64 = 19;
/// Processors watch a handful of places at a time; whoever calls the function with more has them told once each.
const ADDRESSES: u32 = 1024;

/// Leaves the value of an argument, if it is new.
pub(super) fn leave_address(cx: &mut Lower<'_>, argument: u32, map: &str) {
    let process = cx.shared.options.pid.or(cx.shared.options.child).unwrap_or_default();
    let current = task_ids::process_id(cx);
    let other = cx.ir.cmp_int(ir::Cmp::Ne, current, process.into());
    cx.ir.if_else(other, |ir| ir.push(Op::Return(0)), |_| {});
    let (unit, read) = (cx.unit, cx.body.places[0].0.probe_type.argument);
    let address = read(cx, &unit.planned, argument);
    let (name, symbol, storage) = (String::new(), map.to_owned(), Storage::Hash);
    let decl = ir::MapDecl { name, symbol, storage, key: Some(Type::U64), value: Type::U64, max_entries: ADDRESSES, preallocate: true };
    let map = cx.internal_table(decl);
    let slot = cx.ir.memory("address", 8);
    let key = cx.ir.slot_addr(slot);
    cx.ir.store(8, key, 0, address);
    let known = cx.ir.lookup(map, key);
    let is_new = cx.ir.value(Op::IsNull(known));
    cx.ir.open();
    let failed = cx.ir.update(map, key, key, 0);
    let is_left = cx.ir.cmp_int(ir::Cmp::Eq, failed, 0);
    cx.ir.open();
    let wake = ir::EventDecl { handler: run::WAKE.to_owned(), args: vec![Type::U64], ..ir::EventDecl::default() };
    cx.emit(wake, &[Lowered::Int(address)]);
    cx.ir.call(Helper::SendSignal, vec![Operand::Int(STOP)]);
    let then = cx.ir.close();
    cx.ir.push(Op::If { cond: is_left, then, otherwise: ir::Region::default() });
    let then = cx.ir.close();
    cx.ir.push(Op::If { cond: is_new, then, otherwise: ir::Region::default() });
}
