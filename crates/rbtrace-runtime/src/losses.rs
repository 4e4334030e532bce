//! What was lost: counters that programs raise in the kernel, read once per second and at the end.

use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result};
use rbtrace_ir::{EventDecl, LossKind, Manifest, MapDecl, MapId};
use rbtrace_lang::run::failure;
use rbtrace_lang::warnings::{self, Warning};

use crate::maps::Maps;
use crate::output::stream::Sink;
use crate::output::{Output, Stream};
use crate::sys::maps as entries;

/// The counters and what has been said about them.
#[derive(Debug)]
pub struct Losses<'m> {
    manifest: &'m Manifest,
    counters: Option<OwnedFd>,
    /// Per counter: the number the user has been told.
    told: Vec<u64>,
}

impl<'m> Losses<'m> {
    /// `counters` is the map of that name; without it nothing can be lost.
    pub fn new(manifest: &'m Manifest, counters: Option<OwnedFd>) -> Self {
        Self { manifest, counters, told: vec![0; manifest.losses.len()] }
    }

    /// Reports what was lost since the last time.
    pub fn report(&mut self, maps: &Maps<'_>, output: &dyn Output, sink: &mut Sink) -> Result<()> {
        let Some(counters) = &self.counters else { return Ok(()) };
        let held_back = &self.manifest.config.held_back;
        for (number, (decl, told)) in self.manifest.losses.iter().zip(&mut self.told).enumerate() {
            let mut now = [0];
            entries::get(counters.as_fd(), &(number as u32).to_ne_bytes(), &mut now).context("reading the counters of losses")?;
            let (before, now) = (*told, now[0]);
            if now <= before {
                continue;
            }
            *told = now;
            let site = decl.site.and_then(|site| self.manifest.events.get(site.0 as usize));
            let mut line = Vec::new();
            let stream = match (decl.kind, site) {
                (LossKind::Ring, _) if held_back.names(warnings::LOST_EVENTS.code) => continue,
                (LossKind::Ring, _) => output.lost(now - before, &mut line),
                (LossKind::MapFull(id), Some(site)) if !held_back.includes(&site.code) => match maps.get(id) {
                    Some(map) => full(map.decl, map.count()?, now - before, before == 0, site, output, &mut line),
                    None => continue,
                },
                (LossKind::Failure, Some(site)) if now > Manifest::TOLD_IN_FULL && !held_back.includes(&site.code) => {
                    let (kind, text) = failure(site, None);
                    output.repeated(kind, site, &text, now - before.max(Manifest::TOLD_IN_FULL), &mut line)
                }
                (LossKind::MapFull(_) | LossKind::Failure, _) => continue,
            };
            sink.say(stream, &line);
        }
        Ok(())
    }

    /// Sums up at the end; `misses`: runs of programs that the kernel left out because the program was already running on that CPU.
    pub fn summary(&self, misses: u64, output: &dyn Output, sink: &mut Sink) {
        let mut say = |warning: &Warning, text: String| {
            if !self.manifest.config.held_back.includes(warning.code) {
                let mut line = Vec::new();
                let stream = output.complain(Some(warning.code), &text, &mut line);
                sink.say(stream, &line);
            }
        };
        let total = |wanted: LossKind| -> u64 {
            let all = self.manifest.losses.iter().zip(&self.told);
            all.filter(|(decl, _)| decl.kind == wanted).map(|(_, told)| told).sum()
        };
        let ring = total(LossKind::Ring);
        if ring > 0 {
            say(&warnings::LOST_EVENTS, format!("Total lost event count: {ring}"));
        }
        for (id, map) in self.manifest.maps.iter().enumerate() {
            let dropped = total(LossKind::MapFull(MapId(id as u32)));
            if dropped > 0 {
                say(&warnings::MAP_FULL, format!("Total updates of @{} dropped: {dropped}", map.name));
            }
        }
        if misses > 0 {
            let runs = if misses == 1 { "1 run of a probe was".to_owned() } else { format!("{misses} runs of probes were") };
            say(&warnings::MISSED_RUNS, format!("{runs} left out by the kernel: a program was already running on that CPU"));
        }
    }
}

/// Why updates of a map were dropped; the first time also where, and what helps. `count`: the keys it has now.
fn full(map: &MapDecl, count: usize, dropped: u64, first: bool, site: &EventDecl, output: &dyn Output, out: &mut Vec<u8>) -> Stream {
    let (name, room) = (&map.name, map.max_entries);
    let plural = if dropped == 1 { "" } else { "s" };
    // Maps whose entries are not reserved take them from a small stock, which a tight loop empties faster than the kernel fills it.
    let starved = count < room as usize / 2;
    // The first words of the second text are what scripts look for.
    let fact = match starved {
        true => format!(
            "{dropped} update{plural} of @{name} dropped: the kernel had no memory at hand for new keys, or the map was full ({room} keys) and has been cleared since"
        ),
        false => format!("Map full; can't update element of @{name}, which holds {room} keys: {dropped} update{plural} dropped"),
    };
    let (report, _) = failure(site, Some(-i64::from(if starved { libc::ENOMEM } else { libc::E2BIG })));
    if !first {
        return output.complain(Some(&site.code), &format!("{fact} ({})", site.location), out);
    }
    if starved {
        return output.report(report, site, &fact, out);
    }
    let (kind, more) = (if map.storage.is_per_cpu() { "percpuhash" } else { "hash" }, u64::from(room) * 2);
    let remedy = format!("Raise the config `max_map_keys`, or declare the map with room for more keys: `let @{name} = {kind}({more});`");
    output.report(report, site, &format!("{fact}. {remedy}"), out)
}
