//! What goes wrong while a script runs (SPEC §9.13): said the first times in full, counted always. Nothing here costs anything unless it fails.
//!
//! A failure is a counter among the losses and an event with the place of the script. Programs raise the counter, and while it is low they
//! send the event; the runtime tells the rest as numbers. A hot path that fails a million times per second fills no ring buffer.

use std::collections::HashMap;
use std::mem::take;

use rbtrace_diag::Span;
use rbtrace_ir as ir;
use rbtrace_ir::{Cmp, EventDecl, Helper, Inst, LossId, LossKind, Manifest, MapId, Op, Region, Value};
use rbtrace_lang::compile::{Complaint, LowerCx, Lowered};
use rbtrace_lang::run::RUNTIME_ERROR;
use rbtrace_lang::warnings::{self, Warning};
use rbtrace_types::Type;

use super::Lower;
use crate::shared::Shared;

/// Helpers that hardly ever fail where a script uses them.
const USUAL: [(Helper, &Warning); 2] = [(Helper::GetStack, &warnings::STACK_LOST), (Helper::CurrentComm, &warnings::FAILED_HELPER)];
/// Those that read foreign memory, where a failure may be just what the script finds out.
const READS: [Helper; 5] =
    [Helper::ProbeReadUser, Helper::ProbeReadKernel, Helper::ProbeReadUserStr, Helper::ProbeReadKernelStr, Helper::ProbeReadStr];

/// The helpers whose failure is said.
pub(super) fn watched(shared: &Shared) -> Vec<Helper> {
    let is_said = |warning: &Warning| !shared.held_back.includes(warning.code);
    let usual = USUAL.iter().filter(|(_, warning)| is_said(warning)).map(|(helper, _)| *helper);
    let reads = READS.into_iter().filter(|_| shared.options.more_warnings && is_said(&warnings::FAILED_READ));
    usual.chain(reads).collect()
}

/// What the failure of a watched helper means.
fn class(helper: Helper) -> &'static Warning {
    USUAL.iter().find(|(usual, _)| *usual == helper).map_or(&warnings::FAILED_READ, |(_, warning)| warning)
}

impl Lower<'_> {
    /// Appends what counts a failure and, the first times, tells of it.
    pub(super) fn failure(&mut self, complaint: Complaint<'_>) {
        if self.shared.held_back.includes(complaint.warning.code) {
            return;
        }
        let mut site = self.site(complaint.warning, complaint.span);
        site.texts.push(complaint.text.into());
        if let Some((helper, _)) = complaint.helper {
            site.texts.push(helper.name().into());
            site.args.push(Type::I64);
        }
        self.tell(site, complaint.helper.map(|(_, result)| result));
    }

    /// An event that says what went wrong at a place.
    fn site(&self, warning: &Warning, span: Span) -> EventDecl {
        EventDecl { code: warning.code.to_owned(), ..self.event(RUNTIME_ERROR, span) }
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
        let mut site = self.site(&warnings::MAP_FULL, span);
        site.texts.extend([Vec::new(), Helper::MapUpdate.name().into()]);
        site.maps.push(map);
        let event = self.out.event(site);
        self.out.loss(LossKind::MapFull(map), event)
    }

    /// `-k`: says that a key is not there, if it is not.
    pub(super) fn missing_key(&mut self, missing: Value) {
        let Some(span) = self.ir.span.filter(|_| self.shared.options.more_warnings) else { return };
        self.ir.open();
        let zero = self.ir.int(0);
        let text = "Can't lookup map element because it does not exist.";
        self.failure(Complaint { warning: &warnings::MISSING_KEY, span, text, helper: Some((Helper::MapLookup, zero)) });
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
        self.ir.watched.clear();
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
        site.code = class(helper).code.to_owned();
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
