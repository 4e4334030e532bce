//! Which maps need all their entries reserved because one run of a program may give them several new keys.
//!
//! A hash map without reserved entries takes them from a small stock of each CPU; for values per CPU it holds one to four. The kernel fills it
//! up between interrupts, so a program that asks again within the same run may get nothing and the update would be lost.

use std::collections::BTreeMap;

use rbtrace_ir::{Helper, Manifest, MapId, Op, Operand, Program, Region};

/// Updates within one run that the stock always bears.
const ALWAYS: usize = 1;

/// How often one run may update each map at most.
type Updates = BTreeMap<MapId, usize>;

/// Reserves the entries of those maps.
pub(super) fn reserve(program: &mut Program) {
    for function in &program.functions {
        let mut subprograms = Vec::new();
        for subprogram in &function.subprograms {
            subprograms.push(updates(&subprogram.body, &subprograms));
        }
        let often = updates(&function.body, &subprograms).into_iter().filter(|(_, times)| *times > ALWAYS);
        for (map, _) in often {
            let map = &mut program.manifest.maps[map.0 as usize];
            // A table of stacks is too large for that, and its stock is not that small: it has no value per CPU.
            map.preallocate |= !map.symbol.starts_with(Manifest::INTERNAL);
        }
    }
}

fn updates(region: &Region, subprograms: &[Updates]) -> Updates {
    let mut all = Updates::new();
    for inst in &region.insts {
        add(&mut all, updates_of(&inst.op, subprograms), usize::saturating_add);
    }
    all
}

/// A loop counts as two rounds, which is once too often already.
fn updates_of(op: &Op, subprograms: &[Updates]) -> Updates {
    if let Op::Invoke(id) = op {
        return subprograms[id.0 as usize].clone();
    }
    if let Op::Call(Helper::MapUpdate, args) = op {
        let maps = args.iter().filter_map(|arg| if let Operand::Map(map) = arg { Some((*map, 1)) } else { None });
        return maps.collect();
    }
    // Of branches one is taken.
    let is_branch = matches!(op, Op::If { .. } | Op::Switch { .. });
    let mut all = Updates::new();
    for region in op.regions() {
        add(&mut all, updates(region, subprograms), |known, more| if is_branch { known.max(more) } else { known.saturating_add(more) });
    }
    if matches!(op, Op::Loop { .. }) {
        all.values_mut().for_each(|times| *times = times.saturating_mul(2));
    }
    all
}

fn add(all: &mut Updates, more: Updates, join: impl Fn(usize, usize) -> usize) {
    for (map, times) in more {
        let known = all.entry(map).or_insert(0);
        *known = join(*known, times);
    }
}
