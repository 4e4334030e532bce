//! Aggregations: updating this CPU's state, reading over all CPUs.

use rbtrace_diag::Diagnostic;
use rbtrace_ir::{LoopKind, MapId, Op, Value};
use rbtrace_lang::{Aggregation, Call, aggregations};
use rbtrace_syntax::ast::{Expr, ExprKind};
use rbtrace_types::{Aggregate, Feature, Type};

use super::Lower;
use crate::infer::aggregation_prelude;

/// `BPF_NOEXIST`
const ONLY_IF_ABSENT: i64 = 1;

impl Lower<'_> {
    /// `@x[k] = count()`
    pub(super) fn aggregate(&mut self, target: &Expr, value: &Expr, row: &'static Aggregation, args: Vec<&Expr>) {
        let (ExprKind::Map(name) | ExprKind::MapElement { map: rbtrace_diag::Spanned { node: name, .. }, .. }) = &target.kind else {
            unreachable!("inference wants a map here")
        };
        let Type::Aggregate(aggregate) = self.out.decl(self.out.map(name)).value.clone() else {
            unreachable!("inference wants an aggregation here")
        };
        self.stmts(aggregation_prelude(value));
        let prepared = (row.prepare)(self, &Call { name: row.name, id: value.id, span: value.span, args });
        let (map, key) = self.entry_of(target);
        let entry = match key {
            Some(key) => self.ir.lookup(map, key),
            None => self.ir.value(Op::Global(map)),
        };
        let missing = self.ir.value(Op::IsNull(entry));
        self.ir.open();
        if let Some(key) = key {
            self.first_update(map, key, row, &aggregate, &prepared);
        }
        let then = self.ir.close();
        self.ir.open();
        (row.update)(&mut self.ir, &aggregate, &prepared, entry);
        let otherwise = self.ir.close();
        self.ir.push(Op::If { cond: missing, then, otherwise });
    }

    /// No state for this key yet: inserts an empty one (another CPU may be faster, which is as well) and updates that.
    fn first_update(&mut self, map: MapId, key: Value, row: &'static Aggregation, aggregate: &Aggregate, prepared: &[Value]) {
        let zeros = self.out.constant(&vec![0; aggregate.size as usize]);
        let zeros = self.ir.const_addr(zeros);
        self.ir.update(map, key, zeros, ONLY_IF_ABSENT);
        let entry = self.ir.lookup(map, key);
        let missing = self.ir.value(Op::IsNull(entry));
        let loss = self.map_full(map);
        self.ir.open();
        self.ir.push(Op::Loss(loss));
        let then = self.ir.close();
        self.ir.open();
        (row.update)(&mut self.ir, aggregate, prepared, entry);
        let otherwise = self.ir.close();
        self.ir.push(Op::If { cond: missing, then, otherwise });
    }

    /// Reads an aggregation over all CPUs. A missing key reads as 0.
    pub(super) fn fold_cpus(&mut self, map: MapId, key: Option<Value>, aggregate: &Aggregate) -> Value {
        let row = aggregations::by_name(&aggregate.name).expect("inference took the name from the table");
        let span = self.ir.span.unwrap_or(self.body.probe.span);
        let Some(read) = &row.read else {
            // Inference says so of every expression that wants a value; a row that takes any type of argument comes to know it here.
            let error =
                Diagnostic::error(span, format!("`{}` cannot be read inside an expression", Type::Aggregate(aggregate.clone().into())));
            self.sink.push(error.because("it has no single value").hint("`print(@name)` shows it"));
            return self.ir.int(0);
        };
        if !self.shared.facts.has(Feature::LookupPerCpu) {
            let message = format!("`{}` cannot be read inside a probe on this kernel", aggregate.name);
            self.sink.push(Diagnostic::error(span, message).because("needs the helper map_lookup_percpu_elem (Linux 5.19)"));
        }
        let key = key.unwrap_or_else(|| {
            let zero = self.ir.int(0);
            let addr = self.temp(8);
            self.ir.store(8, addr, 0, zero);
            addr
        });
        let accumulators: Vec<_> = (read.init)(aggregate)
            .into_iter()
            .map(|start| {
                let slot = self.ir.scalar("accumulator");
                let start = self.ir.int(start);
                self.ir.push(Op::Set(slot, start));
                slot
            })
            .collect();
        let cpu = self.ir.scalar("cpu");
        self.ir.open();
        let number = self.ir.value(Op::Get(cpu));
        let state = self.state_on_cpu(map, key, number);
        let missing = self.ir.value(Op::IsNull(state));
        self.ir.open();
        (read.fold)(&mut self.ir, aggregate, &accumulators, state);
        let otherwise = self.ir.close();
        self.ir.push(Op::If { cond: missing, then: rbtrace_ir::Region::default(), otherwise });
        let body = self.ir.close();
        self.ir.push(Op::Loop { kind: LoopKind::Bounded { count: self.shared.facts.cpus(), index: Some(cpu) }, body });
        (read.finish)(&mut self.ir, aggregate, &accumulators)
    }
}
