//! Plain maps: keys, reading, assigning, adding. A full map is a counted loss, never silence.

use rbtrace_ir::{Bin, Cmp, MapId, Op, Operand, Storage, Value};
use rbtrace_lang::compile::Lowered;
use rbtrace_syntax::ast::{BinaryOp, Expr};
use rbtrace_types::Type;

use super::Lower;
use crate::forms::Target;
use crate::infer::Ty;

/// `BPF_NOEXIST`
const ONLY_IF_ABSENT: i64 = 1;
/// `BPF_ANY`
const ALWAYS: i64 = 0;

impl Lower<'_> {
    /// A key in memory, as the map's key type. One that already has that form is used where it is.
    pub(super) fn key(&mut self, map: &str, key: &[Expr]) -> Value {
        let ty = self.out.decl(self.out.map(map)).key.clone().expect("inference knows that the map has keys");
        match key {
            [one] if self.value_ty(one) == ty && !ty.is_scalar() => self.memory_of(one, &ty),
            [one] => {
                let addr = self.temp(ty.size());
                self.expr_into(addr, 0, &ty, one);
                addr
            }
            parts => self.multi_key(&ty, parts),
        }
    }

    fn multi_key(&mut self, ty: &Type, parts: &[Expr]) -> Value {
        let addr = self.temp(ty.size());
        self.zero_gaps(addr, ty);
        let layout = super::memory::layout(ty);
        let elements: Vec<Type> = ty.elements().unwrap_or_default().into_iter().cloned().collect();
        for ((part, element), offset) in parts.iter().zip(&elements).zip(layout.offsets) {
            self.expr_into(addr, offset, element, part);
        }
        addr
    }

    /// `@x`
    pub(super) fn read_scalar_map(&mut self, name: &str) -> Lowered {
        let map = self.out.map(name);
        let value = self.out.decl(map).value.clone();
        if let Type::Aggregate(aggregate) = &value {
            return Lowered::Int(self.fold_cpus(map, None, aggregate));
        }
        let entry = self.ir.value(Op::Global(map));
        self.read_entry(entry, &value)
    }

    /// `@x[k]`
    pub(super) fn read_element(&mut self, name: &str, key: &[Expr]) -> Lowered {
        let map = self.out.map(name);
        let value = self.out.decl(map).value.clone();
        let key = self.key(name, key);
        if let Type::Aggregate(aggregate) = &value {
            return Lowered::Int(self.fold_cpus(map, Some(key), aggregate));
        }
        let entry = self.ir.lookup(map, key);
        let missing = self.ir.value(Op::IsNull(entry));
        self.missing_key(missing);
        self.read_entry(entry, &value)
    }

    /// The value of an entry; a missing one reads as zero.
    fn read_entry(&mut self, entry: Value, ty: &Type) -> Lowered {
        let missing = self.ir.value(Op::IsNull(entry));
        if ty.is_scalar() {
            let slot = self.ir.scalar("value");
            self.ir.open();
            let zero = self.ir.int(0);
            self.ir.push(Op::Set(slot, zero));
            let then = self.ir.close();
            self.ir.open();
            let found = self.load(entry, 0, ty);
            self.ir.push(Op::Set(slot, found));
            let otherwise = self.ir.close();
            self.ir.push(Op::If { cond: missing, then, otherwise });
            return Lowered::Int(self.ir.value(Op::Get(slot)));
        }
        let addr = self.temp(ty.size());
        let bytes = ty.size();
        self.ir.if_else(missing, |ir| ir.push(Op::Zero { addr, bytes }), |ir| ir.push(Op::Copy { to: addr, from: entry, bytes }));
        Lowered::Mem(addr)
    }

    /// `@x = v`
    pub(super) fn assign_scalar(&mut self, name: &str, value: &Expr) {
        let map = self.out.map(name);
        let ty = self.out.decl(map).value.clone();
        let evaluated = self.expr(value);
        let evaluated = self.materialise(evaluated, &ty);
        let from = self.value_ty(value);
        let entry = self.ir.value(Op::Global(map));
        let missing = self.ir.value(Op::IsNull(entry));
        self.ir.open();
        self.store_value(entry, 0, &ty, evaluated, &from);
        self.mark_set(entry, &ty);
        let otherwise = self.ir.close();
        self.ir.push(Op::If { cond: missing, then: rbtrace_ir::Region::default(), otherwise });
    }

    /// The word after a scalar map's value says that it was assigned.
    fn mark_set(&mut self, entry: Value, ty: &Type) {
        let one = self.ir.int(1);
        self.ir.store(8, entry, ty.size().next_multiple_of(8), one);
    }

    /// `@x[k] = v`
    pub(super) fn assign_element(&mut self, name: &str, key: &[Expr], value: &Expr) {
        let map = self.out.map(name);
        let ty = self.out.decl(map).value.clone();
        // The value first, as it is written to the right of `=` and may read the map.
        let addr = self.temp(self.out.decl(map).value_size());
        if !ty.size().is_multiple_of(8) {
            let bytes = self.out.decl(map).value_size();
            self.ir.push(Op::Zero { addr, bytes });
        }
        self.expr_into(addr, 0, &ty, value);
        let key = self.key(name, key);
        self.put(map, key, addr);
    }

    fn put(&mut self, map: MapId, key: Value, value: Value) {
        let status = self.ir.update(map, key, value, ALWAYS);
        self.count_failure(map, status);
    }

    fn count_failure(&mut self, map: MapId, status: Value) {
        let loss = self.map_full(map);
        let failed = self.ir.cmp_int(Cmp::SLt, status, 0);
        self.ir.if_else(failed, |ir| ir.push(Op::Loss(loss)), |_| {});
    }

    /// `@x op= v`
    pub(super) fn compound_map(&mut self, target: &Expr, op: BinaryOp, value: &Expr) {
        let right = self.int(value);
        if op == BinaryOp::Add {
            return self.add_to_map(target, right);
        }
        if op == BinaryOp::Sub {
            let zero = self.ir.int(0);
            let negative = self.ir.bin(Bin::Sub, zero, right);
            return self.add_to_map(target, negative);
        }
        let value_ty = self.operand(value);
        let (map, key) = self.entry_of(target);
        let ty = self.out.decl(map).value.clone();
        let entry = self.find(map, key);
        let Lowered::Int(left) = self.read_entry(entry, &ty) else { unreachable!("inference wants integers here") };
        let result = self.arithmetic(op, left, &Ty::fixed(ty.clone()), right, &value_ty, value);
        let addr = self.temp(16);
        self.ir.store(8, addr, 0, result);
        match key {
            Some(key) => self.put(map, key, addr),
            None => {
                let entry = self.ir.value(Op::Global(map));
                let missing = self.ir.value(Op::IsNull(entry));
                self.ir.open();
                self.ir.store(8, entry, 0, result);
                self.mark_set(entry, &ty);
                let otherwise = self.ir.close();
                self.ir.push(Op::If { cond: missing, then: rbtrace_ir::Region::default(), otherwise });
            }
        }
    }

    /// The map of a target, and its key if it has one.
    pub(super) fn entry_of(&mut self, target: &Expr) -> (MapId, Option<Value>) {
        match Target::of(target) {
            Target::Element(map, key) => (self.out.map(&map.node), Some(self.key(&map.node, key))),
            Target::Map(name) => (self.out.map(name), None),
            Target::Variable | Target::Part | Target::None => unreachable!("inference refuses other targets"),
        }
    }

    /// The entry of a map, or null.
    fn find(&mut self, map: MapId, key: Option<Value>) -> Value {
        match key {
            Some(key) => self.ir.lookup(map, key),
            None => self.ir.value(Op::Global(map)),
        }
    }

    /// `@x++` and `@x += n` for their effect: atomic, so that no CPU's update is lost.
    pub(super) fn add_to_map(&mut self, target: &Expr, by: Value) {
        let (map, key) = self.entry_of(target);
        let step = self.step_size(&self.out.decl(map).value.clone());
        let by = self.times(by, step);
        self.add_to_entry(map, key, by);
    }

    fn add_to_entry(&mut self, map: MapId, key: Option<Value>, by: Value) {
        let Some(key) = key else {
            debug_assert_eq!(self.out.decl(map).storage, Storage::Global, "a scalar map of integers");
            let entry = self.ir.value(Op::Global(map));
            let missing = self.ir.value(Op::IsNull(entry));
            self.ir.open();
            self.ir.push(Op::AtomicAdd { addr: entry, offset: 0, value: by });
            self.mark_set(entry, &Type::I64);
            let otherwise = self.ir.close();
            return self.ir.push(Op::If { cond: missing, then: rbtrace_ir::Region::default(), otherwise });
        };
        let entry = self.ir.lookup(map, key);
        let missing = self.ir.value(Op::IsNull(entry));
        self.ir.open();
        self.insert_or_add(map, key, by);
        let then = self.ir.close();
        self.ir.open();
        self.ir.push(Op::AtomicAdd { addr: entry, offset: 0, value: by });
        let otherwise = self.ir.close();
        self.ir.push(Op::If { cond: missing, then, otherwise });
    }

    /// Inserts; if another CPU was faster, adds to what it inserted.
    fn insert_or_add(&mut self, map: MapId, key: Value, by: Value) {
        let addr = self.temp(8);
        self.ir.store(8, addr, 0, by);
        let status = self.ir.update(map, key, addr, ONLY_IF_ABSENT);
        let failed = self.ir.cmp_int(Cmp::SLt, status, 0);
        let loss = self.map_full(map);
        self.ir.open();
        let again = self.ir.lookup(map, key);
        let missing = self.ir.value(Op::IsNull(again));
        self.ir.if_else(missing, |ir| ir.push(Op::Loss(loss)), |ir| ir.push(Op::AtomicAdd { addr: again, offset: 0, value: by }));
        let then = self.ir.close();
        self.ir.push(Op::If { cond: failed, then, otherwise: rbtrace_ir::Region::default() });
    }

    /// `@x++` as a value: the old one, or the new one for `++@x`.
    pub(super) fn step_map(&mut self, by: i64, prefix: bool, target: &Expr) -> Lowered {
        let (map, key) = self.entry_of(target);
        let ty = self.out.decl(map).value.clone();
        let entry = self.find(map, key);
        let Lowered::Int(before) = self.read_entry(entry, &ty) else { unreachable!("inference wants integers here") };
        let step = self.ir.int(by * self.step_size(&ty));
        self.add_to_entry(map, key, step);
        Lowered::Int(if prefix { self.ir.bin(Bin::Add, before, step) } else { before })
    }

    /// A per-CPU map's state on one CPU, or null.
    pub(super) fn state_on_cpu(&mut self, map: MapId, key: Value, cpu: Value) -> Value {
        let args = vec![Operand::Map(map), Operand::Value(key), Operand::Value(cpu)];
        self.ir.call(rbtrace_ir::Helper::MapLookupPerCpu, args)
    }
}
