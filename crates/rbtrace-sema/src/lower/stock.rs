//! Which maps need all their entries reserved because one run of a program may give them several new keys.
//!
//! A hash map without reserved entries takes them from a small stock of each CPU; for values per CPU it holds one to four. The kernel fills it
//! up between interrupts, so a program that asks again within the same run may get nothing and the update would be lost.

use rbtrace_ir::{Helper, MapId, Op, Operand, Program, Region};

/// Updates within one run that the stock always bears.
const ALWAYS: usize = 1;

/// Reserves the entries of those maps.
pub(super) fn reserve(program: &mut Program) {
    let functions = &program.functions;
    for (index, map) in program.manifest.maps.iter_mut().enumerate() {
        let id = MapId(index as u32);
        map.preallocate |= functions.iter().any(|function| updates(&function.body, id) > ALWAYS);
    }
}

/// How often one run may update a map at most; a loop counts as two rounds, which is once too often already.
fn updates(region: &Region, map: MapId) -> usize {
    region.insts.iter().map(|inst| updates_of(&inst.op, map)).sum()
}

fn updates_of(op: &Op, map: MapId) -> usize {
    if let Op::Call(Helper::MapUpdate, args) = op {
        return usize::from(args.contains(&Operand::Map(map)));
    }
    let inside = op.regions().into_iter().map(|region| updates(region, map));
    match op {
        // One of the branches is taken.
        Op::If { .. } | Op::Switch { .. } => inside.max().unwrap_or(0),
        op => inside.sum::<usize>() * if matches!(op, Op::Loop { .. }) { 2 } else { 1 },
    }
}
