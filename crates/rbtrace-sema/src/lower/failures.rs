//! What goes wrong while a script runs (SPEC §9.13): said the first times in full, counted always. Nothing here costs anything unless it fails.
//!
//! A failure is a counter among the losses and an event with the place of the script. Programs raise the counter, and while it is low they
//! send the event; the runtime tells the rest as numbers. A hot path that fails a million times per second fills no ring buffer.

use std::collections::HashMap;
use std::mem::take;

use rbtrace_ir as ir;
use rbtrace_ir::{Cmp, EventDecl, Helper, Inst, LossId, LossKind, Manifest, MapId, Op, Region, Value};
use rbtrace_lang::compile::{Complaint, LowerCx, Lowered, RunWarnings};
use rbtrace_lang::run::RUNTIME_ERROR;
use rbtrace_types::Type;

use super::Lower;

/// Helpers that hardly ever fail where a script uses them.
const USUAL: [Helper; 2] = [Helper::GetStack, Helper::CurrentComm];
/// All of them and those that read foreign memory, where a failure may be just what the script finds out.
const ALL: [Helper; 7] = [
    Helper::GetStack,
    Helper::CurrentComm,
    Helper::ProbeReadUser,
    Helper::ProbeReadKernel,
    Helper::ProbeReadUserStr,
    Helper::ProbeReadKernelStr,
    Helper::ProbeReadStr,
];

/// The helpers whose failure is said.
pub(super) fn watched(warnings: RunWarnings) -> &'static [Helper] {
    match warnings {
        RunWarnings::None => &[],
        RunWarnings::Usual => &USUAL,
        RunWarnings::All => &ALL,
    }
}

impl Lower<'_> {
    /// Appends what counts a failure and, the first times, tells of it.
    pub(super) fn failure(&mut self, complaint: Complaint<'_>) {
        if self.shared.options.warnings == RunWarnings::None {
            return;
        }
        let mut site = self.event(RUNTIME_ERROR, complaint.span);
        site.texts.push(complaint.text.into());
        if let Some((helper, _)) = complaint.helper {
            site.texts.push(helper.name().into());
            site.args.push(Type::I64);
        }
        self.tell(site, complaint.helper.map(|(_, result)| result));
    }

    fn tell(&mut self, site: EventDecl, result: Option<Value>) {
        let event = self.out.event(site.clone());
        let loss = self.out.loss(LossKind::Failure, event);
        let before = self.ir.value(Op::Lost(loss));
        self.ir.push(Op::Loss(loss));
        let is_new = self.ir.cmp_int(Cmp::ULt, before, Manifest::TOLD_IN_FULL as i64);
        self.ir.open();
        let args: Vec<Lowered> = result.into_iter().map(Lowered::Int).collect();
        self.emit(site, &args);
        let then = self.ir.close();
        self.ir.push(Op::If { cond: is_new, then, otherwise: Region::default() });
    }

    /// The loss of updates of a full map, where the script stands. Its event is never sent: scripts that print nothing need no ring buffer.
    pub(super) fn map_full(&mut self, map: MapId) -> LossId {
        let span = self.ir.span.unwrap_or(self.body.probe.span);
        let mut site = self.event(RUNTIME_ERROR, span);
        site.texts.extend([Vec::new(), Helper::MapUpdate.name().into()]);
        site.maps.push(map);
        let event = self.out.event(site);
        self.out.loss(LossKind::MapFull(map), event)
    }

    /// `-k`: says that a key is not there, if it is not.
    pub(super) fn missing_key(&mut self, missing: Value) {
        let Some(span) = self.ir.span.filter(|_| self.shared.options.warnings == RunWarnings::All) else { return };
        self.ir.open();
        let zero = self.ir.int(0);
        let text = "Can't lookup map element because it does not exist.";
        self.failure(Complaint { span, text, helper: Some((Helper::MapLookup, zero)) });
        let then = self.ir.close();
        self.ir.push(Op::If { cond: missing, then, otherwise: Region::default() });
    }

    /// Remembers where the watched helpers stand that were called since the last time, while the macros that led there are known.
    pub(super) fn note_sites(&mut self) {
        for at in self.sites.len()..self.ir.fallible.len() {
            let span = self.ir.fallible[at].1.unwrap_or(self.body.probe.span);
            let site = self.event(RUNTIME_ERROR, span);
            self.sites.push(site);
        }
    }

    /// Puts a test behind every call of a watched helper.
    pub(super) fn watch(&mut self, region: Region) -> Region {
        self.note_sites();
        if self.sites.is_empty() {
            return region;
        }
        let results = self.ir.fallible.iter().map(|(result, _)| *result);
        let sites: HashMap<Value, EventDecl> = results.zip(take(&mut self.sites)).collect();
        self.ir.watched = &[];
        for mut subprogram in self.ir.take_subprograms() {
            subprogram.body = self.watch_region(subprogram.body, &sites);
            self.ir.add_subprogram(subprogram);
        }
        self.watch_region(region, &sites)
    }

    fn watch_region(&mut self, region: Region, sites: &HashMap<Value, EventDecl>) -> Region {
        self.ir.open();
        for mut inst in region.insts {
            for inner in inst.op.regions_mut() {
                let watched = self.watch_region(take(inner), sites);
                *inner = watched;
            }
            let call = watched_call(&inst);
            self.ir.splice(Region { insts: vec![inst] });
            if let Some((helper, result)) = call
                && let Some(site) = sites.get(&result)
            {
                self.test(helper, result, site.clone());
            }
        }
        self.ir.close()
    }

    fn test(&mut self, helper: Helper, result: Value, mut site: EventDecl) {
        site.texts.extend([Vec::new(), helper.name().into()]);
        site.args.push(Type::I64);
        self.ir.span = site.span;
        let failed = self.ir.cmp_int(Cmp::SLt, result, 0);
        self.ir.open();
        self.tell(site, Some(result));
        let then = self.ir.close();
        self.ir.push(Op::If { cond: failed, then, otherwise: Region::default() });
    }
}

fn watched_call(inst: &Inst) -> Option<(Helper, Value)> {
    match (&inst.op, inst.result) {
        (ir::Op::Call(helper, _), Some(result)) => Some((*helper, result)),
        _ => None,
    }
}
