//! The kernel's tree of the memory of a process (`struct maple_tree`, Linux 6.1), read without its lock: in an interrupt the kernel lets a program
//! take it only once, and who is sampled there is in several stretches of code. What is found is believed only if it says of itself that it is the
//! one at that place; of a tree that changes meanwhile nothing may be found.

use rbtrace_ir::{Bin, Builder, Cmp, Helper, LoopKind, Op, Operand, Region, SlotId, Value};
use rbtrace_types::{Facts, Type};

use super::memory::Places;
use super::{Walk, kernel_word};

/// Bytes of a node; its address has as many zeros, where the tree keeps other things.
const NODE: u32 = 256;
/// Nodes on the way to an area: ten to sixteen ways out of each.
const DEEPEST: u32 = 5;

/// Where things are in this kernel's nodes.
#[derive(Clone, Copy)]
pub(super) struct Tree {
    /// Of `struct task_struct`, and of `struct mm_struct`.
    memory: u32,
    root: u32,
    /// Nodes whose ways out lead to areas, those that lead to nodes, and those that know of gaps, too.
    leaf: Kind,
    range: Kind,
    gaps: Kind,
}

/// A kind of nodes.
#[derive(Clone, Copy)]
struct Kind {
    number: i64,
    /// Where the last addresses of the ways out are, and how many; where the ways out are.
    last: u32,
    count: u32,
    out: u32,
}

/// None where memory is kept in another way.
pub(super) fn tree(facts: &dyn Facts) -> Option<Tree> {
    let of = |of: &'static str| {
        let Type::Struct(of) = facts.kernel_type(of)? else { return None };
        Some(move |name: &str| of.field(name).cloned())
    };
    let kind = |number: &str, layout: &'static str| {
        let layout = of(layout)?;
        let (last, out) = (layout("pivot")?, layout("slot")?);
        let Type::Array(_, count) = last.ty else { return None };
        let fits = out.offset + 8 * (count + 1) <= NODE;
        let number = facts.kernel_enum_constant(number)?.1;
        fits.then_some(Kind { number, last: last.offset, count, out: out.offset })
    };
    let top = of("struct mm_struct")?("mm_mt")?;
    let Type::Struct(inner) = &top.ty else { return None };
    Some(Tree {
        memory: of("struct task_struct")?("mm")?.offset,
        root: top.offset + inner.field("ma_root")?.offset,
        leaf: kind("maple_leaf_64", "struct maple_range_64")?,
        range: kind("maple_range_64", "struct maple_range_64")?,
        gaps: kind("maple_arange_64", "struct maple_arange_64")?,
    })
}

/// The walk's own variables.
#[derive(Clone, Copy)]
pub(super) struct Way {
    node: SlotId,
    content: SlotId,
    index: SlotId,
}

impl Way {
    pub(super) fn new(ir: &mut Builder) -> Self {
        Self { node: ir.scalar("node"), content: ir.memory("content", NODE), index: ir.scalar("index") }
    }

    /// What is there of the way out that is looked at, in the part of the node that begins at an offset.
    fn word(self, ir: &mut Builder, part: Value) -> Value {
        let index = ir.value(Op::Get(self.index));
        let offset = ir.bin_int(Bin::Shl, index, 3);
        let offset = ir.bin(Bin::Add, offset, part);
        let content = ir.slot_addr(self.content);
        let word = ir.value(Op::Index { base: content, index: offset, bound: NODE - 7 });
        ir.load(8, false, word, 0)
    }
}

impl Walk {
    /// Looks for the stretch of code that a place is in, as `ask_kernel` does.
    pub(super) fn look_into_tree(&self, ir: &mut Builder, (places, tree, way): (&Places, &Tree, Way), at: Value) {
        let task = ir.call(Helper::CurrentTask, vec![]);
        let memory = kernel_word(ir, self.word, 8, task, tree.memory);
        let root = kernel_word(ir, self.word, 8, memory, tree.root);
        ir.push(Op::Set(way.node, root));
        ir.open();
        self.go_down(ir, tree, way, at);
        let body = ir.close();
        ir.push(Op::Loop { kind: LoopKind::Bounded { count: DEEPEST, index: None }, body });
        let area = ir.value(Op::Get(self.area));
        let belongs = self.is_area_of(ir, places, (area, memory), at);
        ir.open();
        self.code_at_area(ir, places);
        let then = ir.close();
        ir.push(Op::If { cond: belongs, then, otherwise: Region::default() });
    }

    /// One node further: to another one, or to an area, which ends the loop.
    fn go_down(&self, ir: &mut Builder, tree: &Tree, way: Way, at: Value) {
        let node = ir.value(Op::Get(way.node));
        let kind = ir.bin_int(Bin::LShr, node, 3);
        let kind = ir.bin_int(Bin::And, kind, 15);
        let from = ir.bin_int(Bin::And, node, !i64::from(NODE - 1));
        let content = ir.slot_addr(way.content);
        let done = ir.call(Helper::ProbeReadKernel, vec![Operand::Value(content), Operand::Int(NODE.into()), Operand::Value(from)]);
        let failed = ir.cmp_int(Cmp::SLt, done, 0);
        let is = |ir: &mut Builder, of: &Kind| ir.cmp_int(Cmp::Eq, kind, of.number);
        let (is_leaf, is_range, has_gaps) = (is(ir, &tree.leaf), is(ir, &tree.range), is(ir, &tree.gaps));
        let known = ir.bin(Bin::Or, is_leaf, is_range);
        let known = ir.bin(Bin::Or, known, has_gaps);
        let strange = ir.bin_int(Bin::Xor, known, 1);
        let over = ir.bin(Bin::Or, failed, strange);
        ir.if_else(over, |ir| ir.push(Op::Break), |_| ());
        let mut of = |one: u32, other: u32| {
            let (one, other) = (ir.int(one.into()), ir.int(other.into()));
            ir.value(Op::Select(has_gaps, one, other))
        };
        let (last, count) = (of(tree.gaps.last, tree.leaf.last), of(tree.gaps.count, tree.leaf.count));
        let out = of(tree.gaps.out, tree.leaf.out);
        self.find_way(ir, way, (last, count), (tree.gaps.count.max(tree.leaf.count), at));
        let next = way.word(ir, out);
        ir.open();
        ir.push(Op::Set(self.area, next));
        ir.push(Op::Break);
        let then = ir.close();
        ir.push(Op::If { cond: is_leaf, then, otherwise: Region::default() });
        ir.push(Op::Set(way.node, next));
    }

    /// The first way out whose last address is not before a place. Those that are not used say 0.
    fn find_way(&self, ir: &mut Builder, way: Way, (last, count): (Value, Value), (most, at): (u32, Value)) {
        let zero = ir.int(0);
        ir.push(Op::Set(way.index, zero));
        ir.open();
        let index = ir.value(Op::Get(way.index));
        let address = way.word(ir, last);
        let (behind, unused) = (ir.cmp(Cmp::UGe, index, count), ir.cmp_int(Cmp::Eq, address, 0));
        let found = ir.cmp(Cmp::UGe, address, at);
        let over = ir.bin(Bin::Or, behind, unused);
        let over = ir.bin(Bin::Or, over, found);
        ir.if_else(over, |ir| ir.push(Op::Break), |_| ());
        let next = ir.bin_int(Bin::Add, index, 1);
        ir.push(Op::Set(way.index, next));
        let body = ir.close();
        ir.push(Op::Loop { kind: LoopKind::Bounded { count: most, index: None }, body });
    }
}
