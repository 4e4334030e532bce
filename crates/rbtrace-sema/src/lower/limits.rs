//! What the kernel takes as one program, looked at as soon as a script is lowered: its verifier would refuse the rest in words of its own,
//! and only after all the work of making it.

use std::collections::BTreeSet;

use rbtrace_diag::{Diagnostic, Sink, Span};
use rbtrace_ir as ir;
use rbtrace_ir::{LoopKind, MapId, Op, Operand};

/// Maps that one program can name (`MAX_USED_MAPS` of the kernel is 64).
const MOST_MAPS: usize = 60;
/// The others: the ring buffer, the counters of losses, scratch memory, constants.
const OWN_MAPS: usize = 4;

/// Operations of a whole script: the kernel takes a million instructions (`BPF_COMPLEXITY_LIMIT_INSNS`), and few operations need only one.
const MOST_OPERATIONS: usize = 500_000;

/// Branches on one way through a program. The kernel keeps the other sides of 8192 (`BPF_COMPLEXITY_LIMIT_JMP_SEQ`), not counting those whose
/// outcome it knows; the compiler takes minutes for what has many more.
const MOST_BRANCHES: usize = 10_000;

/// The same with all rounds of its own loops: what the kernel keeps.
const MOST_KEPT: u64 = 8192;

/// How many branches may be counted here for one that is kept: choices that exclude each other are counted one by one, and those whose outcome
/// is known. In between the kernel decides, and what it says is explained.
const COUNTED_PER_KEPT: u64 = 2;

/// Functions that run inside of each other (`MAX_CALL_FRAMES`): the program, what it calls, and the bodies of loops.
const MOST_FRAMES: usize = 8;

/// Says what is too much. Without `bpf_loop` the rounds of loops count, too.
pub(super) fn check(program: &ir::Program, has_loop: bool, sink: &mut Sink) {
    let mut operations = 0;
    for (function, declared) in program.functions.iter().zip(&program.manifest.programs) {
        let mut used = Used::default();
        let bodies = function.subprograms.iter().map(|sub| &sub.body).chain([&function.body]);
        bodies.for_each(|body| used.region(body));
        operations += used.operations;
        let (mut subprograms, mut depths, mut all_met) = (Vec::new(), Vec::new(), Vec::new());
        for subprogram in &function.subprograms {
            all_met.push(met(&subprogram.body, &all_met));
            subprograms.push(branches(&subprogram.body, &subprograms));
            depths.push(frames(&subprogram.body, &depths));
        }
        let deepest = frames(&function.body, &depths);
        if deepest > MOST_FRAMES {
            sink.push(too_deep(deepest, declared.span));
        }
        let most = branches(&function.body, &subprograms);
        if most > MOST_BRANCHES {
            sink.push(too_many_branches(most, declared.span));
        } else if !has_loop && used.loops && met(&function.body, &all_met) > COUNTED_PER_KEPT * MOST_KEPT {
            sink.push(too_many_rounds(declared.span));
        }
        if used.maps.len() > MOST_MAPS {
            sink.push(too_many_maps(used.maps.len(), declared.span));
        }
    }
    if operations > MOST_OPERATIONS {
        let message = format!("this script is too large: {operations} operations, at most {MOST_OPERATIONS} are possible");
        sink.push(Diagnostic::general(message).hint("a loop (`for ($i : 0..100) { … }`) costs as much as one round of it"));
    }
}

/// Operations that the kernel's verifier walks over: a loop of its own counts with all its rounds, one that is a function of its own once.
pub(super) fn walked(region: &ir::Region) -> u64 {
    let walk = |inst: &ir::Inst| {
        let nested = inst.op.regions().into_iter().map(walked).fold(0, u64::saturating_add);
        let rounds = if let Op::Loop { kind: LoopKind::Bounded { count, .. }, .. } = &inst.op { u64::from(*count) } else { 1 };
        nested.saturating_mul(rounds).saturating_add(1)
    };
    region.insts.iter().map(walk).fold(0, u64::saturating_add)
}

/// Branches that the verifier meets on its way through a region, tests for null and all rounds of its own loops included. It keeps the other
/// side of each until it is through.
pub(super) fn met(region: &ir::Region, subprograms: &[u64]) -> u64 {
    let meet = |inst: &ir::Inst| {
        let nested = inst.op.regions().into_iter().map(|region| met(region, subprograms)).max().unwrap_or(0);
        let rounds = if let Op::Loop { kind: LoopKind::Bounded { count, .. }, .. } = &inst.op { u64::from(*count) } else { 1 };
        let called = if let Op::Invoke(id) = &inst.op { subprograms.get(id.0 as usize).copied().unwrap_or(0) } else { 0 };
        let own = u64::from(matches!(inst.op, Op::If { .. } | Op::Switch { .. }));
        // A test of the answer, and one of the counter of failures.
        let counted = 2 * u64::from(matches!(inst.op, Op::Loss(_) | Op::Emit { .. }));
        nested.saturating_mul(rounds).saturating_add(own + counted + called)
    };
    region.insts.iter().map(meet).fold(0, u64::saturating_add)
}

/// Branches on the longest way through a region, where those of the subprograms are known; a loop counts as one round.
fn branches(region: &ir::Region, subprograms: &[usize]) -> usize {
    // The kernel knows of many addresses that they are not null.
    let mut tests = BTreeSet::new();
    let mut sum = 0usize;
    for inst in &region.insts {
        let longest = inst.op.regions().into_iter().map(|region| branches(region, subprograms)).max().unwrap_or(0);
        if matches!(inst.op, Op::IsNull(_)) {
            tests.extend(inst.result);
        }
        let tests_null = matches!(&inst.op, Op::If { cond, .. } if tests.contains(cond));
        let own = usize::from(!inst.op.regions().is_empty() && !tests_null);
        let called = if let Op::Invoke(id) = &inst.op { subprograms[id.0 as usize] } else { 0 };
        sum = sum.saturating_add(own + called + longest);
    }
    sum
}

/// Frames of a region, its own included, where those of the subprograms are known.
fn frames(region: &ir::Region, subprograms: &[usize]) -> usize {
    let inner = |inst: &ir::Inst| {
        if let Op::Invoke(id) = &inst.op {
            return 1 + subprograms[id.0 as usize];
        }
        let deepest = inst.op.regions().into_iter().map(|region| frames(region, subprograms)).max().unwrap_or(1);
        deepest + usize::from(inst.op.is_callback_loop())
    };
    region.insts.iter().map(inner).max().unwrap_or(1)
}

fn too_deep(count: usize, span: Span) -> Diagnostic {
    Diagnostic::error(span, format!("calls and loops are {count} deep in each other, at most {MOST_FRAMES} are possible"))
        .because("the kernel has no more frames for a program, for functions that it calls and for bodies of its loops")
        .hint("a macro is no call: it is part of what it stands in")
}

fn too_many_branches(count: usize, span: Span) -> Diagnostic {
    Diagnostic::error(span, format!("this probe is too large: {count} branches follow each other, at most {MOST_BRANCHES} are possible"))
        .because("the kernel looks at both sides of each")
        .hint("a loop (`for ($i : 0..100) { … }`) costs as much as one round of it; values to choose from can be keys of a map")
}

fn too_many_rounds(span: Span) -> Diagnostic {
    Diagnostic::error(span, "this probe is too large for this kernel")
        .because(format!(
            "without the helper bpf_loop (Linux 5.17) it walks all rounds of all loops, and no more than {MOST_KEPT} branches"
        ))
        .hint("fewer loops in loops, or several smaller probes")
}

fn too_many_maps(count: usize, span: Span) -> Diagnostic {
    Diagnostic::error(span, format!("this probe uses {count} maps, at most {MOST_MAPS} are possible"))
        .because(format!("the kernel allows a program {} maps, of which {OWN_MAPS} are needed for other things", MOST_MAPS + OWN_MAPS))
        .hint("one map with keys can hold what many maps hold: `@total[\"reads\"]`")
}

/// What a program uses.
#[derive(Default)]
struct Used {
    operations: usize,
    maps: BTreeSet<MapId>,
    /// Whether there are loops that the verifier walks.
    loops: bool,
}

impl Used {
    fn region(&mut self, region: &ir::Region) {
        self.operations += region.insts.len();
        for inst in &region.insts {
            self.maps.extend(map_of(&inst.op));
            self.loops |= matches!(inst.op, Op::Loop { kind: LoopKind::Bounded { .. }, .. });
            inst.op.regions().into_iter().for_each(|region| self.region(region));
        }
    }
}

/// The map that an operation names.
fn map_of(op: &Op) -> Option<MapId> {
    if let Op::Global(map) | Op::Loop { kind: LoopKind::ForEach { map, .. }, .. } = op {
        return Some(*map);
    }
    let Op::Call(_, args) = op else { return None };
    args.iter().find_map(|arg| if let Operand::Map(map) = arg { Some(*map) } else { None })
}
